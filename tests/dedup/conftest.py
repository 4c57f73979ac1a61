"""Runs the dedup stage over documents: as the executor does, but in this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from m4corpus import ledger
from m4corpus.dedup.config import DedupConfig
from m4corpus.dedup.stage import DedupStage
from m4corpus.ledger import Counts
from m4corpus.records import Document, from_batches, schema, to_batch
from m4corpus.stage import Phase, StageContext
from m4corpus.storage.artifact import Artifact, Completion, Identity
from m4corpus.storage.digests import partition_of
from m4corpus.storage.parts import PartWriter, part_name, read_batches


@dataclass
class Outcome:
    """What a run of the stage kept and dropped."""

    kept: dict[str, Document]
    dropped: dict[str, tuple[str, str]]


def write_input(directory: Path, documents: list[Document], partitions: int) -> None:
    """A filter artifact of some documents."""
    completions = []
    for part in range(partitions):
        inside = sorted((d for d in documents if partition_of(d.id, partitions) == part), key=lambda d: d.id)
        with (
            PartWriter(directory / part_name(part), schema(Document), directory) as parts,
            PartWriter(directory / "ledger" / part_name(part), ledger.schema(), directory) as accounts,
        ):
            for start in range(0, len(inside), 100):
                parts.write(to_batch(inside[start : start + 100]))
        completions.append(Completion([parts.info], [accounts.info], Counts()))
    Artifact.seal(directory, Identity("filter", 1, {}, {}, {}), completions, {})


def run_task(phase: Phase, rank: int) -> None:
    """One task of a phase, as datatrove runs it."""
    data = None
    for step in phase.steps:
        data = step.run(data, rank, phase.tasks)
    assert data is not None
    assert list(data) == []


def read_outcome(context: StageContext) -> Outcome:
    """The parts and ledgers a finished stage left."""
    kept, dropped = {}, {}
    for part in range(context.partitions):
        path = context.directory / part_name(part)
        kept.update({d.id: d for d in from_batches(Document, read_batches(path))})
        for batch in read_batches(context.directory / "ledger" / part_name(part)):
            dropped.update({r["id"]: (r["slug"], r["detail"]) for r in batch.to_pylist() if r["outcome"] == "dropped"})
    return Outcome(kept, dropped)


@pytest.fixture
def stage_of(tmp_path: Path) -> Callable[..., tuple[DedupStage, StageContext]]:
    """A stage over documents, ready to run."""
    made = iter(range(1000))

    def make(documents: list[Document], partitions: int = 3, **options: object) -> tuple[DedupStage, StageContext]:
        root = tmp_path / str(next(made))
        write_input(root / "filter", documents, partitions)
        context = StageContext(root / "dedup", {"filter": root / "filter"}, partitions, root / "cache")
        return DedupStage(DedupConfig(**options)), context  # type: ignore[arg-type]

    return make


@pytest.fixture
def dedup(stage_of: Callable[..., tuple[DedupStage, StageContext]]) -> Callable[..., Outcome]:
    """Deduplicates documents and returns what became of them."""

    def run(documents: list[Document], partitions: int = 3, **options: object) -> Outcome:
        stage, context = stage_of(documents, partitions, **options)
        for phase in stage.phases(context):
            for rank in range(phase.tasks):
                run_task(phase, rank)
                assert context.completion(phase.name, rank).is_file()
        return read_outcome(context)

    return run
