"""Part files: Parquet, written atomically, with both digests computed on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from m4corpus.storage.atomic import replacing
from m4corpus.storage.digests import LogicalDigest, file_digest
from m4corpus.storage.encodings import encodings

if TYPE_CHECKING:
    from typing import Self

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

T = TypeVar("T")

#: A row group is closed after this many rows ...
ROWS_PER_GROUP = 1024
#: ... or this many characters of text, whichever comes first: the unit of memory for readers and writers.
CHARACTERS_PER_GROUP = 4_000_000


@dataclass(frozen=True)
class PartInfo:
    """What is recorded about a finished file: path within its artifact, rows, size in bytes and its two digests."""

    path: str
    rows: int
    size: int
    sha256: str
    logical: str

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def part_name(index: int) -> str:
    """File name of a part."""
    return f"part-{index:05d}.parquet"


class PartWriter:
    """Writes Arrow batches to one Parquet part; a context manager.

    Nothing is at ``path`` until the block ends without an error; then :attr:`info` describes the file.
    ``compression`` is ``zstd``, the smallest, or ``lz4``, which reads about three times as fast.
    """

    info: PartInfo

    def __init__(self, path: Path, schema: pa.Schema, root: Path, compression: str = "zstd") -> None:
        self._path = path
        self._compression = compression
        self._root = root
        self._schema = schema
        self._digest = LogicalDigest(schema)
        self._rows = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        import pyarrow.parquet as pq

        with ExitStack() as stack:
            temporary = stack.enter_context(replacing(self._path))
            self._writer = stack.enter_context(
                pq.ParquetWriter(
                    temporary,
                    self._schema,
                    compression=self._compression,
                    write_statistics=False,
                    **encodings(self._schema),
                )
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)
        if error[0] is None:
            self.info = PartInfo(
                path=self._path.relative_to(self._root).as_posix(),
                rows=self._rows,
                size=self._path.stat().st_size,
                sha256=file_digest(self._path),
                logical=self._digest.hexdigest(),
            )

    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch as one row group; its schema must be the part's own, column for column."""
        if not batch.schema.equals(self._schema):
            raise ValueError(f"{self._path.name}: batch schema differs from the declared one")
        self._writer.write_batch(batch)
        self._digest.update(batch)
        self._rows += batch.num_rows


class Buffered(Generic[T]):
    """Collects objects, and rows that are columns already, into row groups of bounded rows and characters, in order."""

    def __init__(self, writer: PartWriter, to_batch: Callable[[list[T]], pa.RecordBatch]) -> None:
        self._writer = writer
        self._to_batch = to_batch
        self._pending: list[T] = []
        self._batches: list[pa.RecordBatch] = []
        self._rows = 0
        self._characters = 0

    def append(self, item: T, characters: int = 0) -> None:
        """Add one object whose texts are about ``characters`` long."""
        self._pending.append(item)
        self._count(1, characters)

    def extend(self, batch: pa.RecordBatch, characters: NDArray[np.int64] | None = None) -> None:
        """Add rows as :meth:`append` adds objects; ``characters`` are those of each row, or none."""
        import numpy as np

        weighed = np.zeros(batch.num_rows, np.int64) if characters is None else characters
        while batch.num_rows:
            # As far as the row with which the group is full.
            until = int(np.searchsorted(np.cumsum(weighed), CHARACTERS_PER_GROUP - self._characters)) + 1
            until = min(until, ROWS_PER_GROUP - self._rows, batch.num_rows)
            self._settle()
            self._batches.append(batch.slice(0, until))
            self._count(until, int(weighed[:until].sum()))
            batch, weighed = batch.slice(until), weighed[until:]

    def flush(self) -> None:
        """Write what is pending as one row group."""
        import pyarrow as pa

        self._settle()
        if self._batches:
            one = len(self._batches) == 1
            self._writer.write(self._batches[0] if one else pa.concat_batches(self._batches))
            self._batches, self._rows, self._characters = [], 0, 0

    def _count(self, rows: int, characters: int) -> None:
        self._rows += rows
        self._characters += characters
        if self._rows >= ROWS_PER_GROUP or self._characters >= CHARACTERS_PER_GROUP:
            self.flush()

    def _settle(self) -> None:
        """Objects become columns."""
        if self._pending:
            self._batches.append(self._to_batch(self._pending))
            self._pending = []


def read_batches(path: Path, columns: list[str] | None = None, batch_size: int = 256) -> Iterator[pa.RecordBatch]:
    """Stream a part's rows in order, holding one row group at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, memory_map=False) as file:
        yield from file.iter_batches(batch_size=batch_size, columns=columns, use_threads=False)
