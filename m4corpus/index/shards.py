"""All shards of an index searched as one: exact, and the same answer however the corpus was cut or queries batched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from m4corpus.errors import IntegrityError
from m4corpus.index.shard import EXTRA, Shard
from m4corpus.index.writer import RECORD, ROWS, VECTORS
from m4corpus.records import Chunk
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.digests import file_digest

if TYPE_CHECKING:
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Hit", "Shard", "ShardedIndex"]

#: Candidates of all shards held at once, ties apart: about 20 MB.
CANDIDATES_AT_ONCE = 1 << 20
#: Numbers of vectors held in double precision while their scores are summed: twice 8 MB, vectors and queries.
NUMBERS_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found. ``score`` is the inner product, higher is better; ``row`` counts over all shards, in order."""

    score: float
    row: int
    chunk: Chunk


class ShardedIndex:
    """Shards in the order of their artifact; a context manager. ``encoder`` is the fingerprint of the encoder whose
    vectors they hold."""

    def __init__(self, shards: Sequence[Shard], dimension: int, encoder: str) -> None:
        self.shards = list(shards)
        self.dimension = dimension
        self.encoder = encoder
        self._closed = False

    @classmethod
    def open(cls, directory: Path) -> ShardedIndex:
        """Open every shard of an index artifact.

        Raises:
            IntegrityError: the artifact or a shard is damaged, or a shard is not the one the manifest describes.
        """
        artifact = Artifact.open(directory)
        dimension, encoder = artifact.info["dimension"], artifact.info["encoder"]
        recorded = {part.path: part.sha256 for part in artifact.parts()}
        shards: list[Shard] = []
        with ExitStack() as opened:
            for path in recorded:
                name, _, file = path.rpartition("/")
                if file == RECORD:
                    shards.append(Shard.open(directory / name))
                    opened.callback(shards[-1].close)
                    _check(shards[-1], directory / name, name, recorded, dimension, encoder)
            if (rows := sum(shard.rows for shard in shards)) != artifact.info["rows"]:
                raise IntegrityError(f"{directory} holds {rows} rows, its manifest says {artifact.info['rows']}")
            opened.pop_all()
        return cls(shards, dimension, encoder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __len__(self) -> int:
        return sum(shard.rows for shard in self.shards)

    def close(self) -> None:
        """Release all files."""
        for shard in self.shards:
            shard.close()
        self.shards = []
        self._closed = True

    def search(self, queries: NDArray[np.float32], k: int, languages: set[str] | None = None) -> list[list[Hit]]:
        """The ``k`` best chunks for each row of ``queries`` (float32 ``(q, dimension)``), best first.

        Fewer when fewer exist. ``languages`` (ISO 639-3) restricts the answers to chunks in one of them. Equal scores
        are ordered by row. Scores are summed in double precision, so they depend on query and chunk alone.
        """
        import numpy as np

        if self._closed:
            raise ValueError("the index is closed")
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.dimension:
            raise ValueError(f"queries have shape {queries.shape}, the index has {self.dimension} dimensions")
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        if not np.isfinite(queries).all():
            raise ValueError("a query vector is not finite")
        best = [ranking for some in self._blocks(queries, k) for ranking in self._best(some, k, languages)]
        chunks = self._chunks({row for ranking in best for _, row in ranking})
        return [[Hit(score, row, chunks[row]) for score, row in ranking] for ranking in best]

    def _blocks(self, queries: NDArray[np.float32], k: int) -> Iterator[NDArray[np.float32]]:
        """The queries in blocks small enough for the candidates of all shards to be held at once."""
        size = max(1, CANDIDATES_AT_ONCE // (max(1, len(self.shards)) * (k + EXTRA)))
        for start in range(0, len(queries), size):
            yield queries[start : start + size]

    def _best(self, queries: NDArray[np.float32], k: int, languages: set[str] | None) -> list[list[tuple[float, int]]]:
        """Exact scores and rows of the ``k`` best for each query, among the candidates of every shard."""
        import numpy as np

        found = [shard.candidates(queries, k, languages) for shard in self.shards]
        cut = self._cut(queries, [candidates.best for candidates in found], k)
        wide = queries.astype(np.float64)
        owners, rows, scores = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.float32)]
        offset, step = 0, max(1, NUMBERS_AT_ONCE // self.dimension)
        for shard, candidates in zip(self.shards, found, strict=True):
            close = candidates.scores >= cut[candidates.queries]
            owner, row = candidates.queries[close], candidates.rows[close]
            for start in range(0, len(row), step):
                part = slice(start, start + step)
                scores.append(shard.scores(row[part], wide[owner[part]]))
            owners.append(owner)
            rows.append(row + offset)
            offset += shard.rows
        owner, row, score = np.concatenate(owners), np.concatenate(rows), np.concatenate(scores)
        order = np.lexsort((row, -score, owner))
        ends = np.searchsorted(owner[order], np.arange(len(queries) + 1))
        kept = [order[start : min(start + k, end)] for start, end in pairwise(ends.tolist())]
        return [list(zip(score[some].tolist(), row[some].tolist(), strict=True)) for some in kept]

    def _cut(self, queries: NDArray[np.float32], best: list[NDArray[np.float32]], k: int) -> NDArray[np.float64]:
        """For each query, faiss's score below which no row of any shard can be among the ``k`` best of all."""
        import numpy as np

        together = np.concatenate([np.empty((len(queries), 0), np.float32), *best], axis=1)
        if together.shape[1] <= k:
            return np.full(len(queries), -np.inf)
        kth = np.partition(together, -k, axis=1)[:, -k]
        margins = np.max([shard.margins(queries) for shard in self.shards], axis=0)
        cut: NDArray[np.float64] = kth - margins
        return cut

    def _chunks(self, rows: set[int]) -> dict[int, Chunk]:
        """Chunks by their row over all shards."""
        chunks: dict[int, Chunk] = {}
        offset = 0
        for shard in self.shards:
            here = sorted(row - offset for row in rows if offset <= row < offset + shard.rows)
            if here:
                chunks.update((row + offset, chunk) for row, chunk in shard.chunks(here).items())
            offset += shard.rows
        return chunks


def _check(shard: Shard, directory: Path, name: str, recorded: dict[str, str], dimension: int, encoder: str) -> None:
    """Raise :class:`IntegrityError` unless a shard is the one its artifact's manifest describes."""
    if file_digest(directory / RECORD) != recorded[f"{name}/{RECORD}"]:
        raise IntegrityError(f"{directory / RECORD} is not the file the manifest describes")
    for other in (VECTORS, ROWS):
        if shard.record["sha256"][other] != recorded.get(f"{name}/{other}"):
            raise IntegrityError(f"shard {directory}: the digest of {other} differs from the manifest")
    if shard.record["encoder"] != encoder:
        raise IntegrityError(f"shard {directory} holds vectors of another encoder")
    if shard.dimension != dimension:
        raise IntegrityError(f"shard {directory} has {shard.dimension} dimensions, not {dimension}")
