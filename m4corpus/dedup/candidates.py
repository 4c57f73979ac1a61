"""Second phase: pairs of duplicates, a task for each band of the signatures and one for the exact keys.

Documents that share a key are candidates, and a pair only once it is verified: equal in both halves of the exact key,
or similar enough by the whole signature. Work and memory stay linear in what shares a key: the keys are taken in
blocks by hash, and in a bucket of more than :data:`SMALL` documents not all pairs are compared. There, one document
is compared with all the others, those it matches are set aside with it, and the same is done to the rest, at most
:data:`LEADERS` times; what is then left has the other bands to be found in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from m4corpus.datatrove import PipelineStep
from m4corpus.dedup.config import DedupConfig
from m4corpus.dedup.minhash import MinHash
from m4corpus.dedup.signatures import band_column
from m4corpus.dedup.store import FACTS, KEY, Columns, signature_type
from m4corpus.progress import Progress
from m4corpus.stage import StageContext
from m4corpus.storage.artifact import Completion
from m4corpus.storage.atomic import sync

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from m4corpus.dedup.store import Nodes

    Pairs = NDArray[np.int64]

CANDIDATES = "candidates"
#: Most documents of a bucket whose pairs are all compared.
SMALL = 16
#: Rounds of comparison in a larger bucket.
LEADERS = 32
#: Rows held in memory at a time, beyond a single bucket.
BLOCK = 1 << 20
# Pairs whose signatures are held at a time.
_PAIRS = 1 << 13


class FindPairs(PipelineStep):
    """Finds the verified pairs of one key column: the tasks are the bands in order, then the exact keys."""

    name = "find pairs"

    def __init__(self, context: StageContext, config: DedupConfig, columns: Columns) -> None:
        super().__init__()
        self.context = context
        self.config = config
        self.columns = columns

    @property
    def tasks(self) -> int:
        """How many tasks the configuration makes."""
        return (self.config.bands if self.config.near else 0) + self.config.exact

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Yields nothing: pairs of nodes go to :func:`pairs_path`."""
        path = pairs_path(self.context, rank)
        path.parent.mkdir(parents=True, exist_ok=True)
        is_band = self.config.near and rank < self.config.bands
        found = self._similar(band_column(rank)) if is_band else self._equal()
        with path.open("wb") as file:
            for pairs in found:
                file.write(np.ascontiguousarray(pairs).tobytes())
        sync(path)
        Completion().write(self.context.completion(CANDIDATES, rank))
        progress = Progress(self.context.progress(CANDIDATES), rank)
        progress.advance()
        progress.flush()
        yield from ()

    def _equal(self) -> Iterator[Pairs]:
        """Every document with the first of those that have its exact key."""
        blocks = max(1, -(-self.columns.rows("facts", FACTS) // BLOCK))
        for block in range(blocks):
            nodes, facts = self._share("facts", FACTS, block, blocks)
            ranked = np.lexsort((facts["order"], facts["exact"][:, 1], facts["exact"][:, 0]))
            nodes, keys = nodes[ranked], facts["exact"][ranked]
            first, _ = _buckets(np.any(keys[1:] != keys[:-1], axis=1), len(keys))
            again = first != np.arange(len(nodes))
            yield np.stack([nodes[first[again]], nodes[again]], axis=1)

    def _similar(self, column: str) -> Iterator[Pairs]:
        """Verified pairs among the documents that share a key of one band."""
        verify = Verifier(self.columns, MinHash(self.config))
        blocks = max(1, -(-self.columns.rows(column, KEY) // BLOCK))
        for block in range(blocks):
            nodes, keys = self._share(column, KEY, block, blocks)
            ranked = np.argsort(keys, kind="stable")
            nodes, keys = nodes[ranked], keys[ranked]
            first, sizes = _buckets(keys[1:] != keys[:-1], len(keys))
            small = (sizes > 1) & (sizes <= SMALL)
            yield from _all_pairs(nodes[small], keys[small], verify)
            for start in np.flatnonzero((sizes > SMALL) & (first == np.arange(len(nodes)))):
                yield from self._leaders(nodes[start : start + sizes[start]], verify)

    def _leaders(self, bucket: Nodes, verify: Verifier) -> Iterator[Pairs]:
        """Pairs of one large bucket; who leads depends on the documents' ids alone, not on where they lie."""
        rest = bucket[np.argsort(self.columns.gather("facts", FACTS, bucket)["order"], kind="stable")]
        for _ in range(LEADERS):
            if len(rest) < 2:
                return
            leader, rest = rest[:1], rest[1:]
            pairs = np.stack([np.repeat(leader, len(rest)), rest], axis=1)
            matched = np.concatenate([verify(part) for part in _slices(pairs)])
            yield pairs[matched]
            rest = rest[~matched]

    def _share(self, column: str, kind: np.dtype[Any], block: int, blocks: int) -> tuple[Nodes, NDArray[Any]]:
        """The rows of one block of keys: those whose hash leaves the remainder ``block``."""
        found_nodes, found_values = [np.zeros(0, np.int64)], [np.zeros(0, kind)]
        for nodes, values in self.columns.scan(column, kind, BLOCK):
            keys = values["exact"][:, 0] if kind.names else values
            inside = keys % np.uint64(blocks) == block
            if not kind.names:
                inside &= keys != 0
            found_nodes.append(nodes[inside])
            found_values.append(values[inside])
        return np.concatenate(found_nodes), np.concatenate(found_values)


class Verifier:
    """Tells which of some pairs are similar enough by their whole signatures."""

    def __init__(self, columns: Columns, minhash: MinHash) -> None:
        self._columns = columns
        self._minhash = minhash
        self._kind = signature_type(minhash.length)

    def __call__(self, pairs: Pairs) -> NDArray[np.bool_]:
        """One answer for each pair."""
        found = self._columns.gather("signature", self._kind, pairs.reshape(-1)).reshape(len(pairs), 2, -1)
        matched: NDArray[np.bool_] = self._minhash.agreement(found[:, 0], found[:, 1]) >= self._minhash.needed
        return matched


def pairs_path(context: StageContext, rank: int) -> Path:
    """File of the pairs one task found: rows of two nodes."""
    return context.scratch / "pairs" / f"{rank:05d}"


def _buckets(changes: NDArray[np.bool_], rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For sorted keys, given where neighbours differ: start and size of the bucket of each row."""
    starts = np.flatnonzero(np.concatenate([np.ones(min(rows, 1), np.bool_), changes]))
    sizes = np.diff(starts, append=rows)
    return np.repeat(starts, sizes), np.repeat(sizes, sizes)


def _all_pairs(nodes: Nodes, keys: NDArray[np.uint64], verify: Verifier) -> Iterator[Pairs]:
    """Verified pairs of neighbours at every distance within their bucket."""
    for distance in range(1, SMALL):
        near = np.flatnonzero(keys[distance:] == keys[:-distance])
        for part in _slices(np.stack([nodes[near], nodes[near + distance]], axis=1)):
            yield part[verify(part)]


def _slices(pairs: Pairs) -> Iterator[Pairs]:
    for start in range(0, len(pairs), _PAIRS):
        yield pairs[start : start + _PAIRS]
