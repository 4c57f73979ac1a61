"""The dedup stage: sign every document, find pairs, choose survivors, drop the rest. Part n becomes part n."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from m4corpus.dedup.apply import APPLY, ApplyVerdicts
from m4corpus.dedup.candidates import CANDIDATES, FindPairs
from m4corpus.dedup.clusters import CLUSTERS, ChooseSurvivors
from m4corpus.dedup.config import DedupConfig
from m4corpus.dedup.signatures import SIGNATURES, Sign
from m4corpus.dedup.store import Columns
from m4corpus.mapstage import map_phase, record_rows
from m4corpus.records import Document
from m4corpus.reuse import CARRIED, Forecast
from m4corpus.stage import Phase, Stage, StageContext
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.parts import read_batches


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
        sign, documents = self._sign(context)
        find = FindPairs(context, self.config, sign.columns)
        apply = ApplyVerdicts(context, searched=find.tasks > 0)
        last = map_phase(APPLY, context, self.needs[0], Document, apply, record_rows(Document), carried=CARRIED)
        if not find.tasks:
            return [last]
        choose = ChooseSurvivors(context, self.config, sign.parts, sign.columns, find.tasks)
        return [
            Phase(SIGNATURES, [sign], len(sign.parts), documents),
            Phase(CANDIDATES, [find], find.tasks, find.tasks, "keys"),
            Phase(CLUSTERS, [choose], 1, 1, "tasks"),
            last,
        ]

    def forecast(self, context: StageContext) -> Forecast | None:
        """How many documents are signed already, by reading them and the donor's ledger; which of them survive shows
        only when they are compared."""
        if context.donor is None or not (self.config.exact or self.config.near):
            return None
        sign, documents = self._sign(context)
        reused = changed = gone = 0
        # Part by part, since a document's part follows from its id: all ids at once may be more than memory holds.
        for rank, part in enumerate(context.donor.ledger()):
            before = set(_ids(context.donor.directory / part.path))
            gone += len(before)
            for id, known in sign.known(rank):
                there = id in before
                reused += known
                changed += there and not known
                gone -= there
        return Forecast("signatures", reused, documents - reused - changed, changed, gone)

    def _sign(self, context: StageContext) -> tuple[Sign, int]:
        """The first phase's work, and the number of documents."""
        artifact = Artifact.open(context.inputs[self.needs[0]])
        parts = [artifact.directory / part.path for part in artifact.parts()]
        columns = Columns(context.scratch / "columns", len(parts))
        return Sign(context, self.config, parts, columns), sum(part.rows for part in artifact.parts())


def _ids(ledger: Path) -> Iterator[str]:
    for batch in read_batches(ledger, ["id"], batch_size=1 << 16):
        yield from batch.column(0).to_pylist()
