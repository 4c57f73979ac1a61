"""Last phase: duplicates are dropped and survivors told for whom they stand, a task for each part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from m4corpus.dedup.clusters import read_verdicts, verdicts_path
from m4corpus.dedup.survivors import Verdict
from m4corpus.ledger import Drop
from m4corpus.records import Document
from m4corpus.stage import StageContext
from m4corpus.steps import Step

APPLY = "apply"


class ApplyVerdicts(Step):
    """Looks each document up by its id; one without a verdict has no duplicates. ``searched`` says whether any were
    looked for: otherwise there are no verdicts to read."""

    name = "drop duplicates"

    def __init__(self, context: StageContext, searched: bool) -> None:
        super().__init__()
        self.context = context
        self.searched = searched
        self._verdicts: dict[str, Verdict] = {}

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """As :meth:`Step.run`, over part ``rank``."""
        self._verdicts = read_verdicts(verdicts_path(self.context, rank)) if self.searched else {}
        yield from super().run(data, rank, world_size)

    def close(self) -> None:
        """Let go of the part's verdicts."""
        self._verdicts = {}

    def process(self, record: Document) -> Iterable[Document]:
        """The document with the ids of its duplicates, or ``Drop`` naming the rule, the survivor and the similarity."""
        verdict = self._verdicts.get(record.id)
        if verdict is None:
            return [record]
        if verdict.rule:
            raise Drop(verdict.rule, f"survivor={verdict.survivor} similarity={verdict.similarity:.2f}")
        record.duplicates = sorted(verdict.duplicates)
        return [record]
