"""What answers a crawl's requests: the archive and, where it has no answer, the network; or the archive alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from m4corpus.crawl.archive import Archive, Place
from m4corpus.crawl.config import PolitenessConfig
from m4corpus.crawl.frontier import DONE, FAILED, Frontier, Row
from m4corpus.crawl.messages import Failed, Judge, Request, Response
from m4corpus.crawl.recovery import recover

if TYPE_CHECKING:
    from m4corpus.crawl.capture import Fields


class AsksNetwork(Protocol):
    """The part of :class:`m4corpus.crawl.client.Client` that is needed here."""

    def get(
        self,
        request: Request,
        judge: Judge | None = None,
        sink: Callable[[Request, Response, Fields], None] | None = None,
        allowed: Callable[[str], Awaitable[None]] | None = None,
    ) -> Awaitable[Response]:
        """The answer, after every response on the way to it went to ``sink``."""

    def slow(self, host: str, seconds: float) -> None:
        """Leave so many seconds between requests to a host."""


@dataclass
class Counters:
    """Requests answered by the network, those the archive knew the answer to, and those that failed now or before."""

    fetched: int = 0
    reused: int = 0
    failed: int = 0


@dataclass
class _Flight:
    """A request under way and how many wait for it."""

    task: asyncio.Task[Response]
    waiting: int = 0


class LiveFetcher:
    """Asks the network once for every request; what the archive has is never asked for again.

    Call :meth:`recover` first. ``judges`` say by kind of request which stored responses are answers, and ``max_bytes``
    is the client's limit. A request that failed raises the same again; with ``retry_failed`` those that may do better
    another time are sent once more. One process at a time: the crawl's directory is locked.
    """

    def __init__(
        self,
        client: AsksNetwork,
        archive: Archive,
        frontier: Frontier,
        *,
        judges: Mapping[str, Judge] | None = None,
        retry_failed: bool = False,
        max_bytes: int = PolitenessConfig().max_bytes,
    ) -> None:
        from m4corpus.crawl.client.robots import Robots

        self.counters = Counters()
        self._client = client
        self._archive = archive
        self._frontier = frontier
        self._judges = judges or {}
        self._retry_failed = retry_failed
        self._max_bytes = max_bytes
        self._robots = Robots(self.get, slow=client.slow)
        self._flights: dict[str, _Flight] = {}
        self._tried: set[str] = set()
        self._open: dict[str, Place] = {}

    def recover(self) -> int:
        """Mend the archive after a kill and note what was stored last; how many requests that settled."""
        self._archive.repair(self._frontier.settled)
        adopted = recover(self._archive, self._frontier, self._judges, self._max_bytes)
        self._frontier.checkpoint = self._checkpoint
        return adopted

    async def get(self, request: Request, judge: Judge | None = None) -> Response:
        """The answer to ``request``. Equal requests under way share it.

        Raises ``Failed``, ``HostDown`` (the request stays pending), ``IntegrityError`` where the archive is damaged.
        """
        row = self._frontier.seen(request.key)
        if row and row.state == DONE:
            return await _stored(self._archive, row, self.counters)
        if row and row.state == FAILED and not self._again(row):
            self.counters.failed += 1
            raise row.failure
        flight = self._flights.get(request.key)
        if flight is None:
            flight = self._flights[request.key] = _Flight(asyncio.create_task(self._ask(request, judge)))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                if self._flights.get(request.key) is flight:
                    del self._flights[request.key]
                # Where it is not done yet, whoever asked is gone: nobody would hear of the end.
                flight.task.cancel()

    def _again(self, row: Row) -> bool:
        """Whether a failed request is to be sent once more in this run."""
        return self._retry_failed and row.transient and row.key not in self._tried

    async def _ask(self, request: Request, judge: Judge | None) -> Response:
        key = request.key
        started, responses, place = time.monotonic(), 0, None

        def sink(asked: Request, response: Response, sent: Fields) -> None:
            nonlocal place, responses
            place = self._archive.append(asked, response, sent)
            self._open.setdefault(key, place)
            responses += 1

        try:
            self._frontier.ask(request)
            allowed = self._robots.check if request.robots else None
            if allowed:
                await allowed(request.url)
            response = await self._client.get(request, judge, sink=sink, allowed=allowed)
            assert place is not None, "the client gives every response to the sink"
            self._open.pop(key)
            self._frontier.done(request, place, response, responses, time.monotonic() - started)
            self.counters.fetched += 1
            return response
        except Failed as failed:
            place = self._archive.append_failure(request, failed)
            self._open.pop(key, None)
            self._tried.add(key)
            self._frontier.failed(request, failed, place, responses, time.monotonic() - started)
            self.counters.failed += 1
            raise

    def _checkpoint(self) -> Place:
        """Make the archive durable; the place before the first response that no row accounts for yet."""
        self._archive.sync()
        first = min(self._open.values(), default=self._archive.end)
        return Place(first.file, first.offset, 0)


class ReplayFetcher:
    """Answers from an archive alone. Call :meth:`recover` first: it fills an empty frontier.

    A request that was never answered raises ``Failed("not-archived")``; ``missing`` counts these.
    """

    def __init__(
        self,
        archive: Archive,
        frontier: Frontier,
        *,
        judges: Mapping[str, Judge] | None = None,
        max_bytes: int = PolitenessConfig().max_bytes,
    ) -> None:
        from m4corpus.crawl.client.robots import Robots

        self.counters = Counters()
        self.missing = 0
        self._archive = archive
        self._frontier = frontier
        self._judges = judges or {}
        self._max_bytes = max_bytes
        self._robots = Robots(self.get)

    def recover(self) -> int:
        """Read what the frontier does not know from the archive, which stays as it is; how many requests that were."""
        return recover(self._archive, self._frontier, self._judges, self._max_bytes)

    async def get(self, request: Request, judge: Judge | None = None) -> Response:
        """The archived answer to ``request``; raises what it raised when it was fetched, or ``not-archived``."""
        row = self._frontier.seen(request.key)
        if row and row.state == DONE:
            return await _stored(self._archive, row, self.counters)
        self.counters.failed += 1
        if row and row.state == FAILED:
            raise row.failure
        if request.robots:
            await self._robots.check(request.url)
        self.missing += 1
        raise Failed("not-archived", request.kind)


async def _stored(archive: Archive, row: Row, counters: Counters) -> Response:
    """The answer a row points at."""
    assert row.place is not None
    counters.reused += 1
    # A long row of answers that are there already must not starve those that are on their way.
    await asyncio.sleep(0)
    return archive.read(row.place, row.key)
