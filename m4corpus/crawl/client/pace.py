"""When a request may start: so many at once to a host, so many a second to it and to all hosts together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic

from m4corpus.crawl.config import PolitenessConfig

#: Seconds between requests that a site may ask for (``Crawl-delay``); at more, a crawl would never end.
LONGEST_SPACING = 30.0


@dataclass(slots=True)
class _Host:
    slots: asyncio.Semaphore
    spacing: float  # seconds between two starts
    due: float = 0.0  # when the next request may start


class Pace:
    """Starts are spaced evenly: a rate of 5 a second means 0.2 s between two, never 5 at once."""

    def __init__(self, config: PolitenessConfig) -> None:
        self._config = config
        self._spacing = 1 / config.total_per_second
        self._due = 0.0
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[None]:
        """Wait for this request's turn at the host; the turn lasts as long as the block."""
        host = self._host(name)
        async with host.slots:
            # Nothing can come between the last look at the clock and taking the turn: no await separates them.
            while (wait := max(host.due, self._due) - monotonic()) > 0:
                await asyncio.sleep(wait)
            now = monotonic()
            host.due = now + host.spacing
            self._due = now + self._spacing
            yield

    def pause(self, name: str, seconds: float) -> None:
        """Start nothing at the host for so long, whichever request it is for."""
        host = self._host(name)
        host.due = max(host.due, monotonic() + seconds)

    def slow(self, name: str, seconds: float) -> None:
        """Leave at least ``seconds`` between two requests to the host, or :data:`LONGEST_SPACING`."""
        host = self._host(name)
        spacing = min(seconds, LONGEST_SPACING)
        if spacing > host.spacing:
            # The request that has just been sent (for robots.txt) counts as well.
            host.due += spacing - host.spacing
            host.spacing = spacing

    def _host(self, name: str) -> _Host:
        if name not in self._hosts:
            self._hosts[name] = _Host(asyncio.Semaphore(self._config.concurrency), 1 / self._config.per_second)
        return self._hosts[name]
