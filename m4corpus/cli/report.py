"""What ``run`` and ``status`` show: progress on stderr while it works, tables on stdout when it is done."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from m4corpus import languages as registry
from m4corpus.cli.output import table
from m4corpus.identify.labels import language_names
from m4corpus.pipeline import CACHED, PlannedStage, Reporter, RunResult, StageResult

if TYPE_CHECKING:
    from rich.progress import Progress

    from m4corpus.ledger import Counts
    from m4corpus.storage.artifact import Artifact

#: What went into a stage, what became of it, and what came out.
FLOW = ("stage", "inputs", "kept", "dropped", "failed", "outputs")
#: Seconds between two progress lines in a log.
LOG_INTERVAL = 10.0


@contextmanager
def reporter() -> Iterator[Reporter]:
    """Progress bars on a terminal, plain lines in a log."""
    if not sys.stderr.isatty():
        yield LineReporter()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield BarReporter(progress)


class Pace:
    """How fast a phase goes, from when it was first heard of: what was there by then was not computed now."""

    def __init__(self, done: int) -> None:
        self._done, self._started = done, time.monotonic()

    def rate(self, done: int) -> float:
        """Inputs a second; 0 while it is too early to say."""
        seconds = time.monotonic() - self._started
        return max(done - self._done, 0) / seconds if seconds > 0.5 else 0.0

    def rate_text(self, done: int) -> str:
        """The rate in words; empty while it is too early to say."""
        rate = self.rate(done)
        return f"{rate:,.{0 if rate >= 10 else 1}f}/s" if rate else ""

    def told(self, done: int, total: int) -> str:
        """Rate and remaining time, in words; empty while there is nothing to go by."""
        if not (rate := self.rate(done)):
            return ""
        left = timedelta(seconds=round(max(total - done, 0) / rate))
        return f", {self.rate_text(done)}, {left} left"


class LineReporter(Reporter):
    """One line when a stage starts, every few seconds while it runs, and when it ends."""

    def __init__(self) -> None:
        self._spoken = time.monotonic()
        self._phase, self._pace = ("", ""), Pace(0)

    def stage(self, step: PlannedStage) -> None:
        self._spoken = time.monotonic()
        if step.state != CACHED:
            click.echo(f"{step.stage}: {step.state} ({step.why})", err=True)

    def progress(self, stage: str, phase: str, done: int, total: int, unit: str) -> None:
        if (stage, phase) != self._phase:
            self._phase, self._pace = (stage, phase), Pace(done)
        if time.monotonic() - self._spoken >= LOG_INTERVAL:
            self._spoken = time.monotonic()
            click.echo(f"{stage}/{phase}: {done:,} of {total:,} {unit}{self._pace.told(done, total)}", err=True)

    def finished(self, result: StageResult) -> None:
        click.echo(f"{result.stage}: {_outcome(result)}", err=True)

    def warning(self, text: str) -> None:
        click.echo(f"warning: {text}", err=True)


class BarReporter(Reporter):
    """A bar for the running phase, a line for each finished stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._phase = ("", "")
        self._task: Any = None
        self._pace = Pace(0)

    def progress(self, stage: str, phase: str, done: int, total: int, unit: str) -> None:
        if (stage, phase) != self._phase:
            if self._task is not None:
                self._progress.remove_task(self._task)
            name = stage if phase == stage else f"{stage}/{phase}"
            self._task = self._progress.add_task(name, total=total, unit=unit, rate="")
            self._phase, self._pace = (stage, phase), Pace(done)
        self._progress.update(self._task, completed=done, rate=self._pace.rate_text(done))

    def finished(self, result: StageResult) -> None:
        self._progress.console.print(f"{result.stage}: {_outcome(result)}", highlight=False, markup=False)

    def warning(self, text: str) -> None:
        self._progress.console.print(f"warning: {text}", highlight=False, markup=False)


