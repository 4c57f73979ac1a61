"""Finding a site's sitemaps and reading them all."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from m4corpus.crawl.atonce import each
from m4corpus.crawl.client import content
from m4corpus.crawl.messages import Fetcher, Request
from m4corpus.crawl.sites.addresses import canonical
from m4corpus.crawl.sites.records import SiteVerdict
from m4corpus.crawl.sites.scope import Scope
from m4corpus.crawl.sites.sitemaps import MAX_BYTES, Sitemap, read_sitemap, robots_sitemaps
from m4corpus.ledger import Drop, Fail, Verdict

#: How deep indexes of sitemaps may lie in each other; the protocol knows one level.
MAX_NESTING = 3
#: Sitemaps read of one site.
MAX_SITEMAPS = 2_000
#: Addresses remembered of one site's sitemaps, wanted or not.
MAX_LISTED = 500_000

#: Sitemaps read before it is looked whether they list enough.
_WINDOW = 8


class Listing:
    """The addresses that a site's sitemaps list.

    Sitemaps are read level by level, each level in the order of its addresses, until ``enough`` addresses in scope are
    known. ``pages`` are these; ``verdicts`` tell of all other addresses, the sitemaps' own included.
    """

    def __init__(self, fetcher: Fetcher, scope: Scope, enough: int) -> None:
        self._fetcher = fetcher
        self._scope = scope
        self._enough = enough
        self._seen: set[str] = set()
        self.pages: set[str] = set()
        self.verdicts: dict[str, SiteVerdict] = {}

    async def read(self, starts: Iterable[str]) -> None:
        """Read the sitemaps that ``starts`` are, or that the robots.txt of their hosts names."""
        starts = sorted(set(starts))
        roots = [url for url in starts if urlsplit(url).path == "/" and not urlsplit(url).query]
        await self._read_all([url for url in starts if url not in roots], invited=False)
        # What turned out to be no sitemap is a page of a site that may have some.
        pages = [url for url in starts if self._slug(url) == "not-a-sitemap"]
        for site in sorted({canonical(_at(url, "/robots.txt")) for url in [*roots, *pages]}):
            await self._read_site(site)
        for url in roots:
            if url not in self.pages:
                self._say(SiteVerdict.dropped(url, "not-listed", "no sitemap lists this start address"))

    async def _read_site(self, robots: str) -> None:
        named: list[str] = []
        try:
            response = await self._fetcher.get(robots_request(robots))
            named = robots_sitemaps(content(response, MAX_BYTES).decode("utf-8", "replace"), robots)
        except Fail:
            pass  # no robots.txt names no sitemap
        if named:
            await self._read_all(named, invited=True)
        else:
            await self._read_all([canonical(_at(robots, "/sitemap.xml"))], invited=False)

    async def _read_all(self, level: list[str], *, invited: bool) -> None:
        """Read sitemaps and what lies in them; ``invited`` where robots.txt itself names them."""
        for nesting in range(MAX_NESTING + 1):
            level = [url for url in level if url not in self._seen]
            below: set[str] = set()
            for start in range(0, len(level), _WINDOW):
                window = level[start : start + _WINDOW]
                if full := self._full():
                    for url in level[start:]:
                        self._say(SiteVerdict.dropped(url, "page-limit", full))
                    break
                for url, sitemap in (await self._window(window, invited)).items():
                    self._note(url, sitemap)
                    below.update(sitemap.sitemaps)
            level = sorted(below)
            if nesting == MAX_NESTING:
                for url in level:
                    self._say(SiteVerdict.dropped(url, "too-deep", f"sitemaps nested deeper than {MAX_NESTING}"))

    async def _window(self, urls: list[str], invited: bool) -> dict[str, Sitemap]:
        read: dict[str, Sitemap | Verdict] = {}

        async def visit(url: str) -> None:
            try:
                # A site invites to its own files; those of another are asked for as its robots.txt has it.
                request = sitemap_request(url, invited=invited and self._scope.at_home(url))
                response = await self._fetcher.get(request)
                final = canonical(response.url)
                read[url] = read_sitemap(content(response, MAX_BYTES), final)
            except Fail as fail:
                read[url] = fail
            except ValueError as error:
                read[url] = Fail("bad-address", f"redirected to one: {error}")

        self._seen.update(urls)
        await each(urls, visit, _WINDOW)
        for url in urls:
            if isinstance(found := read[url], Verdict):
                self._say(SiteVerdict.of(url, found))
        return {url: found for url in urls if isinstance(found := read[url], Sitemap)}

    def _note(self, url: str, sitemap: Sitemap) -> None:
        counts = f"addresses={len(sitemap.pages)} sitemaps={len(sitemap.sitemaps)}"
        if sitemap.fault:
            self._say(SiteVerdict.of(url, Fail(sitemap.fault.slug, f"{sitemap.fault.detail}; before that {counts}")))
        else:
            self._say(SiteVerdict.dropped(url, "sitemap", counts))
        for address, why in sitemap.bad:
            self._say(SiteVerdict.dropped(address, "bad-address", why))
        for address in sitemap.pages:
            if address in self.pages:
                continue
            try:
                self._scope.check(address)
                self.pages.add(address)
            except Drop as drop:
                self._say(SiteVerdict.of(address, drop))

    def _full(self) -> str:
        """Why no further sitemap is read, empty while there is no reason."""
        if len(self.pages) >= self._enough:
            return f"the sitemaps before it list {len(self.pages)} addresses"
        if len(self._seen) >= MAX_SITEMAPS:
            return f"sitemaps={MAX_SITEMAPS}"
        return f"addresses={MAX_LISTED}" if len(self.verdicts) + len(self.pages) >= MAX_LISTED else ""

    def _say(self, verdict: SiteVerdict) -> None:
        self.verdicts.setdefault(verdict.url, verdict)

    def _slug(self, url: str) -> str:
        return self.verdicts[url].slug if url in self.verdicts else ""


def robots_request(url: str) -> Request:
    """Asks for a robots.txt; the same request as the one that is made to obey it."""
    return Request("robots", url)


def sitemap_request(url: str, *, invited: bool) -> Request:
    """Asks for a sitemap.

    One of the site's own that its robots.txt names, or that such a one names in turn, is there for crawlers whatever
    the rules say of its folder; one that a recipe names, that was guessed or that lies elsewhere asks for their leave.
    """
    return Request("sitemap", url, robots=not invited)


def _at(url: str, path: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{path}"
