"""Places of hashes in a sorted list of them, found faster than by halving it again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class HashIndex:
    """A sorted list of distinct 32-bit hashes, which are spread evenly."""

    def __init__(self, known: NDArray[np.uint32]) -> None:
        self._known = known
        # About as many beginnings as there are hashes: most have one hash or none.
        bits = max(1, len(known).bit_length())
        self._shift = np.uint32(32 - bits)
        self._first = np.searchsorted(known >> self._shift, np.arange(2**bits + 1)).astype(np.int32)

    def __len__(self) -> int:
        return len(self._known)

    def places(self, hashes: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Where each hash is in the sorted ones, -1 where it is not."""
        places = np.full(len(hashes), -1, dtype=np.int64)
        beginning = hashes >> self._shift
        at, end = self._first[beginning], self._first[beginning + np.uint32(1)]
        looking = np.flatnonzero(at < end)
        while len(looking):
            here = at[looking]
            found = self._known[here] == hashes[looking]
            places[looking[found]] = here[found]
            looking = looking[~found]
            at[looking] += 1
            looking = looking[at[looking] < end[looking]]
        return places
