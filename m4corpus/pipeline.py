"""A recipe becomes a plan, a plan becomes datatrove executors: what is cached, what runs, and why."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus import fork_server, progress
from m4corpus.errors import IntegrityError, UserError
from m4corpus.ledger import Counts
from m4corpus.recipe import TRIAL, Recipe, load, portable
from m4corpus.stagenames import STAGES
from m4corpus.storage.artifact import Artifact, Completion, Identity
from m4corpus.storage.atomic import machine_refused, write_json
from m4corpus.storage.lock import locked

if TYPE_CHECKING:
    from m4corpus.reuse import Forecast
    from m4corpus.stage import Phase, Stage, StageContext

CACHED, RESUME, RUN, PENDING = "cached", "resume", "run", "pending"
#: Times that a plan begins where sweeps elsewhere keep taking away what it reads.
_ATTEMPTS = 10


@dataclass(frozen=True)
class PlannedStage:
    """What will happen to one stage: ``state`` is cached, resume (unfinished work is kept), run, or pending, when the
    fingerprint depends on a stage that has to run first.

    ``donor`` is the artifact whose rows are reused for inputs that are the same, and ``forecast`` how many those are,
    as far as that can be told beforehand.
    """

    stage: str
    state: str
    why: str
    directory: str = ""
    donor: str = ""
    forecast: Forecast | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "stage": self.stage,
            "state": self.state,
            "why": self.why,
            "artifact": self.directory,
            "donor": self.donor,
            "forecast": asdict(self.forecast) if self.forecast else None,
        }


@dataclass(frozen=True)
class StageResult:
    """One stage of a finished run. ``seconds`` is 0 when it was cached.

    ``reused`` inputs are those whose rows were taken from an earlier artifact (``donor``), or all when it was cached;
    the others were ``computed``.
    """

    stage: str
    state: str
    seconds: float
    directory: Path
    counts: Counts
    logical: str
    donor: str = ""
    reused: int = 0

    @property
    def computed(self) -> int:
        """Inputs for which the stage did its work."""
        return self.counts.inputs - self.reused


@dataclass
class RunResult:
    """What a run did; ``snapshot`` is the directory of the snapshot, or None when the run ended before the index."""

    recipe: str
    stages: list[StageResult] = field(default_factory=list)
    snapshot: Path | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def quarantined(self) -> int:
        """Inputs that failed, over all stages."""
        return sum(stage.counts.failed.total() for stage in self.stages)

    def as_dict(self) -> dict[str, Any]:
        """JSON form of the run's summary."""
        return {
            "recipe": self.recipe,
            "snapshot": str(self.snapshot) if self.snapshot else None,
            "quarantined": self.quarantined,
            "warnings": self.warnings,
            "stages": [
                {
                    "stage": s.stage,
                    "state": s.state,
                    "seconds": round(s.seconds, 3),
                    "artifact": s.directory.name,
                    "logical": s.logical,
                    "donor": s.donor,
                    "reused": s.reused,
                    "computed": s.computed,
                    **s.counts.as_dict(),
                }
                for s in self.stages
            ],
        }


class Reporter:
    """Hears how a run goes; the command line draws it, and the base class says nothing."""

    def stage(self, step: PlannedStage) -> None:
        """A stage is about to be used or run."""

    def progress(self, stage: str, phase: str, done: int, total: int, unit: str) -> None:
        """Inputs finished in the running phase; called a few times a second."""

    def finished(self, result: StageResult) -> None:
        """A stage has its artifact."""

    def warning(self, text: str) -> None:
        """Something that does not end a run and should be known."""


