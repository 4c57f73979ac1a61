"""What was made of strings lately, so that what texts have in common is computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")

#: Pieces of text whose words are kept somewhere, less than a kilobyte each, and the longest of them.
KEPT_PIECES, LONGEST_PIECE = 65536, 48


class Remembered(Generic[T]):
    """What ``make`` makes of strings, each on its own: kept for at most ``most`` of them, none of more than ``longest``
    characters. Threads may share it."""

    def __init__(self, make: Callable[[Sequence[str]], Sequence[T]], most: int, longest: int) -> None:
        self._make, self._most, self._longest = make, most, longest
        self._known: dict[str, T] = {}
        self._lock = Lock()

    def of(self, strings: Sequence[str]) -> list[T]:
        """What is made of each of the strings."""
        with self._lock:
            known = self._known
            new = [string for string in dict.fromkeys(strings) if string not in known]
            known.update(zip(new, self._make(new), strict=True))
            found = list(map(known.__getitem__, strings))
            for string in new:
                if len(string) > self._longest:
                    del known[string]
            if len(known) > self._most:
                known.clear()
            return found
