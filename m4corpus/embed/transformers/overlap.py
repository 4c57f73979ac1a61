"""Work for two at once: while a device computes one batch, the processor prepares the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
Prepared = TypeVar("Prepared")
Result = TypeVar("Result")


def overlapped(
    items: Iterable[T], prepare: Callable[[T], Prepared], compute: Callable[[T, Prepared], Result]
) -> Iterator[Result]:
    """``compute(item, prepare(item))`` for each item in order, ``prepare`` one item ahead in a thread of its own.

    What either raises for an item is raised at the place of that item's result, after all results before it.
    """
    waiting: tuple[T, Future[Prepared]] | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="prepare") as thread:
        for item in items:
            following = (item, thread.submit(prepare, item))
            if waiting is not None:
                yield compute(waiting[0], waiting[1].result())
            waiting = following
        if waiting is not None:
            yield compute(waiting[0], waiting[1].result())
