"""The dedup stage: sign every document, find pairs, choose survivors, drop the rest. Part n becomes part n."""

from __future__ import annotations

import unicodedata
from typing import ClassVar

from m4corpus.dedup.apply import APPLY, ApplyVerdicts
from m4corpus.dedup.candidates import CANDIDATES, FindPairs
from m4corpus.dedup.clusters import CLUSTERS, ChooseSurvivors
from m4corpus.dedup.config import DedupConfig
from m4corpus.dedup.signatures import SIGNATURES, Sign
from m4corpus.dedup.store import Columns
from m4corpus.mapstage import map_phase, record_rows
from m4corpus.records import Document
from m4corpus.reuse import CARRIED
from m4corpus.stage import Phase, Stage, StageContext
from m4corpus.storage.artifact import Artifact


class DedupStage(Stage):
    """Keeps one document of each group of duplicates. What is kept depends on the documents alone, not on their
    order, on the number of parts or of workers."""

    name: ClassVar[str] = "dedup"
    needs: ClassVar[tuple[str, ...]] = ("filter",)
    config: DedupConfig

    def resources(self) -> dict[str, str]:
        """The version of the Unicode tables by which texts are normalised."""
        return {"unicode": unicodedata.unidata_version}

    def phases(self, context: StageContext) -> list[Phase]:
        """Signatures (a task a part), candidates (a task a band, one for exact keys), clusters (one), apply."""
        artifact = Artifact.open(context.inputs[self.needs[0]])
        parts = [artifact.directory / part.path for part in artifact.parts()]
        documents = sum(part.rows for part in artifact.parts())
        columns = Columns(context.scratch / "columns", len(parts))
        find = FindPairs(context, self.config, columns)
        apply = ApplyVerdicts(context, searched=find.tasks > 0)
        last = map_phase(APPLY, context, self.needs[0], Document, apply, record_rows(Document), carried=CARRIED)
        if not find.tasks:
            return [last]
        choose = ChooseSurvivors(context, self.config, parts, columns, find.tasks)
        return [
            Phase(SIGNATURES, [Sign(context, self.config, parts, columns)], len(parts), documents),
            Phase(CANDIDATES, [find], find.tasks, find.tasks, "keys"),
            Phase(CLUSTERS, [choose], 1, 1, "tasks"),
            last,
        ]
