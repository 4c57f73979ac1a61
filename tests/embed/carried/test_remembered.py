"""What was made of strings is made again only when it had to be forgotten."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from m4corpus.embed.carried.remembered import Remembered


class Upper:
    """Remembers what it was asked to make."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, strings: Sequence[str]) -> list[str]:
        self.asked += strings
        return [string.upper() for string in strings]


def test_each_string_is_made_once_and_answers_are_in_order() -> None:
    make = Upper()
    memory = Remembered(make, most=10, longest=5)
    assert memory.of(["a", "b", "a"]) == ["A", "B", "A"]
    assert memory.of(["c", "a"]) == ["C", "A"]
    assert memory.of([]) == []
    assert make.asked == ["a", "b", "c"]


def test_long_strings_are_not_kept() -> None:
    make = Upper()
    memory = Remembered(make, most=10, longest=5)
    assert memory.of(["longer", "short", "longer"]) == ["LONGER", "SHORT", "LONGER"]
    assert memory.of(["longer", "short"]) == ["LONGER", "SHORT"]
    assert make.asked == ["longer", "short", "longer"]


@pytest.mark.parametrize("most", [0, 1, 3])
def test_no_more_are_kept_than_there_may_be(most: int) -> None:
    memory = Remembered(Upper(), most=most, longest=5)
    for strings in (["a", "b", "c", "d"], ["d", "e"], ["a", "e", "a"]):
        assert memory.of(strings) == [string.upper() for string in strings]
        assert len(memory._known) <= most