def print_run(result: RunResult, ledger: str) -> None:
    """Tables of a finished run, and what to do next; ``ledger`` is the command that lists what failed."""
    table([*FLOW, "reused", "time"], [[*_flow(s.stage, s.counts), _reused(s), _time(s)] for s in result.stages])
    if result.quarantined:
        click.echo(f"{result.quarantined} inputs were quarantined; list them: {ledger}")
    if result.snapshot:
        from m4corpus.snapshot import open_snapshot

        snapshot = open_snapshot(result.snapshot)
        print_languages(snapshot.manifest)
        if conditioned := snapshot.manifest["conditioned_on_answers"]:
            click.echo(f"note: pages were searched for with the right answers of {', '.join(conditioned)}")
        click.echo(f"snapshot {snapshot.name} in {result.snapshot}")


def print_artifacts(artifacts: Sequence[Artifact]) -> None:
    """A row for each stage that has an artifact."""
    table([*FLOW, "artifact"], [[*_flow(a.stage, a.counts), a.directory.name] for a in artifacts])


def artifact_rows(artifacts: Sequence[Artifact]) -> list[dict[str, Any]]:
    """JSON form of :func:`print_artifacts`."""
    return [
        {"stage": a.stage, "artifact": a.directory.name, "logical": a.logical, **a.counts.as_dict()} for a in artifacts
    ]


def print_languages(counts: dict[str, Any]) -> None:
    """Documents and chunks of each language, largest first, as a snapshot's manifest counts them; then the documents of
    each variety, the mixed and the flagged, where there are any."""
    documents, chunks, names = counts["documents"], counts.get("chunks", {}), language_names()
    rows = [[label, names.get(label.split("_")[0], ""), documents[label], chunks.get(label, 0)]
            for label in _largest(documents)]  # fmt: skip
    table(["label", "language", "documents", "chunks"], rows)
    # Manifests written by earlier versions count languages alone.
    if varieties := counts.get("varieties"):
        table(["variety", "name", "documents"], [[tag, _variety(tag), varieties[tag]] for tag in _largest(varieties)])
    if mixed := counts.get("mixed", {}).get("documents"):
        click.echo(f"mixed: {mixed:,} documents, with {counts['mixed']['share']:.0%} or more in a second language")
    if flags := counts.get("flags"):
        click.echo("flags: " + ", ".join(f"{flags[flag]:,} {flag}" for flag in _largest(flags)))


def _largest(counts: Mapping[str, int]) -> list[str]:
    return sorted(counts, key=lambda name: (-counts[name], name))


def _variety(tag: str) -> str:
    known = registry.resolve_variety(tag)
    return known.name if known else ""


def _flow(stage: str, counts: Counts) -> list[Any]:
    dropped, failed = _reasons(counts.dropped), _reasons(counts.failed)
    return [stage, counts.inputs, counts.kept, dropped, failed, counts.outputs]


def _reasons(counts: Mapping[str, int]) -> str:
    """Rules or reasons with their counts, a line each, so that the column stays narrow."""
    return "\n".join(f"{name} {number:,}" for name, number in sorted(counts.items()))


def _outcome(result: StageResult) -> str:
    counts = result.counts
    numbers = f"{counts.inputs:,} in, {counts.kept:,} kept, {counts.dropped.total():,} dropped"
    failed = f", {counts.failed.total():,} FAILED" if counts.failed else ""
    reused = f", {result.reused:,} reused" if result.reused and result.state != CACHED else ""
    return f"{numbers}{failed}{reused}, {_time(result)}"


def _reused(result: StageResult) -> str:
    """Inputs whose rows came from an earlier artifact."""
    inputs = result.counts.inputs
    if result.state == CACHED or not result.reused:
        return "all" if result.state == CACHED else ""
    return f"{result.reused:,} ({result.reused / inputs:.0%})" if result.computed else "all"


def _time(result: StageResult) -> str:
    return "cached" if result.state == CACHED else f"{result.seconds:.1f} s"
