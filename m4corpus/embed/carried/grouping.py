"""Texts in groups that are computed together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def groups(sizes: Iterable[int], most: int) -> Iterator[tuple[int, int]]:
    """First and last (exclusive) of each group of texts of these ``sizes``: as many as come to ``most``, at least
    one."""
    first = last = total = 0
    for size in sizes:
        if last > first and total + size > most:
            yield first, last
            first, total = last, 0
        last, total = last + 1, total + size
    if last > first:
        yield first, last
