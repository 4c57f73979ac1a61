"""A fetcher that keeps nothing: the polite client alone, with a list of what was asked and of every response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from m4corpus.crawl.client import Client
from m4corpus.crawl.config import CrawlConfig, PolitenessConfig, QueriesConfig
from m4corpus.crawl.messages import Judge, Request, Response

T = TypeVar("T")


class PlainFetcher:
    """``asked`` holds every request in order, ``responses`` every response, ``troubles`` (slug, seconds waited)."""

    def __init__(self, client: Client) -> None:
        self._client = client
        client.events = lambda host, slug, seconds: self.troubles.append((slug, seconds))
        self.asked: list[Request] = []
        self.responses: list[Response] = []
        self.troubles: list[tuple[str, float]] = []

    async def get(self, request: Request, judge: Judge | None = None) -> Response:
        self.asked.append(request)
        return await self._client.get(request, judge, lambda asked, response, sent: self.responses.append(response))


def fetching(politeness: PolitenessConfig, work: Callable[[PlainFetcher], Awaitable[T]]) -> T:
    """Runs ``work`` with a fetcher that may reach this machine's own servers."""
    config = CrawlConfig(
        contact="tests@example.org",
        allow_private=["127.0.0.1/32"],
        politeness=politeness,
        queries=[QueriesConfig(name="none", path="none")],
    )

    async def run() -> T:
        async with Client(config) as client:
            return await work(PlainFetcher(client))

    return asyncio.run(run())
