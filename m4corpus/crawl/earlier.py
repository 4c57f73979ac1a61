"""Taking from earlier crawls what cannot have changed: the HTML of a revision that is pinned again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from m4corpus.crawl.fetcher import AsksNetwork, ReplayFetcher
from m4corpus.crawl.messages import Failed, Judge, Request, Response

if TYPE_CHECKING:
    from m4corpus.crawl.capture import Fields

#: Kinds of requests that name a revision, whose text never changes. A template it uses may: then the older rendering
#: stays, and a page counts as changed when somebody edits it.
PINNED = frozenset({"parse", "revision"})


class EarlierFirst:
    """Asks the archives of earlier crawls for renderings of revisions, in order until one has the answer, and
    ``client`` for everything else.

    What is taken over is stored again, with the time it was fetched at first, so that every crawl stands alone.
    """

    def __init__(self, client: AsksNetwork, earlier: Sequence[ReplayFetcher]) -> None:
        self._client = client
        self._earlier = earlier

    async def get(
        self,
        request: Request,
        judge: Judge | None = None,
        sink: Callable[[Request, Response, Fields], None] | None = None,
        allowed: Callable[[str], Awaitable[None]] | None = None,
    ) -> Response:
        """The answer of an earlier crawl, else the network's."""
        for earlier in self._earlier if request.kind in PINNED else ():
            try:
                response = await earlier.get(request)
            except Failed:
                continue
            if sink:
                sink(request, response, ())
            return response
        return await self._client.get(request, judge, sink=sink, allowed=allowed)

    def slow(self, host: str, seconds: float) -> None:
        """As the network's."""
        self._client.slow(host, seconds)
