"""The clean stage: pages become documents."""

from __future__ import annotations

from typing import ClassVar

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.step import CleanStep
from m4corpus.mapstage import MapStage
from m4corpus.records import Page
from m4corpus.stage import StageContext


class CleanStage(MapStage):
    """Text and structure of every page."""

    name: ClassVar[str] = "clean"
    needs: ClassVar[tuple[str, ...]] = ("read",)
    reads = Page
    packages = ("lxml", "mwparserfromhell", "trafilatura")
    config: CleanConfig

    def step(self, context: StageContext) -> CleanStep:
        """The step that cleans one page at a time."""
        return CleanStep(self.config)
