"""The worked examples in the docstrings of :class:`Packing`."""

from __future__ import annotations

import pytest

from m4corpus.chunk.config import ChunkConfig
from m4corpus.chunk.sentences import Unit
from m4corpus.chunk.split import Packing


def packing(costs: list[int], headings: set[int], budget: int, least: int = 32, level: int = 3) -> Packing:
    units = [Unit(i, i + 1, level if i in headings else 0) for i in range(len(costs))]
    config = ChunkConfig(size=64, overlap=10, section_level=2, section_min_tokens=least)
    return Packing(units, costs, [0] * len(costs), config, budget)


@pytest.mark.parametrize(
    ("after", "headings", "expected"), [([12], set(), 2), ([14], set(), 3), ([2, 14], {4}, 4), ([2, 10], {4}, 2)]
)
def test_overlap_gives_way_to_what_is_new(after: list[int], headings: set[int], expected: int) -> None:
    assert packing([4, 8, 3, 5, *after], headings, 20).next_start(0, 4) == expected


@pytest.mark.parametrize(
    ("limit", "least", "level", "expected"), [(20, 32, 3, 2), (30, 15, 3, 4), (30, 16, 2, 4), (30, 15, 2, 2)]
)
def test_a_chunk_ends_where_it_is_full_or_a_section_begins(limit: int, least: int, level: int, expected: int) -> None:
    plan = packing([8, 7, 2, 9], {2}, limit, least, level)
    assert next(plan.chunks(0, 0, limit)) == (0, 0, expected)
