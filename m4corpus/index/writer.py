"""Write one shard: its vectors, its rows and the record that ties them together.

Layout::

    shard-<part>-<n>/
      index.faiss     the vectors, in faiss's own format
      rows.parquet    the chunks they belong to, in the same order, in small row groups
      shard.json      rows, dimension, metric, encoder, and both digests of either file
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.records import Chunk, schema
from m4corpus.storage.atomic import replacing, write_json
from m4corpus.storage.digests import LogicalDigest, digest_of, file_digest
from m4corpus.storage.parts import PartInfo, PartWriter

if TYPE_CHECKING:
    from typing import Self

    import pyarrow as pa

#: Raised when the fields of ``shard.json`` change meaning.
FORMAT = 1
VECTORS, ROWS, RECORD = "index.faiss", "rows.parquet", "shard.json"
#: Rows in a row group, all of which are read to show one hit.
GROUP_ROWS = 256


def shard_name(part: int, number: int) -> str:
    """Directory of a part's shard, counted from 0."""
    return f"shard-{part:05d}-{number:03d}"


class ShardWriter:
    """Collects exactly ``rows`` vectors and their chunks, and writes them; a context manager.

    The vectors are laid straight into the index, which is the only copy of them in memory. :attr:`parts` describes
    the three files once the block has ended without an error.
    """

    parts: list[PartInfo]

    def __init__(self, directory: Path, root: Path, rows: int, dimension: int, encoder: str) -> None:
        import faiss
        import pyarrow as pa

        self._directory = directory
        self._root = root
        self._rows = rows
        self._dimension = dimension
        self._encoder = encoder
        self._filled = 0
        self._longest = 0.0
        self._index = faiss.IndexFlatIP(dimension)
        self._index.codes.resize(rows * self._index.code_size)
        self._index.ntotal = rows
        self._vectors = faiss.rev_swig_ptr(self._index.get_xb(), rows * dimension).reshape(rows, dimension)
        self._digest = LogicalDigest(pa.schema([pa.field("vector", pa.list_(pa.float32(), dimension))]))
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._chunks = PartWriter(self._directory / ROWS, schema(Chunk), self._root, compression="lz4")
        self._stack.enter_context(self._chunks)
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)
        if error[0] is None:
            self._finish()

    @property
    def room(self) -> int:
        """Rows still to come."""
        return self._rows - self._filled

    def add(self, rows: pa.RecordBatch) -> None:
        """Append at most :attr:`room` chunks, their vectors in a column ``vector`` besides their own; of many at once,
        every :data:`GROUP_ROWS` become a row group."""
        import numpy as np
        import pyarrow as pa

        vectors = rows.column("vector")
        values = np.asarray(vectors.flatten(), dtype=np.float32).reshape(-1, self._dimension)
        self._vectors[self._filled : self._filled + len(values)] = values
        self._filled += len(values)
        self._longest = max(self._longest, float(np.sqrt(np.einsum("ij,ij->i", values, values).max())))
        self._digest.update(pa.RecordBatch.from_arrays([vectors.cast(self._digest.schema.types[0])], ["vector"]))
        chunks = rows.select(schema(Chunk).names)
        for start in range(0, len(chunks), GROUP_ROWS):
            self._chunks.write(chunks.slice(start, GROUP_ROWS))

    def _finish(self) -> None:
        if self.room:
            raise AssertionError(f"{self._directory.name}: {self.room} of {self._rows} rows are missing")
        vectors, rows = self._write_vectors(), self._chunks.info
        record = {
            "format": FORMAT,
            "kind": "flat",
            "metric": "inner-product",
            "rows": self._rows,
            "dimension": self._dimension,
            "longest_vector": self._longest,
            "encoder": self._encoder,
            "logical": {VECTORS: vectors.logical, ROWS: rows.logical},
        }
        path = self._directory / RECORD
        write_json(path, {**record, "sha256": {VECTORS: vectors.sha256, ROWS: rows.sha256}})
        self.parts = [vectors, rows, self._info(path, 0, digest_of(record))]

    def _write_vectors(self) -> PartInfo:
        import faiss

        path = self._directory / VECTORS
        # Through Python's own file, because a full disk then is an OSError and not a message of faiss.
        with replacing(path) as temporary, temporary.open("wb") as stream:
            faiss.write_index(self._index, faiss.PyCallbackIOWriter(stream.write))
        return self._info(path, self._rows, self._digest.hexdigest())

    def _info(self, path: Path, rows: int, logical: str) -> PartInfo:
        name = path.relative_to(self._root).as_posix()
        return PartInfo(name, rows, path.stat().st_size, file_digest(path), logical)
