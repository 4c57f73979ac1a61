"""Asking the wikis: searches, language links, pinned revisions and their HTML, over any fetcher."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from dataclasses import replace
from typing import TypeVar

from m4corpus.crawl.client.body import content
from m4corpus.crawl.config import WikiConfig
from m4corpus.crawl.mediawiki import api, pages, render
from m4corpus.crawl.mediawiki.answers import MAX_BYTES, Answer, continuation, data, judge
from m4corpus.crawl.mediawiki.records import Hit, ImageInfo, Pin, Rendered
from m4corpus.crawl.messages import Failed, Fetcher, Request, Response, Retry
from m4corpus.ledger import Drop, Fail, Verdict

#: Answers one question may take; only a wiki that never comes to an end needs more.
_MOST_ANSWERS = 1000

T = TypeVar("T")


class Wiki:
    """The editions of a family of wikis. What a method returns depends on the answers alone, never on their order.

    Methods raise ``Failed`` where a request failed; :meth:`pin` and :meth:`pin_titles` return it as the verdict on the
    pages it was about. ``links`` is how many language links an answer may hold; by default as many as the wiki gives.
    """

    def __init__(self, fetcher: Fetcher, config: WikiConfig, *, links: str | int = "max") -> None:
        self.fetcher = fetcher
        self.config = config
        self._links = links

    async def search(self, edition: str, query: str, limit: int) -> list[Hit]:
        """The first ``limit`` distinct pages a search finds, best first."""
        where = self._api(edition)
        what, namespaces = self.config.what, self.config.namespaces
        found: dict[int, Hit] = {}

        def page(go_on: Answer | None) -> Request:
            return api.search(where, query, limit=limit - len(found), what=what, namespaces=namespaces, go_on=go_on)

        async for answer in self._answers(page):
            for hit in api.hits(answer):
                found.setdefault(hit.pageid, hit)
            if len(found) >= limit:
                break
        return list(found.values())[:limit]

    async def langlinks(self, edition: str, pageids: Collection[int]) -> dict[int, dict[str, str]]:
        """Titles of each page in other editions, by page id (ascending) and edition; empty for a page without links."""
        where = self._api(edition)

        async def ask(batch: list[int]) -> list[tuple[int, list[tuple[str, str]]]]:
            answers = self._answers(lambda go_on: api.langlinks(where, batch, limit=self._links, go_on=go_on))
            return [item async for answer in answers for item in api.links(answer).items()]

        links: dict[int, list[tuple[str, str]]] = {pageid: [] for pageid in sorted(set(pageids))}
        for found in await _all(map(ask, pages.batches(pageids))):
            for pageid, pairs in found:
                links[pageid].extend(pairs)
        return {pageid: api.by_edition(pairs) for pageid, pairs in links.items()}

    async def pin(self, edition: str, pageids: Collection[int]) -> dict[int, Pin | Verdict]:
        """Each page at its newest revision, or at the newest of the time ``as_of``; by page id, ascending.

        A page that is a redirect now is pinned at the page it leads to. Verdicts: ``Drop`` of ``missing-page``,
        ``after-as-of``, ``special-page``, ``interwiki`` or ``redirect-loop``; ``Fail`` where it could not be found out.
        """
        rows = await self._rows(self._api(edition), pageids)
        redirects = {pageid: row.title for pageid, row in rows.items() if isinstance(row, pages.Row) and row.redirect}
        ends = await self.pin_titles(edition, redirects.values())
        return {
            pageid: ends[redirects[pageid]] if pageid in redirects else self._pinned(edition, row)
            for pageid, row in rows.items()
        }

    async def pin_titles(self, edition: str, titles: Collection[str]) -> dict[str, Pin | Verdict]:
        """The pages with these titles, as :meth:`pin` has them; by title as it was given, sorted.

        The wiki puts spellings right (capitals, underscores, script) and follows redirects. ``Drop`` verdicts as there,
        and ``invalid-title``.
        """
        where = self._api(edition)
        names: dict[str, str | Verdict] = {title: _askable(title) for title in sorted(set(titles))}
        batches = pages.title_batches([name for name in names.values() if isinstance(name, str)])

        async def ask(batch: list[str]) -> dict[str, pages.Lead]:
            try:
                return pages.leads(await self._ask(pages.titles(where, batch)), batch)
            except Fail as verdict:
                return dict.fromkeys(batch, pages.Lead(verdict))

        leads = {name: lead for found in await _all(map(ask, batches)) for name, lead in found.items()}
        if self.config.as_of:
            leads = await self._earlier(where, leads)
        pinned = {name: self._pinned(edition, lead.end, lead.redirected_from) for name, lead in leads.items()}
        return {title: pinned[name] if isinstance(name, str) else name for title, name in names.items()}

    async def html(self, edition: str, pin: Pin) -> Rendered:
        """The HTML of a pinned revision; raises ``Failed``, as ``api-nosuchrevid`` where it has been deleted since."""
        response = await self.fetch_html(replace(pin, edition=edition))
        if self.config.html == "legacy":
            return render.parsed(_data(response), pin)
        try:
            return render.parsoid(content(response, MAX_BYTES).decode(), pin)
        except UnicodeDecodeError as error:
            raise Failed("invalid-utf8", f"offset {error.start}") from None

    async def fetch_html(self, pin: Pin) -> Response:
        """The answer :meth:`html` reads, unread."""
        if self.config.html == "legacy":
            return await self.fetcher.get(render.parse(self._api(pin.edition), pin.revision), judge)
        return await self.fetcher.get(render.revision_html(api.address(self.config.rest, pin.edition), pin.revision))

    async def image_search(self, api_url: str, query: str, limit: int, width: int = 0) -> list[ImageInfo]:
        """The first ``limit`` files a search finds, best first; with thumbnails of ``width`` pixels unless 0."""
        found: dict[int, ImageInfo] = {}
        what = self.config.what

        def page(go_on: Answer | None) -> Request:
            return api.image_search(api_url, query, limit=limit, what=what, width=width, go_on=go_on)

        async for answer in self._answers(page):
            for place, image in api.images(answer).items():
                found.setdefault(place, image)
            # An answer may end in the middle of a batch, with some of its files yet to be described.
            if answer.get("batchcomplete") and len(found) >= limit:
                break
        return [found[place] for place in sorted(found)][:limit]

    def _api(self, edition: str) -> str:
        return api.address(self.config.api, edition)

    async def _ask(self, request: Request) -> Answer:
        return _data(await self.fetcher.get(request, judge))

    async def _answers(self, ask: Callable[[Answer | None], Request]) -> AsyncIterator[Answer]:
        """The answer to ``ask(None)`` and those that continue it; raises ``Failed("endless")`` if they never end."""
        go_on: Answer | None = None
        for _ in range(_MOST_ANSWERS):
            answer = await self._ask(ask(go_on))
            yield answer
            go_on = continuation(answer)
            if go_on is None:
                return
        raise Failed("endless", f"answers>{_MOST_ANSWERS}")

    async def _rows(self, where: str, pageids: Collection[int]) -> dict[int, pages.Row | Verdict]:
        """Pages with their revisions, redirects as they are; by page id, ascending."""
        as_of = self.config.as_of

        async def ask(batch: list[int]) -> dict[int, pages.Row | Verdict]:
            try:
                found = pages.rows(await self._ask(pages.pages(where, batch, as_of=as_of)))
            except Fail as verdict:
                return dict.fromkeys(batch, verdict)
            return {pageid: found.get(pageid, Fail("unanswered", f"pageid={pageid}")) for pageid in batch}

        batches = [[pageid] for pageid in sorted(set(pageids))] if as_of else pages.batches(pageids)
        return {pageid: row for found in await _all(map(ask, batches)) for pageid, row in found.items()}

    async def _earlier(self, where: str, leads: dict[str, pages.Lead]) -> dict[str, pages.Lead]:
        """The same leads to pages as of ``as_of``."""
        rows = await self._rows(where, {lead.end.pageid for lead in leads.values() if isinstance(lead.end, pages.Row)})
        return {
            name: replace(lead, end=rows[lead.end.pageid]) if isinstance(lead.end, pages.Row) else lead
            for name, lead in leads.items()
        }

    def _pinned(self, edition: str, row: pages.Row | Verdict, redirected_from: str = "") -> Pin | Verdict:
        if isinstance(row, Verdict):
            return row
        if row.revision:
            return row.pin(edition, redirected_from)
        as_of = self.config.as_of
        return Drop("after-as-of", f"as_of={as_of}") if as_of else Fail("no-revision", f"pageid={row.pageid}")


def _data(response: Response) -> Answer:
    try:
        return data(response)
    except Retry as excuse:
        # Only an archive can hold this, of a process that ended before it tried again.
        raise Failed(excuse.slug, excuse.detail, transient=True) from None


def _askable(title: str) -> str | Verdict:
    try:
        return pages.askable(title)
    except Drop as verdict:
        return verdict


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    """Results of concurrent work in its order; of several failures the first in that order is raised.

    What is more than a failed request, such as a lost network, goes before these.
    """
    results = await asyncio.gather(*work, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        raise next((failure for failure in failures if not isinstance(failure, Fail)), failures[0])
    return [result for result in results if not isinstance(result, BaseException)]
