"""The identify stage: documents get their language and script."""

from __future__ import annotations

from typing import ClassVar

from m4corpus.identify.config import IdentifyConfig
from m4corpus.identify.resources import LID176_SHA256
from m4corpus.identify.step import IdentifyStep
from m4corpus.mapstage import MapStage
from m4corpus.stage import StageContext
from m4corpus.tables import tables_digest


class IdentifyStage(MapStage):
    """Labels from the text itself, beside the hint the source gave."""

    name: ClassVar[str] = "identify"
    version: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ("clean",)
    config: IdentifyConfig

    packages = ("langdetect", "regex")

    def resources(self) -> dict[str, str]:
        """The language model and the tables that map its labels."""
        return {**super().resources(), "lid.176.ftz": LID176_SHA256, "tables": tables_digest()}

    def step(self, context: StageContext) -> IdentifyStep:
        """The step that labels documents in batches."""
        return IdentifyStep(self.config)
