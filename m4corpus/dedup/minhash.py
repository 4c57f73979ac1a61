"""MinHash: a signature of fixed length whose agreement with another estimates the Jaccard index of two shingle sets."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from m4corpus.dedup.config import DedupConfig
from m4corpus.dedup.hashing import hash_rows, sequence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from m4corpus.dedup.hashing import Hashes

    Signatures = NDArray[np.uint32]

# Shingles hashed at a time: the intermediate matrix stays within the processor's cache.
_BLOCK = 1024


class MinHash:
    """The hash functions of a configuration: ``bands * rows`` permutations ``h -> a h + b`` modulo 2**32."""

    def __init__(self, config: DedupConfig) -> None:
        self.bands = config.bands
        self.rows = config.rows
        self.length = config.bands * config.rows
        drawn = sequence(config.seed, 2 * self.length)
        self._factors = ((drawn[: self.length] >> np.uint64(32)) | np.uint64(1)).astype(np.uint32)[:, None]
        self._offsets = (drawn[self.length :] >> np.uint64(32)).astype(np.uint32)[:, None]
        #: Values that have to agree for the estimate to reach the threshold.
        self.needed = math.ceil(config.threshold * self.length - 1e-9)

    def signature(self, shingles: NDArray[np.uint32]) -> Signatures:
        """The least value of each hash function over a non-empty set of shingles; repetitions change nothing."""
        least = np.full(self.length, 2**32 - 1, np.uint32)
        for start in range(0, shingles.size, _BLOCK):
            values = shingles[start : start + _BLOCK][None, :] * self._factors
            values += self._offsets
            np.minimum(least, values.min(axis=1), out=least)
        return least

    def band_keys(self, signatures: Signatures) -> Hashes:
        """Bucket of every signature in every band: shape ``(signatures, bands)``, no key is 0."""
        keys = [hash_rows(signatures[:, b * self.rows : (b + 1) * self.rows]) for b in range(self.bands)]
        return np.stack(keys, axis=1)

    def agreement(self, left: Signatures, right: Signatures) -> NDArray[np.int64]:
        """How many values two signatures, or two rows of signatures each, have in common."""
        agreeing: NDArray[np.int64] = np.count_nonzero(left == right, axis=-1)
        return agreeing
