"""Runs a recipe one stage at a time through the command line, as a user would, and measures each stage."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from measure import MemorySampler

from m4corpus.stagenames import STAGES


@dataclass(frozen=True)
class StageRun:
    """One stage of one run. ``megabytes`` (10^6) is what it was given: the bytes of the files for read, then of the
    text, and of the vectors for index; ``tree`` and ``process`` are peak memory in bytes (see ``MemorySampler``)."""

    stage: str
    inputs: int
    outputs: int
    seconds: float
    megabytes: float
    tree: int
    process: int

    @property
    def unit(self) -> str:
        """What ``inputs`` counts."""
        return {"embed": "chunks", "index": "chunks"}.get(self.stage, "documents")


@dataclass(frozen=True)
class WholeRun:
    """A recipe's run from nothing; ``root`` holds its artifacts and ``snapshot`` is the directory of its snapshot."""

    stages: list[StageRun]
    root: Path
    snapshot: Path

    @property
    def seconds(self) -> float:
        """Time of all stages together."""
        return sum(stage.seconds for stage in self.stages)


def run_recipe(recipe: Path, workdir: Path, workers: int, limit: int | None = None) -> WholeRun:
    """Run every stage of a recipe in an empty work directory, each in a process of its own."""
    stages: list[StageRun] = []
    summary: dict[str, Any] = {}
    for stage in STAGES:
        summary, tree, process = _run_stage(recipe, workdir, workers, stage, limit)
        root = workdir / summary["recipe"]
        *before, done = summary["stages"]
        megabytes = _given(root, before[-1]["artifact"] if before else "", root / done["artifact"]) / 1e6
        stages.append(StageRun(stage, done["inputs"], done["outputs"], done["seconds"], megabytes, tree, process))
        click.echo(f"  {stage}: {done['inputs']:,} in, {done['outputs']:,} out, {done['seconds']:.1f} s", err=True)
    return WholeRun(stages, workdir / summary["recipe"], Path(summary["snapshot"]))


def _run_stage(
    recipe: Path, workdir: Path, workers: int, stage: str, limit: int | None
) -> tuple[dict[str, Any], int, int]:
    command = [sys.executable, "-m", "m4corpus", "run", str(recipe), "--stage", stage, "--json"]
    command += ["--workdir", str(workdir), "--workers", str(workers)]
    command += ["--limit", str(limit)] if limit else []
    workdir.mkdir(parents=True, exist_ok=True)
    with (workdir / f"{stage}.log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        with MemorySampler(process.pid) as memory:
            output, _ = process.communicate()
        log.seek(0)
        if process.returncode != 0:
            raise click.ClickException(f"stage {stage} of {recipe.name} ended with {process.returncode}:\n{log.read()}")
    return json.loads(output), memory.tree, memory.process


def _given(root: Path, before: str, own: Path) -> int:
    """Bytes a stage was given: what the stage before it left, or for the first one the files it read."""
    if not before:
        return int(json.loads((own / "manifest.json").read_text(encoding="utf-8"))["info"]["bytes"])
    return sum(payload(batch) for batch in batches(root / before))


def batches(artifact: Path, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """The Arrow batches of an artifact's parts, in order."""
    import pyarrow.parquet as pq

    for part in sorted(artifact.glob("part-*.parquet")):
        with pq.ParquetFile(part) as file:
            yield from file.iter_batches(columns=columns)


def payload(batch: Any) -> int:
    """Bytes of the text of a batch (UTF-8), or of its vectors where it has no text."""
    import pyarrow.compute as pc

    for name in ("content", "text"):
        if name in batch.schema.names:
            return int(pc.sum(pc.binary_length(batch.column(name))).as_py() or 0)
    return int(batch.nbytes)
