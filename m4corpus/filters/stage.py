"""The filter stage: documents that break a declared rule are dropped by its name."""

from __future__ import annotations

from typing import ClassVar

from m4corpus.filters.config import FilterConfig
from m4corpus.filters.rules import rules
from m4corpus.filters.step import FilterStep
from m4corpus.mapstage import MapStage
from m4corpus.stage import StageContext
from m4corpus.tables import tables_digest


class FilterStage(MapStage):
    """Every drop names its rule, the measured value and the threshold."""

    name: ClassVar[str] = "filter"
    needs: ClassVar[tuple[str, ...]] = ("identify",)
    config: FilterConfig

    def __init__(self, config: FilterConfig) -> None:
        super().__init__(config)
        # Made once here, so that a language nobody knows is found before anything runs.
        rules(config)

    def resources(self) -> dict[str, str]:
        """The tables that names of languages and scripts are looked up in."""
        return {**super().resources(), "tables": tables_digest()}

    def step(self, context: StageContext) -> FilterStep:
        """The step that applies the rules in their declared order."""
        return FilterStep(self.config)
