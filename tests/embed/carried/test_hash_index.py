"""Hashes are found where they are, and others nowhere."""

from __future__ import annotations

import numpy as np
import pytest

from m4corpus.embed.carried.hash_index import HashIndex


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1000, 65536])
def test_places_are_those_of_a_search(count: int) -> None:
    chance = np.random.default_rng(count)
    known = np.unique(chance.integers(0, 2**32, size=count, dtype=np.uint32))
    asked = np.concatenate([known, chance.integers(0, 2**32, size=500, dtype=np.uint32)])
    asked = np.concatenate([asked, np.array([0, 2**32 - 1], dtype=np.uint32)])
    place = {int(one): i for i, one in enumerate(known)}
    assert HashIndex(known).places(asked).tolist() == [place.get(int(one), -1) for one in asked]
    assert len(HashIndex(known)) == len(known)


def test_neighbours_are_told_apart() -> None:
    """Also where, against all chance, many hashes begin alike."""
    known = np.arange(1000, 1200, 2, dtype=np.uint32)
    assert HashIndex(known).places(np.arange(999, 1203, dtype=np.uint32)).tolist() == [
        (one - 1000) // 2 if one % 2 == 0 and 1000 <= one < 1200 else -1 for one in range(999, 1203)
    ]
