"""What a stage is: a name, a version, a configuration, and phases of tasks that turn artifacts into one artifact."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from m4corpus.datatrove import PipelineStep
from m4corpus.packages import installed
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.atomic import json_bytes

if TYPE_CHECKING:
    from m4corpus.reuse import Forecast


@dataclass(frozen=True)
class StageContext:
    """Where a stage works. ``inputs`` maps the stages it reads to their artifact directories; ``cache`` is shared by
    every recipe of a work directory and holds nothing that cannot be recomputed."""

    directory: Path
    inputs: dict[str, Path]
    partitions: int
    cache: Path
    #: An earlier artifact of the same stage, made the same way from other inputs: what of it still holds may be reused.
    donor: Artifact | None = None

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

    def log(self, phase: str, what: str, rank: int, counts: dict[str, int]) -> None:
        """Note counts of a task that are no part of the artifact, such as what was ``reused``. They are not synced: a
        machine that stops loses no more than a line of the summary."""
        path = self.directory / "logs" / phase / what / f"{rank:05d}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(json_bytes(counts))


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

    def from_inputs(self, resource: str) -> bool:
        """Whether one of :meth:`resources` is what the stage reads, and not what it reads it with."""
        return False

    def takes(self, donor: Artifact) -> bool:
        """Whether an artifact made the same way from other inputs is of any use; :meth:`phases` then has it in its
        context."""
        return True

    @abstractmethod
    def phases(self, context: StageContext) -> Iterable[Phase]:
        """The phases, in order; a phase may rely on the files the ones before it left in ``context.scratch``."""

    def forecast(self, context: StageContext) -> Forecast | None:
        """What a run would take from the context's donor; None where only a run can tell."""
        return None

    def info(self, context: StageContext) -> dict[str, Any]:
        """Facts to record in the manifest, deterministic."""
        return {}