class Pipeline:
    """One recipe over one work directory. With a ``limit`` it is a trial: everything it leaves is named apart."""

    def __init__(self, recipe: Recipe, base: Path, workdir: Path, limit: int | None = None) -> None:
        if limit is not None and limit < 1:
            raise UserError(f"limit must be at least 1, not {limit}")
        self.recipe = recipe
        self.base = base
        self.workdir = workdir
        self.limit = limit
        self.name = recipe.name if limit is None else recipe.name + TRIAL
        self.root = workdir / self.name

    @classmethod
    def from_file(cls, path: Path, workdir: Path, limit: int | None = None) -> Pipeline:
        """The pipeline of a recipe file."""
        return cls(load(path), path.resolve().parent, workdir, limit)

    def plan(self) -> list[PlannedStage]:
        """What :meth:`run` would do. Reads the inputs to fingerprint them, and remembers their digests.

        It waits for no lock. Where a `gc` elsewhere took away what it was reading, it begins anew.
        """
        failed: str | None = None
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._planned()
            except (FileNotFoundError, IntegrityError) as error:
                # What has gone is not looked for again; what is damaged fails as before.
                if str(error) == failed:
                    raise
                failed = str(error)
        return self._planned()

    def _planned(self) -> list[PlannedStage]:
        steps: list[PlannedStage] = []
        done: dict[str, Artifact] = {}
        for name, stage in self._checked(STAGES).items():
            missing = [need for need in stage.needs if need not in done]
            if missing:
                steps.append(self._pending(stage, missing[0]))
                continue
            identity = self._identity(stage, done)
            step = self._step(identity)
            if step.state == CACHED:
                done[name] = Artifact.open(self.root / identity.directory_name)
            else:
                context = self._context(stage, identity, done)
                donor = context.donor.directory.name if context.donor else ""
                step = replace(step, donor=donor, forecast=stage.forecast(context) if donor else None)
            steps.append(step)
        return steps

    def _pending(self, stage: Stage, need: str) -> PlannedStage:
        """A stage whose inputs are not known yet, but what it would do with each of them is."""
        identity = self._identity(stage, {})
        donor = self._donor(stage, identity)
        why = f"depends on what {need} yields"
        if donor is None:
            return PlannedStage(stage.name, PENDING, f"{why}; all of it is computed: {self._what_changed(identity)}")
        return PlannedStage(stage.name, PENDING, why, donor=donor.directory.name)

    def run(
        self,
        *,
        first: str = STAGES[0],
        last: str = STAGES[-1],
        workers: int = 1,
        executor: str = "local",
        reporter: Reporter | None = None,
    ) -> RunResult:
        """Bring the stages from ``first`` to ``last`` up to date; stages before ``first`` must be cached.

        Raises:
            LockedError: another run uses the work directory.
            UserError: a stage before ``first`` is not built, or a source is missing.
            EnvironmentFailure: the disk is full, the work directory is read-only, or workers keep being killed.
        """
        reporter = reporter or Reporter()
        result = RunResult(self.name)
        from m4corpus.executor import find

        find(executor)
        if workers < 1:
            raise UserError(f"workers must be at least 1, not {workers}")
        begin, end = _position(first), _position(last)
        if begin > end:
            raise UserError(f"stage '{first}' comes after '{last}'", f"The order is: {', '.join(STAGES)}.")
        try:
            names = STAGES[: end + 1]
            if not self._latest().keys() >= set(names):
                # Something will run: the server loads what workers need while the inputs are listed here.
                fork_server.start()
            stages = self._checked(names, begins=fork_server.start)
            with locked(self.workdir):
                done: dict[str, Artifact] = {}
                for stage in stages.values():
                    identity = self._identity(stage, done)
                    step = self._step(identity)
                    if step.state != CACHED and _position(step.stage) < begin:
                        raise UserError(
                            f"stage '{first}' needs '{step.stage}', which is not built: {step.why}",
                            f"Run without --stage and --from, or: --until {first}.",
                        )
                    stage_result = self._bring_up(stage, done, identity, step, workers, executor, reporter)
                    result.stages.append(stage_result)
                    reporter.finished(stage_result)
                    if stage.name == "chunk":
                        # Before the long work that may be in vain.
                        result.warnings += self._uncovered(done["chunk"])
                        for text in result.warnings:
                            reporter.warning(text)
                if last == STAGES[-1]:
                    result.snapshot = self._snapshot(done)
        except OSError as error:
            raise machine_refused(error) or error from error
        return result

    def warnings(self) -> list[str]:
        """What should be known of the recipe, as far as it is built: languages its encoder does not claim."""
        built = {artifact.stage: artifact for artifact in self.status()}
        return self._uncovered(built.get("chunk"))

    def _uncovered(self, chunks: Artifact | None) -> list[str]:
        """Languages of the chunks, or while there are none of those the recipe asks for, which the encoder does not
        claim."""
        from m4corpus.embed.coverage import usual_labels, warning
        from m4corpus.snapshot.summary import chunk_counts

        asked = usual_labels(self.recipe.filter.languages or ())
        found = warning(self.recipe.embed.encoder, chunk_counts(chunks)["chunks"] if chunks else asked)
        return [found] if found else []

    def status(self) -> list[Artifact]:
        """The artifacts of the recipe's latest run, in stage order; none that was made of others than those."""
        latest, found = self._latest(), dict[str, Artifact]()
        for name in STAGES:
            directory = self.root / latest.get(name, "")
            if name in latest and Artifact.exists(directory):
                artifact = Artifact.open(directory)
                inputs = artifact.manifest["inputs"].items()
                if all(need in found and found[need].logical == logical for need, logical in inputs):
                    found[name] = artifact
        return list(found.values())

    def _stage(self, name: str) -> Stage:
        from m4corpus.stages import build

        return build(name, self.recipe, self.base, self.workdir, self.limit)

    def _checked(self, names: tuple[str, ...], begins: Callable[[], None] | None = None) -> dict[str, Stage]:
        """The stages, after everything outside the recipe that they name was found: a mistake costs no run.

        ``begins`` is called once there is one that will have to run.
        """
        stages = {}
        for name in names:
            stage = stages[name] = self._stage(name)
            stage.resources()
            if begins and self._will_run(stage):
                begins()
                begins = None
        return stages

    def _will_run(self, stage: Stage) -> bool:
        """Whether a stage is not as it was in the latest run, whatever the stages before it yield."""
        identity, name = self._identity(stage, {}), self._latest().get(stage.name, "")
        try:
            old = Artifact.open(self.root / name).manifest
        except IntegrityError:
            return True
        now = {"version": identity.version, "config": identity.config, "resources": identity.resources}
        return any(True for _ in _changed({key: old[key] for key in now}, now))

    def _identity(self, stage: Stage, done: dict[str, Artifact]) -> Identity:
        return Identity(
            stage=stage.name,
            version=stage.version,
            config={**stage.config_dict(), "partitions": self.recipe.partitions},
            inputs={need: done[need].logical for need in stage.needs if need in done},
            resources=stage.resources(),
        )

    def _step(self, identity: Identity) -> PlannedStage:
        directory = self.root / identity.directory_name
        if Artifact.exists(directory):
            defect = next(_defects(directory), None)
            if defect is None:
                return PlannedStage(identity.stage, CACHED, "nothing it depends on has changed", directory.name)
            return PlannedStage(identity.stage, RUN, defect, directory.name)
        why = self._what_changed(identity)
        state = RESUME if (directory / "work").is_dir() else RUN
        return PlannedStage(identity.stage, state, f"unfinished; {why}" if state == RESUME else why, directory.name)

    def _context(self, stage: Stage, identity: Identity, done: dict[str, Artifact]) -> StageContext:
        from m4corpus.stage import StageContext

        directory, inputs = self.root / identity.directory_name, {need: done[need].directory for need in stage.needs}
        donor = self._donor(stage, identity)
        return StageContext(directory, inputs, self.recipe.partitions, self.workdir / "cache", donor)

    def _donor(self, stage: Stage, identity: Identity) -> Artifact | None:
        from m4corpus.donors import find_donor
        from m4corpus.snapshot.layout import SNAPSHOTS, Home

        home = Home(self.workdir / SNAPSHOTS / self.name)
        return find_donor(stage, identity, self.root, self._latest(), home)

    def _what_changed(self, identity: Identity) -> str:
        """Why a stage has no artifact, against the one it had in the latest run."""
        name = self._latest().get(identity.stage)
        try:
            old = Artifact.open(self.root / name).manifest if name else None
        except IntegrityError:
            old = None
        if old is None:
            return "never built"
        changes = [
            f"{kind} changed: {key}"
            for kind, now in (("option", identity.config), ("input", identity.inputs), ("resource", identity.resources))
            # What is not known yet is no change.
            if now or kind != "input"
            for key in _changed(old[_KEYS[kind]], now)
        ]
        if old["version"] != identity.version:
            changes.append(f"stage version {old['version']} -> {identity.version}")
        return "; ".join(changes) or "its artifact was removed"

    def _bring_up(
        self,
        stage: Stage,
        done: dict[str, Artifact],
        identity: Identity,
        step: PlannedStage,
        workers: int,
        executor: str,
        reporter: Reporter,
    ) -> StageResult:
        """Give the stage its artifact, add it to ``done``, and remember it as the latest."""
        directory = self.root / step.directory
        reporter.stage(step)
        started = time.monotonic()
        donor: Artifact | None = None
        if step.state != CACHED:
            fork_server.start()
            if step.state == RUN and directory.exists():
                # What a finished or damaged artifact left must not pass for finished work of this run.
                shutil.rmtree(directory)
            context = self._context(stage, identity, done)
            donor = context.donor
            context.scratch.mkdir(parents=True, exist_ok=True)
            completions = self._run_phases(stage, context, workers, executor, reporter)
            Artifact.seal(directory, identity, completions, stage.info(context))
        # Here rather than after sealing, for a run that was killed in between.
        shutil.rmtree(directory / "work", ignore_errors=True)
        artifact = done[stage.name] = Artifact.open(directory)
        self._remember(stage.name, directory.name)
        seconds = time.monotonic() - started if step.state != CACHED else 0.0
        counts = artifact.counts
        reused = counts.inputs if step.state == CACHED else _reused(directory)
        name = donor.directory.name if donor else ""
        return StageResult(stage.name, step.state, seconds, directory, counts, artifact.logical, name, reused)

    def _run_phases(
        self, stage: Stage, context: StageContext, workers: int, executor: str, reporter: Reporter
    ) -> list[Completion]:
        """Run every phase and return the completions of the last one, which describe the stage's output."""
        from m4corpus.executor import run_phase

        last = None
        for phase in stage.phases(context):

            def watch(phase: Phase = phase) -> None:
                done = progress.total(context.progress(phase.name))
                reporter.progress(stage.name, phase.name, done, phase.total, phase.unit)

            run_phase(phase, context, executor, workers, watch)
            watch()
            last = phase
        if last is None:
            raise AssertionError(f"stage {stage.name} has no phases")
        return [Completion.read(context.completion(last.name, rank)) for rank in range(last.tasks)]

    def _snapshot(self, done: dict[str, Artifact]) -> Path:
        from m4corpus.snapshot import create
        from m4corpus.stages import places

        where = places(self.recipe, self.base, self.workdir)
        return create(self.workdir, self.name, portable(self.recipe, self.limit), done, where, self.base)

    def _latest(self) -> dict[str, str]:
        """The artifact each stage used last; nothing when that is unknown, which costs only an explanation."""
        with suppress(OSError, ValueError):
            latest = json.loads((self.root / "latest.json").read_text(encoding="utf-8"))
            if isinstance(latest, dict) and all(isinstance(name, str) for name in latest.values()):
                return latest
        return {}

    def _remember(self, stage: str, directory: str) -> None:
        latest = self._latest()
        if latest.get(stage) != directory:
            write_json(self.root / "latest.json", {**latest, stage: directory})


