"""The ledger part of one task: a row for every input, and counts that must add up before the task is complete."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus import ledger
from m4corpus.ledger import Counts, Entry
from m4corpus.storage.parts import Buffered, PartInfo, PartWriter, part_name

if TYPE_CHECKING:
    from typing import Self

    import pyarrow as pa


class Accounts:
    """Writes ``ledger/part-<rank>.parquet`` of the artifact at ``root``; a context manager, called with each entry."""

    def __init__(self, root: Path, rank: int) -> None:
        self.counts = Counts()
        self._part = PartWriter(root / "ledger" / part_name(rank), ledger.schema(), root)
        self._entries: Buffered[Entry] = Buffered(self._part, ledger.to_batch)

    def __enter__(self) -> Self:
        self._part.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            if error[0] is None:
                self._entries.flush()
        except BaseException as failure:
            self._part.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._part.__exit__(*error)

    def __call__(self, entry: Entry) -> None:
        """Take one row."""
        self.counts.add(entry)
        self._entries.append(entry)

    def extend(self, rows: pa.RecordBatch) -> None:
        """Take rows that are columns already."""
        self.counts.add_rows(rows)
        self._entries.extend(rows)

    @property
    def info(self) -> PartInfo:
        """The finished file, once the block has ended."""
        return self._part.info

    def check(self, where: str, inputs: int, outputs: int) -> None:
        """Raise when an input or an output is not in the ledger: a bug in a step, never a user's mistake."""
        counts = self.counts
        if not counts.adds_up() or counts.inputs != inputs or counts.outputs != outputs:
            raise AssertionError(
                f"{where}: the ledger holds {counts.inputs} inputs and {counts.outputs} outputs, "
                f"but {inputs} were read and {outputs} written"
            )
