"""The clean stage: pages become documents."""

from __future__ import annotations

from typing import ClassVar

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.step import CleanStep
from m4corpus.mapstage import MapStage
from m4corpus.records import Page
from m4corpus.stage import StageContext
from m4corpus.tables import tables_digest


class CleanStage(MapStage):
    """Text and structure of every page."""

    name: ClassVar[str] = "clean"
    version: ClassVar[int] = 3
    needs: ClassVar[tuple[str, ...]] = ("read",)
    reads = Page
    packages = ("ftfy", "lxml", "mwparserfromhell", "trafilatura")
    config: CleanConfig

    def resources(self) -> dict[str, str]:
        """Versions of the packages, and the words that are options of pictures."""
        return {**super().resources(), "picture_options": tables_digest("picture_options")}

    def step(self, context: StageContext) -> CleanStep:
        """The step that cleans one page at a time."""
        return CleanStep(self.config)
