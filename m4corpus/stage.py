"""What a stage is: a name, a version, a configuration, and phases of tasks that turn artifacts into one artifact."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from m4corpus.datatrove import PipelineStep
from m4corpus.packages import installed


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
