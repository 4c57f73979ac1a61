"""The identify stage: documents get their language and script."""

from __future__ import annotations

from typing import Any, ClassVar

from m4corpus.identify.config import IdentifyConfig
from m4corpus.identify.resources import model_digest
from m4corpus.identify.step import IdentifyStep
from m4corpus.mapstage import MapStage
from m4corpus.stage import StageContext
from m4corpus.tables import tables_digest


class IdentifyStage(MapStage):
    """Labels from the text itself, beside the hint the source gave."""

    name: ClassVar[str] = "identify"
    version: ClassVar[int] = 4
    needs: ClassVar[tuple[str, ...]] = ("clean",)
    config: IdentifyConfig

    packages = ("fasttext-community", "langdetect", "numpy", "py3langid", "regex")

    def resources(self) -> dict[str, str]:
        """The language model and the tables that map its labels."""
        model = self.config.model.sha256 if self.config.model else model_digest()
        return {**super().resources(), "language model": model, "tables": tables_digest()}

    def config_dict(self) -> dict[str, Any]:
        """The configuration but for where a model lies: its checksum says which it is, wherever that may be."""
        content = super().config_dict()
        if self.config.model:
            content["model"] = {"sha256": self.config.model.sha256}
        for model in content["varieties"]["models"]:
            del model["path"]
        return content

    def step(self, context: StageContext) -> IdentifyStep:
        """The step that labels documents in batches."""
        return IdentifyStep(self.config)
