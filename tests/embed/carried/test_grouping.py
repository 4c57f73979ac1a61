"""Groups cover all texts in order and come to no more than they may, but for a text that is too large by itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from m4corpus.embed.carried.grouping import groups


@given(st.lists(st.integers(0, 12)), st.integers(1, 20))
def test_groups_are_as_large_as_they_may_be(sizes: list[int], most: int) -> None:
    found = list(groups(sizes, most))
    assert [i for first, last in found for i in range(first, last)] == list(range(len(sizes)))
    for first, last in found:
        assert last - first == 1 or sum(sizes[first:last]) <= most
        assert last == len(sizes) or sum(sizes[first : last + 1]) > most
