"""Stages that treat every record on its own: part n of the input becomes part n of the output."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from m4corpus.accounts import Accounts
from m4corpus.datatrove import PipelineStep
from m4corpus.progress import Progress
from m4corpus.records import Document, Page, Record, from_batches, schema, to_batch, weight
from m4corpus.stage import Phase, Stage, StageContext
from m4corpus.steps import Step
from m4corpus.storage.artifact import Artifact, Completion
from m4corpus.storage.atomic import write_json
from m4corpus.storage.parts import Buffered, PartWriter, part_name, read_batches

if TYPE_CHECKING:
    import pyarrow as pa


class MapStage(Stage):
    """One phase, a task for each part, and :meth:`step` for the work."""

    reads: ClassVar[type[Record]] = Document
    writes: ClassVar[type[Record]] = Document

    @abstractmethod
    def step(self, context: StageContext) -> Step:
        """The work itself."""

    def phases(self, context: StageContext) -> list[Phase]:
        """One phase, a task for each part."""
        return [map_phase(self.name, context, self.needs[0], self.reads, self.step(context), record_rows(self.writes))]


@dataclass(frozen=True)
class Rows:
    """How objects become the rows of a part. ``weight`` estimates an object's characters, which bound a row group."""

    schema: Callable[[], pa.Schema]
    to_batch: Callable[[list[Any]], pa.RecordBatch]
    weight: Callable[[Any], int]


def record_rows(kind: type[Record]) -> Rows:
    """Rows of pages, documents or chunks."""
    return Rows(partial(schema, kind), to_batch, weight)


def map_phase(
    name: str,
    context: StageContext,
    source: str,
    reads: type[Any],
    step: Step,
    rows: Rows,
    columns: tuple[str, ...] | None = None,
) -> Phase:
    """The phase that runs ``step`` over each part of the input artifact ``source``; ``columns`` limits what is read."""
    artifact = Artifact.open(context.inputs[source])
    parts = [artifact.directory / part.path for part in artifact.parts()]
    reader = PartSource(context, name, parts, reads, columns)
    total = sum(part.rows for part in artifact.parts())
    unit = "documents" if reads in (Page, Document) else "chunks"
    return Phase(name, [reader, step, PartSink(context, name, reader, step, rows)], len(parts), total, unit)


class PartSource(PipelineStep):
    """Streams the records of the part that belongs to a task, and reports progress."""

    name = "read part"

    def __init__(
        self, context: StageContext, phase: str, parts: list[Path], kind: type[Any], columns: tuple[str, ...] | None
    ) -> None:
        super().__init__()
        self.context = context
        self.phase = phase
        self.parts = parts
        self.kind = kind
        self.columns = list(columns) if columns else None
        self.rows = 0

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Records of part ``rank`` in order."""
        progress = Progress(self.context.progress(self.phase), rank)
        self.rows = 0
        for record in from_batches(self.kind, read_batches(self.parts[rank], self.columns)):
            self.rows += 1
            yield record
            progress.advance()
        progress.flush()


class PartSink(PipelineStep):
    """Writes a task's rows and ledger as part files, checks the accounts, and records completion last."""

    name = "write part"

    def __init__(self, context: StageContext, phase: str, reader: PartSource, step: Step, rows: Rows) -> None:
        super().__init__()
        self.context = context
        self.phase = phase
        self.reader = reader
        self.step = step
        self.rows = rows

    def run(self, data: Iterable[Any], rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Consumes the stream; yields nothing."""
        root = self.context.directory
        with PartWriter(root / part_name(rank), self.rows.schema(), root) as part, Accounts(root, rank) as accounts:
            rows: Buffered[Any] = Buffered(part, self.rows.to_batch)
            self.step.ledger = accounts
            for record in data:
                rows.append(record, self.rows.weight(record))
            rows.flush()
        accounts.check(f"{self.phase} part {rank}", inputs=self.reader.rows, outputs=part.info.rows)
        if self.step.happened:
            write_json(root / "logs" / self.phase / "happened" / f"{rank:05d}.json", dict(self.step.happened))
        completion = Completion([part.info], [accounts.info], accounts.counts, dict(self.step.facts))
        completion.write(self.context.completion(self.phase, rank))
        yield from ()
