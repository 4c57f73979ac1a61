"""The language of every row of a snapshot's index, in order: what gives rows of a release their numbers back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from m4corpus.errors import IntegrityError
from m4corpus.release.layout import INDEX, ORDER, ReleaseFile
from m4corpus.release.rows import Take
from m4corpus.release.split import named
from m4corpus.storage.parts import PartWriter, read_batches

if TYPE_CHECKING:
    import pyarrow as pa

    from m4corpus.storage.artifact import Artifact

#: Languages of rows written as one row group of the order.
_ORDER_ROWS = 65_536


class OrderWriter:
    """The language of every row of the snapshot's index, in order: with it, rows of a release keep their numbers."""

    def __init__(self, root: Path, index: Artifact) -> None:
        import pyarrow as pa

        self._root, self._index = root, index
        self._schema = pa.schema([pa.field("label", pa.string(), nullable=False)])
        self._ids = Take(_rows_of(index))
        self._part = PartWriter(root / INDEX / "order.parquet", self._schema, root)
        self._part.__enter__()
        self._pending: list[str] = []

    def add(self, chunks: pa.RecordBatch, labels: list[str], keep: list[bool]) -> None:
        """Take in the rows of chunks that have a vector."""
        import pyarrow as pa

        wanted = chunks.column("id").filter(pa.array(keep)).to_pylist()
        found = self._ids(len(wanted))
        if wanted and (not found.num_columns or found.column("id").to_pylist() != wanted):
            self._differs()
        self._pending += [label for label, one in zip(labels, keep, strict=True) if one]
        while len(self._pending) >= _ORDER_ROWS:
            self._write(self._pending[:_ORDER_ROWS])
            del self._pending[:_ORDER_ROWS]

    def check(self) -> None:
        """Raise when the index has more rows."""
        if self._ids(1).num_rows:
            self._differs()

    def close(self, error: BaseException | None) -> None:
        """Finish the file, or drop it after an error."""
        if error is None and self._pending:
            self._write(self._pending)
        self._part.__exit__(*((None, None, None) if error is None else (type(error), error, error.__traceback__)))

    def files(self) -> list[ReleaseFile]:
        """The finished file."""
        made = named(self._root, ORDER, "", self._part.info)
        return [made]

    def _write(self, labels: list[str]) -> None:
        import pyarrow as pa

        self._part.write(pa.RecordBatch.from_arrays([pa.array(labels, pa.string())], schema=self._schema))

    def _differs(self) -> None:
        raise IntegrityError(f"{self._index.directory} does not hold the chunks of the snapshot, row by row")


def _rows_of(index: Artifact) -> Iterator[pa.RecordBatch]:
    from m4corpus.index.writer import ROWS

    for part in index.parts():
        if part.path.endswith(f"/{ROWS}"):
            yield from read_batches(index.directory / part.path, ["id"], batch_size=1024)
