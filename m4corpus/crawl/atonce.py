"""Running many pieces of asynchronous work, a bounded number at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def each(items: Iterable[T], work: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Await ``work`` for every item, at most ``at_once`` of them under way; ``items`` is drawn from as places get free.

    The first exception is raised after the rest has been cancelled.
    """
    under_way: set[asyncio.Task[None]] = set()
    try:
        for item in items:
            if len(under_way) >= at_once:
                under_way = await _settled(under_way)
            under_way.add(asyncio.ensure_future(_run(work, item)))
        while under_way:
            under_way = await _settled(under_way)
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _run(work: Callable[[T], Awaitable[None]], item: T) -> None:
    await work(item)


async def _settled(tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """The tasks that go on after at least one has ended; raises what an ended one raised."""
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    try:
        for task in done:
            task.result()
    except BaseException:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        raise
    return pending
