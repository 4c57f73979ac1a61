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


@dataclass(frozen=True)
class Candidates:
    """Rows of a shard that may be among the best for one query, with faiss's scores: exact up to rounding."""

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


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

    def candidates(self, queries: NDArray[np.float32], k: int, languages: set[str] | None) -> list[Candidates]:
        """For each query, every row whose true score may be among the shard's ``k`` best.

        faiss sums in another order for one query than for many, and cuts ties as it finds them. So more than ``k``
        rows are asked for, until the last one is worse than the ``k``-th by more than rounding can explain.
        """
        import numpy as np

        mask = None if languages is None else self._mask(languages)
        eligible = self.rows if mask is None else int(mask.sum())
        results = [Candidates(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
        todo, count = np.arange(len(queries)), min(k + EXTRA, eligible)
        margins = self.margins(queries)
        while len(todo) and count:
            scores, rows = self._search(queries[todo], count, mask)
            unfinished = []
            for i, query in enumerate(todo.tolist()):
                found = rows[i] >= 0
                results[query] = Candidates(rows[i][found], scores[i][found])
                if count < eligible and scores[i][-1] >= scores[i][k - 1] - margins[query]:
                    unfinished.append(query)
            todo, count = np.array(unfinished, dtype=np.int64), min(2 * count, eligible)
        return results

    def margins(self, queries: NDArray[np.float32]) -> NDArray[np.float64]:
        """For each query, the most by which rounding can make faiss's score of one row pass that of another."""
        import numpy as np

        rounding = self.record["longest_vector"] * self.dimension * float(np.finfo(np.float32).eps)
        margins: NDArray[np.float64] = np.linalg.norm(queries.astype(np.float64), axis=1) * rounding
        return margins

    def chunks(self, rows: Iterable[int]) -> dict[int, Chunk]:
        """The chunks of some rows; every row group they lie in is read once."""
        import numpy as np

        wanted = np.unique(np.fromiter(rows, dtype=np.int64))
        groups = np.searchsorted(self._group_starts, wanted, side="right") - 1
        found: dict[int, Chunk] = {}
        for group in np.unique(groups).tolist():
            here = wanted[groups == group]
            table = self._chunks.read_row_group(group, use_threads=False)
            batches = table.take(here - self._group_starts[group]).to_batches()
            found.update(zip(here.tolist(), from_batches(Chunk, batches), strict=True))
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
        import numpy as np

        metadata = self._chunks.metadata
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        return np.concatenate([[0], np.cumsum(sizes[:-1], dtype=np.int64)]).astype(np.int64)

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
