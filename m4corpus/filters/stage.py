"""The filter stage: documents that break a declared rule are dropped by its name."""

from __future__ import annotations

from typing import ClassVar

from m4corpus.filters.config import FilterConfig
from m4corpus.filters.parallel import NUMBERS, SignNumbers, numbers_folder
from m4corpus.filters.rules import rules
from m4corpus.filters.step import FilterStep
from m4corpus.filters.templates import PHRASES, TEMPLATES, CountPhrases, FindTemplates, templates_file
from m4corpus.mapstage import MapStage
from m4corpus.reuse import Forecast
from m4corpus.stage import Phase, StageContext
from m4corpus.storage.artifact import Artifact
from m4corpus.tables import tables_digest


class FilterStage(MapStage):
    """Every drop names its rule, the measured value and the threshold."""

    name: ClassVar[str] = "filter"
    needs: ClassVar[tuple[str, ...]] = ("identify",)
    packages: ClassVar[tuple[str, ...]] = ("regex",)
    config: FilterConfig

    def __init__(self, config: FilterConfig) -> None:
        super().__init__(config)
        # Made once here, so that a language nobody knows is found before anything runs.
        rules(config)

    def resources(self) -> dict[str, str]:
        """The tables that names of languages and scripts are looked up in."""
        return {**super().resources(), "tables": tables_digest()}

    def phases(self, context: StageContext) -> list[Phase]:
        """One phase, a task for each part; before it those that look at the whole corpus, where a rule needs that."""
        phases = []
        artifact = Artifact.open(context.inputs[self.needs[0]])
        parts = [artifact.directory / part.path for part in artifact.parts()]
        documents = sum(part.rows for part in artifact.parts())
        if self.config.max_template_share is not None:
            find = FindTemplates(context, len(parts), self.config.template_documents)
            phases = [
                Phase(PHRASES, [CountPhrases(context, parts, documents)], len(parts), documents),
                Phase(TEMPLATES, [find], 1, 1, "tasks"),
            ]
        if self.config.record_parallel:
            phases.append(Phase(NUMBERS, [SignNumbers(context, parts)], len(parts), documents))
        return [*phases, *super().phases(context)]

    def forecast(self, context: StageContext) -> Forecast | None:
        """As for any stage, unless what is found in the whole corpus decides about every document."""
        whole = self.config.max_template_share is not None or self.config.record_parallel
        return None if whole else super().forecast(context)

    def step(self, context: StageContext) -> FilterStep:
        """The step that applies the rules in their declared order."""
        return FilterStep(
            self.config,
            templates_file(context) if self.config.max_template_share is not None else None,
            numbers_folder(context) if self.config.record_parallel else None,
        )
