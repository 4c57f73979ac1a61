"""What a stage is: a name, a version, a configuration, and phases of tasks that turn artifacts into one artifact."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, ClassVar

from m4corpus import ledger
from m4corpus.datatrove import PipelineStep
from m4corpus.ledger import Counts, Entry
from m4corpus.progress import Progress
from m4corpus.records import Chunk, Document, Page, Record, from_batches, schema, to_batch
from m4corpus.steps import Step
from m4corpus.storage.artifact import Artifact, Completion
from m4corpus.storage.parts import Buffered, PartWriter, part_name, read_batches


@dataclass(frozen=True)
class StageContext:
    """Where a stage works. ``inputs`` maps the stages it reads to their artifact directories; ``cache`` is shared by
    every recipe of a work directory and holds nothing that cannot be recomputed."""

    directory: Path
    inputs: dict[str, Path]
    partitions: int
    cache: Path

    @property
    def scratch(self) -> Path:
        """Completion records and intermediate files; removed when the artifact is sealed."""
        return self.directory / "work"

    def completion(self, phase: str, rank: int) -> Path:
        """Path of a task's completion record."""
        return self.scratch / phase / f"rank-{rank:05d}.json"

    def progress(self, phase: str) -> Path:
        """Directory of a phase's progress counters."""
        return self.directory / "logs" / phase / "progress"


@dataclass(frozen=True)
class Phase:
    """A datatrove pipeline run as ``tasks`` independent tasks; ``total`` inputs are expected (for progress)."""

    name: str
    steps: list[PipelineStep]
    tasks: int
    total: int
    unit: str = "documents"


class Stage(ABC):
    """One stage of a recipe. Raise :attr:`version` whenever the same input and config would give other output."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    needs: ClassVar[tuple[str, ...]]
    #: Distributions whose version may change the output; they enter the fingerprint.
    packages: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: Any) -> None:
        self.config = config

    def config_dict(self) -> dict[str, Any]:
        """The configuration as it enters the fingerprint."""
        return asdict(self.config)

    def resources(self) -> dict[str, str]:
        """Everything outside the recipe that the output depends on: files by digest, packages by version."""
        return {name: installed(name) for name in self.packages}

    @abstractmethod
    def phases(self, context: StageContext) -> Iterable[Phase]:
        """The phases, in order; a phase may rely on the files the ones before it left in ``context.scratch``."""

    def info(self, context: StageContext) -> dict[str, Any]:
        """Facts to record in the manifest, deterministic."""
        return {}


class MapStage(Stage):
    """A stage that treats every record of its input parts on its own; part n becomes part n."""

    reads: ClassVar[type[Record]] = Document
    writes: ClassVar[type[Record]] = Document

    @abstractmethod
    def step(self, context: StageContext) -> Step:
        """The work itself."""

    def phases(self, context: StageContext) -> list[Phase]:
        """One phase, a task for each part."""
        return [map_phase(self.name, context, self.needs[0], self.reads, self.step(context), self.writes)]


def map_phase(
    name: str, context: StageContext, source: str, reads: type[Record], step: Step, writes: type[Record]
) -> Phase:
    """The phase that runs ``step`` over each part of the input artifact ``source``."""
    artifact = Artifact.open(context.inputs[source])
    parts = [artifact.directory / part.path for part in artifact.parts()]
    reader = PartSource(context, name, parts, reads)
    total = sum(part.rows for part in artifact.parts())
    unit = "chunks" if reads is Chunk else "documents"
    return Phase(name, [reader, step, PartSink(context, name, reader, step, writes)], len(parts), total, unit)


class PartSource(PipelineStep):
    """Streams the records of the part that belongs to a task, and reports progress."""

    name = "read part"

    def __init__(self, context: StageContext, phase: str, parts: list[Path], kind: type[Record]) -> None:
        super().__init__()
        self.context = context
        self.phase = phase
        self.parts = parts
        self.kind = kind
        self.rows = 0

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Record]:
        """Records of part ``rank`` in order."""
        progress = Progress(self.context.progress(self.phase), rank)
        self.rows = 0
        for record in from_batches(self.kind, read_batches(self.parts[rank])):
            self.rows += 1
            yield record
            progress.advance()
        progress.flush()


class PartSink(PipelineStep):
    """Writes a task's records and ledger as part files, checks the accounts, and records completion last."""

    name = "write part"

    def __init__(self, context: StageContext, phase: str, reader: Any, step: Step, kind: type[Record]) -> None:
        super().__init__()
        self.context = context
        self.phase = phase
        self.reader = reader
        self.step = step
        self.kind = kind

    def run(self, data: Iterable[Record], rank: int = 0, world_size: int = 1) -> Iterator[Record]:
        """Consumes the stream; yields nothing."""
        root = self.context.directory
        counts = Counts()
        with (
            PartWriter(root / part_name(rank), schema(self.kind), root) as parts,
            PartWriter(root / "ledger" / part_name(rank), ledger.schema(), root) as accounts,
        ):
            records: Buffered[Any] = Buffered(parts, to_batch)
            entries = Buffered(accounts, ledger.to_batch)

            def account(entry: Entry) -> None:
                counts.add(entry)
                entries.append(entry)

            self.step.ledger = account
            for record in data:
                records.append(record, weight(record))
            records.flush()
            entries.flush()
        check_accounts(f"{self.phase} part {rank}", counts, inputs=self.reader.rows, outputs=parts.info.rows)
        Completion([parts.info], [accounts.info], counts).write(self.context.completion(self.phase, rank))
        yield from ()


def weight(record: Record) -> int:
    """Characters of text in a record, which bound the memory of a row group."""
    return len(record.content) if isinstance(record, Page) else len(record.text)


def check_accounts(where: str, counts: Counts, inputs: int, outputs: int) -> None:
    """Raise when an input or an output of a task is not in its ledger: a bug in a step, never a user's mistake."""
    if not counts.adds_up() or counts.inputs != inputs or counts.outputs != outputs:
        raise AssertionError(
            f"{where}: the ledger holds {counts.inputs} inputs and {counts.outputs} outputs, "
            f"but {inputs} were read and {outputs} written"
        )
