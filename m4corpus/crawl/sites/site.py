"""The crawl of one web site: breadth first from its start addresses, or over what its sitemaps list.

Which pages are taken depends on the answers alone. Addresses are asked for level by level, each level in their order,
in windows that are settled in order once all their answers are there. Only addresses are kept in memory: a page is
read for its links as soon as it comes, and its body stays in the archive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from m4corpus.crawl.atonce import each
from m4corpus.crawl.client import content
from m4corpus.crawl.config import SiteConfig
from m4corpus.crawl.messages import Failed, Fetcher, Request, Response
from m4corpus.crawl.sites.addresses import canonical
from m4corpus.crawl.sites.links import Links, links_of
from m4corpus.crawl.sites.listing import Listing
from m4corpus.crawl.sites.pages import MAX_BYTES, markup_of
from m4corpus.crawl.sites.records import SitePage, SiteResult, SiteVerdict
from m4corpus.crawl.sites.scope import Scope
from m4corpus.ledger import Drop, Fail, Verdict

#: Media types of the pages that are taken.
HTML = ("text/html", "application/xhtml+xml")
#: Addresses asked for, at most, for each page that may be taken: a site of nothing but dead links comes to an end.
ASKED_PER_PAGE = 4

_WINDOW = 64


async def crawl_site(fetcher: Fetcher, config: SiteConfig, on_page: Callable[[], None] | None = None) -> SiteResult:
    """Pages of a site and a verdict on every address seen.

    ``on_page`` is called after each page taken. What the fetcher raises other than :class:`Failed` goes
    through; asked again, the crawl takes the same way.
    """
    crawl = _Crawl(fetcher, config, on_page)
    await crawl.run()
    return crawl.result()


def page_request(url: str) -> Request:
    """Asks for a web page, if robots.txt allows."""
    return Request("page", url, accept=HTML, robots=True)


@dataclass(frozen=True, slots=True)
class _Visit:
    """Where an address led, what is linked there, and why its text cannot be read."""

    final: str
    links: Links
    fault: Fail | None = None


class _Crawl:
    def __init__(self, fetcher: Fetcher, config: SiteConfig, on_page: Callable[[], None] | None) -> None:
        self._fetcher = fetcher
        self._config = config
        self._on_page = on_page
        self._verdicts: dict[str, SiteVerdict] = {}
        self._starts = frozenset(self._read_starts(config.start))
        self._scope = Scope(config, self._starts)
        self._pages: list[SitePage] = []
        self._asked = 0
        #: Addresses that were or will be asked for.
        self._queued: set[str] = set()
        #: Where addresses led -> the first address that led there.
        self._reached: dict[str, str] = {}
        self._nofollow: set[str] = set()

    async def run(self) -> None:
        """Visit all there is to visit."""
        if self._config.by == "sitemap":
            listing = Listing(self._fetcher, self._scope, ASKED_PER_PAGE * self._config.max_pages)
            await listing.read(self._starts)
            self._verdicts.update((url, said) for url, said in listing.verdicts.items() if url not in listing.pages)
            await self._level(sorted(listing.pages), depth=0, last=True)
            return
        level = sorted(self._starts)
        for depth in range(self._config.depth + 1):
            level = await self._level(level, depth, last=depth == self._config.depth)
        for url in sorted(self._nofollow - self._queued):
            self._say(SiteVerdict.dropped(url, "nofollow", "only linked where the page asks not to follow"))

    def result(self) -> SiteResult:
        """What was found so far."""
        return SiteResult(
            sorted(self._pages, key=lambda page: page.final_url),
            sorted(self._verdicts.values(), key=lambda verdict: verdict.url),
        )

    def _read_starts(self, addresses: Iterable[str]) -> Iterable[str]:
        for address in addresses:
            try:
                yield canonical(address)
            except ValueError as error:
                self._say(SiteVerdict.of(address, Fail("bad-address", str(error))))

    async def _level(self, level: list[str], depth: int, *, last: bool) -> list[str]:
        """Visit the addresses of one level; those of the next one, sorted, none after the last."""
        self._queued.update(level)
        found: set[str] = set()
        while level:
            if full := self._full():
                for url in level:
                    self._say(SiteVerdict.dropped(url, "page-limit", full))
                break
            size = min(_WINDOW, self._config.max_pages - len(self._pages))
            window, level = level[:size], level[size:]
            visits = await self._window([url for url in window if not self._led_here(url)])
            for url, visit in visits.items():
                found.update(self._settle(url, visit, depth))
        for url in sorted(found) if last else ():
            self._say(SiteVerdict.dropped(url, "too-deep", f"depth={depth + 1}"))
        return [] if last else sorted(found)

    async def _window(self, urls: list[str]) -> dict[str, _Visit | Verdict]:
        visits: dict[str, _Visit | Verdict] = {}

        async def visit(url: str) -> None:
            visits[url] = await self._visit(url)

        self._asked += len(urls)
        await each(urls, visit, _WINDOW)
        return {url: visits[url] for url in urls}

    async def _visit(self, url: str) -> _Visit | Verdict:
        try:
            response = await self._fetcher.get(page_request(url))
            final = canonical(response.url)
        except Failed as failed:
            # Something answers, but it is no web page.
            return Drop("not-html", f"content-type={failed.detail}") if failed.slug == "content-type" else failed
        except ValueError as error:
            return Fail("bad-address", f"redirected to one: {error}")
        return _read(response, final)

    def _settle(self, url: str, visit: _Visit | Verdict, depth: int) -> Iterable[str]:
        """Say what became of ``url``; the links to follow from there."""
        if isinstance(visit, Verdict):
            self._say(SiteVerdict.of(url, visit))
            return []
        if self._led_here(url, visit.final):
            return []
        self._reached[visit.final] = url
        try:
            self._scope.check(visit.final)
        except Drop as drop:
            detail = drop.detail if visit.final == url else f"{drop.detail}; redirected to {visit.final}"
            self._say(SiteVerdict.dropped(url, drop.slug, detail))
            # A start address is where to begin, whether or not it is to be taken itself.
            return self._new(visit.links) if url in self._starts and self._scope.at_home(visit.final) else []
        if visit.fault:
            self._say(SiteVerdict.of(url, visit.fault))
        elif visit.links.noindex:
            self._say(SiteVerdict.dropped(url, "noindex", "the page asks not to be kept"))
        else:
            self._keep(url, visit, depth)
        return self._new(visit.links)

    def _keep(self, url: str, visit: _Visit, depth: int) -> None:
        page = SitePage(url, visit.final, page_request(url), depth, visit.links.canonical)
        self._pages.append(page)
        left_out = f"links left out={visit.links.more}" if visit.links.more else ""
        self._say(SiteVerdict.kept(url, left_out))
        if self._on_page:
            self._on_page()

    def _led_here(self, url: str, final: str = "") -> bool:
        """Whether an address before it led where ``url`` leads; says so."""
        first = self._reached.get(final or url)
        if first is None:
            return False
        self._say(SiteVerdict.dropped(url, "duplicate-redirect", f"same page as {first}"))
        return True

    def _new(self, links: Links) -> Iterable[str]:
        """Links to addresses in scope that nobody asked for yet."""
        if self._config.by == "sitemap":
            return
        for href, why in links.bad:
            self._say(SiteVerdict.dropped(href, "bad-address", why))
        for url in (*links.follow, *links.nofollow):
            if url in self._queued or url in self._verdicts:
                continue
            try:
                self._scope.check(url)
            except Drop as drop:
                self._say(SiteVerdict.of(url, drop))
        self._nofollow.update(url for url in links.nofollow if url not in self._verdicts)
        yield from (url for url in links.follow if url not in self._queued and url not in self._verdicts)

    def _full(self) -> str:
        """Why nothing more is asked for, empty while there is no reason."""
        most = self._config.max_pages
        if len(self._pages) >= most:
            return f"max_pages={most}"
        return f"asked={self._asked} max_pages={most}" if self._asked >= ASKED_PER_PAGE * most + _WINDOW else ""

    def _say(self, verdict: SiteVerdict) -> None:
        self._verdicts.setdefault(verdict.url, verdict)


def _read(response: Response, final: str) -> _Visit:
    """Links of a page, even of one whose text is broken: addresses survive almost any charset."""
    fault: Fail | None = None
    try:
        markup = markup_of(response)
    except Fail as fail:
        fault = fail
        try:
            markup = content(response, MAX_BYTES).decode("utf-8", "replace")
        except Fail:
            return _Visit(final, Links(), fault)
    tags = tuple(value for name, value in response.headers if name.lower() == "x-robots-tag")
    return _Visit(final, links_of(markup, final, tags), fault)
