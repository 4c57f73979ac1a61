"""64-bit hashing of whole arrays at once; arithmetic wraps modulo 2**64 on purpose, and no seed of Python matters."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

_BASE = 0x9E3779B97F4A7C15


def mix(values: Hashes) -> Hashes:
    """Scrambles each value so that every input bit sways every output bit (the finaliser of SplitMix64)."""
    x = values + np.uint64(_BASE)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def sequence(seed: int, length: int) -> Hashes:
    """``length`` well spread values drawn from a seed."""
    start = mix(np.array([seed], np.uint64))
    return mix(start + np.arange(length, dtype=np.uint64) * np.uint64(_BASE))


def rolling(values: Hashes, size: int) -> Hashes:
    """Polynomial hash of every run of ``size`` consecutive values; ``size`` must not exceed their number."""
    count = values.size - size + 1
    total = values[:count].copy()
    for offset in range(1, size):
        total *= np.uint64(_BASE)
        total += values[offset : offset + count]
    return total


def hash_runs(points: NDArray[np.uint32], inside: NDArray[np.bool_]) -> Hashes:
    """Hash of each maximal run of points that are ``inside``, in order."""
    indices = np.flatnonzero(inside)
    if not indices.size:
        return np.zeros(0, np.uint64)
    starts = np.flatnonzero(np.diff(indices, prepend=-2) != 1)
    lengths = np.diff(starts, append=indices.size)
    positions = np.arange(indices.size) - np.repeat(starts, lengths)
    values = mix(points[indices].astype(np.uint64)) * _powers(int(lengths.max()))[positions]
    return mix(np.add.reduceat(values, starts))


def hash_rows(matrix: NDArray[np.uint32]) -> Hashes:
    """One hash for each row, never 0."""
    values = matrix.astype(np.uint64)
    total = np.zeros(len(values), np.uint64)
    for column in range(values.shape[1]):
        total = total * np.uint64(_BASE) + values[:, column]
    return np.maximum(mix(total), np.uint64(1))


@lru_cache(maxsize=1)
def _power_table(count: int) -> Hashes:
    powers = np.full(count, _BASE, np.uint64)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _powers(count: int) -> Hashes:
    """At least the first ``count`` powers of the base; sizes are rounded up, so that a table serves many calls."""
    return _power_table(max(64, 1 << (count - 1).bit_length()))
