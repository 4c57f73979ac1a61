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
from m4corpus.ledger import Counts
from m4corpus.progress import Progress
from m4corpus.records import Document, Page, Record, from_batches, schema, to_batch, weight, weights
from m4corpus.reuse import CARRIED, Donor, DonorPart, Forecast, Plan, compare, forecast
from m4corpus.stage import Phase, Stage, StageContext
from m4corpus.steps import Step
from m4corpus.storage.artifact import Artifact, Completion
from m4corpus.storage.atomic import link_or_copy
from m4corpus.storage.parts import Buffered, PartWriter, part_name, read_batches
from m4corpus.weave import Weaver, facts_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


class MapStage(Stage):
    """One phase, a task for each part, and :meth:`step` for the work."""

    reads: ClassVar[type[Record]] = Document
    writes: ClassVar[type[Record]] = Document

    #: Columns that are handed on as they are; see :data:`m4corpus.reuse.CARRIED`.
    carried: ClassVar[tuple[str, ...]] = CARRIED

    @abstractmethod
    def step(self, context: StageContext) -> Step:
        """The work itself."""

    def phases(self, context: StageContext) -> list[Phase]:
        """One phase, a task for each part."""
        rows, step = record_rows(self.writes), self.step(context)
        return [map_phase(self.name, context, self.needs[0], self.reads, step, rows, carried=self.carried)]

    def forecast(self, context: StageContext) -> Forecast | None:
        """By reading the input and the donor's ledger."""
        if context.donor is None:
            return None
        artifact = Artifact.open(context.inputs[self.needs[0]])
        parts = [artifact.directory / part.path for part in artifact.parts()]
        return forecast(parts, None, self.carried, Donor.of(context.donor, partial(schema, self.writes)), "documents")


@dataclass(frozen=True)
class Rows:
    """How objects become the rows of a part. ``weight`` estimates an object's characters, which bound a row group;
    ``weights`` does so for rows that are columns already, and is None where objects weigh nothing."""

    schema: Callable[[], pa.Schema]
    to_batch: Callable[[list[Any]], pa.RecordBatch]
    weight: Callable[[Any], int]
    weights: Callable[[pa.RecordBatch], NDArray[np.int64]] | None = None


def record_rows(kind: type[Record]) -> Rows:
    """Rows of pages, documents or chunks."""
    return Rows(partial(schema, kind), to_batch, weight, weights)


def map_phase(
    name: str,
    context: StageContext,
    source: str,
    reads: type[Any],
    step: Step,
    rows: Rows,
    columns: tuple[str, ...] | None = None,
    carried: tuple[str, ...] = (),
) -> Phase:
    """The phase that runs ``step`` over each part of the input artifact ``source``; ``columns`` limits what is read.

    Rows of the context's donor are reused for inputs that are the same but for the columns ``carried``.
    """
    artifact = Artifact.open(context.inputs[source])
    parts = [artifact.directory / part.path for part in artifact.parts()]
    donor = Donor.of(context.donor, rows.schema) if context.donor is not None else None
    reader = PartSource(context, name, parts, reads, columns, step, Reuse(donor, carried))
    total = sum(part.rows for part in artifact.parts())
    unit = "documents" if reads in (Page, Document) else "chunks"
    return Phase(name, [reader, step, PartSink(context, name, reader, step, rows)], len(parts), total, unit)


@dataclass(frozen=True)
class Reuse:
    """Where a phase may take rows from, and the columns in which an input may differ all the same."""

    donor: Donor | None = None
    carried: tuple[str, ...] = ()


class PartSource(PipelineStep):
    """Streams those records of the part that belongs to a task which have to be computed, and reports progress."""

    name = "read part"

    def __init__(
        self,
        context: StageContext,
        phase: str,
        parts: list[Path],
        kind: type[Any],
        columns: tuple[str, ...] | None,
        step: Step,
        reuse: Reuse,
    ) -> None:
        super().__init__()
        self.context = context
        self.phase = phase
        self.parts = parts
        self.kind = kind
        self.columns = list(columns) if columns else None
        self.step = step
        self.reuse = reuse
        self._plan: tuple[int, Plan] | None = None

    def plan(self, rank: int) -> Plan:
        """What of part ``rank`` is there already."""
        if self._plan is None or self._plan[0] != rank:
            donor = self.reuse.donor.part(rank) if self.reuse.donor is not None else None
            besides = partial(self.step.besides, rank)
            self._plan = (
                rank,
                compare(self.parts[rank], self.columns, self.reuse.carried, besides, donor, self.step.again),
            )
        return self._plan[1]

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Records of part ``rank`` in order, less those that are there already."""
        plan = self.plan(rank)
        progress = Progress(self.context.progress(self.phase), rank)
        progress.advance(plan.reused)
        for record in from_batches(self.kind, self._read(rank, plan.origins) if plan.fresh is None else plan.fresh):
            yield record
            progress.advance()
        progress.flush()

    def _read(self, rank: int, origins: NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
        """Read the rows of a part that come from nowhere."""
        place = 0
        for batch in read_batches(self.parts[rank], self.columns) if (origins < 0).any() else ():
            yield _those(batch, origins[place : place + batch.num_rows] < 0)
            place += batch.num_rows


def _those(batch: pa.RecordBatch, wanted: NDArray[np.bool_]) -> pa.RecordBatch:
    import pyarrow as pa

    return batch if wanted.all() else batch.filter(pa.array(wanted))


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
        plan = self.reader.plan(rank)
        # What is not drawn from the stream is neither read nor prepared for.
        taken = plan.donor if plan.whole else None
        completion = self._taken_over(taken, rank) if taken is not None else self._woven(plan, data, rank)
        if self.step.happened:
            self.context.log(self.phase, "happened", rank, dict(self.step.happened))
        self.context.log(self.phase, "reuse", rank, {"reused": plan.reused, "computed": plan.rows - plan.reused})
        completion.write(self.context.completion(self.phase, rank))
        yield from ()

    def _woven(self, plan: Plan, data: Iterable[Any], rank: int) -> Completion:
        """The part, some of it from the donor and the rest from the stream."""
        root = self.context.directory
        with PartWriter(root / part_name(rank), self.rows.schema(), root) as part, Accounts(root, rank) as accounts:
            rows: Buffered[Any] = Buffered(part, self.rows.to_batch)
            weaver = self.step.ledger = Weaver(plan, accounts, rows, self.rows.weights)
            for record in data:
                rows.append(record, self.rows.weight(record))
            weaver.finish()
            rows.flush()
        accounts.check(f"{self.phase} part {rank}", inputs=plan.rows, outputs=part.info.rows)
        return Completion([part.info], [accounts.info], accounts.counts, dict(weaver.facts + self.step.facts))

    def _taken_over(self, donor: DonorPart, rank: int) -> Completion:
        """The donor's own files, as they are."""
        root = self.context.directory
        link_or_copy(donor.path, root / part_name(rank))
        link_or_copy(donor.ledger_path, root / "ledger" / part_name(rank))
        progress = Progress(self.context.progress(self.phase), rank)
        progress.advance(donor.ledger.num_rows)
        progress.flush()
        counts = Counts()
        counts.add_rows(donor.ledger)
        return Completion([donor.info], [donor.ledger_info], counts, dict(facts_of(donor.ledger)))
