"""One shard, opened for search: vectors mapped into memory, rows read only for hits."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.errors import IntegrityError
from m4corpus.index.writer import FORMAT, RECORD, ROWS, VECTORS
from m4corpus.records import Chunk, from_batches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Candidates asked for beyond k, so that ties at the end are seen to be whole in one search.
EXTRA = 16

#: Row groups decoded together: few calls, and no more rows in memory than this many groups hold.
GROUPS_AT_ONCE = 8


@dataclass(frozen=True)
class Candidates:
    """Rows of a shard that may be among its best for each of several queries, as pairs of query and row.

    ``queries`` are positions among those asked; ``scores`` are faiss's, exact up to rounding. ``best`` holds for every
    query the shard's highest such scores, at most ``k``.
    """

    queries: NDArray[np.int64]
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    best: NDArray[np.float32]


class Shard:
    """An opened shard. ``record`` is its ``shard.json``."""

    def __init__(self, directory: Path, record: dict[str, Any], index: Any, chunks: Any) -> None:
        self.directory = directory
        self.record = record
        self.rows: int = record["rows"]
        self.dimension: int = record["dimension"]
        self._index = index
        self._chunks = chunks

    @classmethod
    def open(cls, directory: Path) -> Shard:
        """Open a shard and check that its three files belong together.

        Reads no more than headers: digests of whole files are checked by ``m4corpus verify``.

        Raises:
            IntegrityError: a file is missing or unreadable, or rows, dimension or metric disagree.
        """
        import faiss
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            record = json.loads((directory / RECORD).read_text(encoding="utf-8"))
            chunks = pq.ParquetFile(directory / ROWS, memory_map=True)
            index = faiss.read_index(str(directory / VECTORS), faiss.IO_FLAG_MMAP_IFC)
        except (OSError, ValueError, RuntimeError, pa.ArrowException) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise IntegrityError(f"cannot open shard {directory}: {reason}") from None
        _check(directory, record, index, chunks)
        return cls(directory, record, index, chunks)

    def close(self) -> None:
        """Release both files; the shard cannot be searched afterwards."""
        self._chunks.close()
        self.__dict__.pop("vectors", None)
        del self._index

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """All vectors, float32 ``(rows, dimension)``: a view into the mapped file."""
        import faiss

        flat = faiss.rev_swig_ptr(self._index.get_xb(), self.rows * self.dimension)
        view: NDArray[np.float32] = flat.reshape(self.rows, self.dimension)
        return view

    def candidates(self, queries: NDArray[np.float32], k: int, languages: set[str] | None) -> Candidates:
        """For each query, every row whose true score may be among the shard's ``k`` best.

        faiss sums in another order for one query than for many, and cuts ties as it finds them. So more than ``k``
        rows are asked for, until the last one is worse than the ``k``-th by more than rounding can explain.
        """
        import numpy as np

        mask = None if languages is None else self._mask(languages)
        eligible = self.rows if mask is None else int(mask.sum())
        best = np.empty((len(queries), min(k, eligible)), np.float32)
        pairs = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))]
        todo, count = np.arange(len(queries)), min(k + EXTRA, eligible)
        margins = self.margins(queries)
        while len(todo) and count:
            scores, rows = self._search(queries[todo], count, mask)
            best[todo] = scores[:, :k]
            lowest = scores[:, best.shape[1] - 1] - margins[todo]
            whole = (scores[:, -1] < lowest) | (count == eligible)
            where, column = np.nonzero((rows >= 0) & (scores >= lowest[:, None]) & whole[:, None])
            pairs.append((todo[where], rows[where, column], scores[where, column]))
            todo, count = todo[~whole], min(2 * count, eligible)
        found, rows, scores = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
        return Candidates(found, rows, scores, best)

    def scores(self, rows: NDArray[np.int64], queries: NDArray[np.float64]) -> NDArray[np.float32]:
        """Exact score of each of ``rows`` with the query beside it, summed in double precision."""
        import numpy as np

        exact: NDArray[np.float64] = np.einsum("nd,nd->n", self.vectors[rows].astype(np.float64), queries)
        return exact.astype(np.float32)

    def margins(self, queries: NDArray[np.float32]) -> NDArray[np.float64]:
        """For each query, the most by which rounding can make faiss's score of one row pass that of another."""
        import numpy as np

        rounding = self.record["longest_vector"] * self.dimension * float(np.finfo(np.float32).eps)
        margins: NDArray[np.float64] = np.linalg.norm(queries.astype(np.float64), axis=1) * rounding
        return margins

    def chunks(self, rows: Iterable[int]) -> dict[int, Chunk]:
        """The chunks of some rows; every row group they lie in is read once, a few groups at a time."""
        import numpy as np

        wanted = np.unique(np.fromiter(rows, dtype=np.int64))
        starts = self._group_starts
        groups, group = np.unique(np.searchsorted(starts, wanted, side="right") - 1, return_inverse=True)
        found: dict[int, Chunk] = {}
        for first in range(0, len(groups), GROUPS_AT_ONCE):
            together = groups[first : first + GROUPS_AT_ONCE]
            table = self._chunks.read_row_groups(together.tolist(), use_threads=False)
            sizes = starts[together + 1] - starts[together]
            # A row's place in the table: its place in its group, after the groups read before it.
            moved = np.cumsum(sizes) - sizes - starts[together]
            here = (group >= first) & (group < first + GROUPS_AT_ONCE)
            batches = table.take(wanted[here] + moved[group[here] - first]).to_batches()
            found.update(zip(wanted[here].tolist(), from_batches(Chunk, batches), strict=True))
        return found

    def _search(
        self, queries: NDArray[np.float32], count: int, mask: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        import faiss
        import numpy as np

        if mask is None:
            scores, rows = self._index.search(queries, count)
        else:
            selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
            scores, rows = self._index.search(queries, count, params=faiss.SearchParameters(sel=selector))
        return scores, rows

    @cached_property
    def _group_starts(self) -> NDArray[np.int64]:
        """First row of each row group, and the number of all rows."""
        import numpy as np

        metadata = self._chunks.metadata
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    @cached_property
    def _languages(self) -> tuple[list[str], NDArray[np.int32]]:
        """The languages that occur, and for each row which one of them."""
        import numpy as np

        column = self._chunks.read(["language"], use_threads=False).column(0).combine_chunks().dictionary_encode()
        return column.dictionary.to_pylist(), np.asarray(column.indices, dtype=np.int32)

    def _mask(self, languages: set[str]) -> NDArray[np.bool_]:
        import numpy as np

        names, codes = self._languages
        mask: NDArray[np.bool_] = np.array([name in languages for name in names], dtype=bool)[codes]
        return mask


def _check(directory: Path, record: dict[str, Any], index: Any, chunks: Any) -> None:
    import faiss

    if record.get("format") != FORMAT:
        raise IntegrityError(f"{directory / RECORD} has format {record.get('format')}, not {FORMAT}")
    found = {
        "vectors": (index.ntotal, record["rows"]),
        "rows": (chunks.metadata.num_rows, record["rows"]),
        "dimension": (index.d, record["dimension"]),
        "metric": (index.metric_type, faiss.METRIC_INNER_PRODUCT),
    }
    for what, (is_now, recorded) in found.items():
        if is_now != recorded:
            raise IntegrityError(f"shard {directory}: its {what} ({is_now}) disagree with {RECORD} ({recorded})")