def _reused(directory: Path) -> int:
    """Inputs whose rows a stage took from its donor, as its tasks logged them."""
    total = 0
    for path in directory.glob("logs/*/reuse/*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):
            total += json.loads(path.read_text(encoding="utf-8"))["reused"]
    return total


def _position(stage: str) -> int:
    """Place of a stage in the order, from 0."""
    if stage not in STAGES:
        raise UserError(f"no stage is called '{stage}'", f"The stages are: {', '.join(STAGES)}.")
    return STAGES.index(stage)


_KEYS = {"option": "config", "input": "inputs", "resource": "resources"}


def _changed(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Names of the entries that differ, with both values where they are short."""
    for key in sorted(old.keys() | new.keys()):
        # As text: a list came back from a manifest that had gone there as a tuple.
        before, after = json.dumps(old.get(key), sort_keys=True), json.dumps(new.get(key), sort_keys=True)
        if before != after:
            values = f" {before} -> {after}"
            yield f"{key}{values}" if len(values) <= 60 else key


def _defects(directory: Path) -> Iterator[str]:
    """Why a finished artifact cannot be used again; a cheap look at sizes, not at digests."""
    try:
        artifact = Artifact.open(directory)
    except IntegrityError as error:
        yield error.message
        return
    if artifact.info.get("transient"):
        yield f"{artifact.info['transient']} inputs changed or vanished while they were read"
    for part in [*artifact.parts(), *artifact.ledger()]:
        path = directory / part.path
        if not path.is_file() or path.stat().st_size != part.size:
            yield f"{part.path} is missing or has another size"
