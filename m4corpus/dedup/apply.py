"""Last phase: duplicates are dropped and survivors told for whom they stand, a task for each part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
        self._part = -1

    def besides(self, rank: int, ids: Sequence[str]) -> list[bytes]:
        """The verdict on each document, which rests on the whole corpus."""
        verdicts = self._verdicts_of(rank)
        return [verdicts[id].canonical() if id in verdicts else b"" for id in ids]

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """As :meth:`Step.run`, over part ``rank``."""
        self._verdicts_of(rank)
        yield from super().run(data, rank, world_size)

    def _verdicts_of(self, rank: int) -> dict[str, Verdict]:
        if self._part != rank:
            self._verdicts = read_verdicts(verdicts_path(self.context, rank)) if self.searched else {}
            self._part = rank
        return self._verdicts

    def close(self) -> None:
        """Let go of the part's verdicts."""
        self._verdicts = {}
        self._part = -1

    def process(self, record: Document) -> Iterable[Document]:
        """The document with the ids of its duplicates, or ``Drop`` naming the rule, the survivor and the similarity."""
        verdict = self._verdicts.get(record.id)
        if verdict is None:
            return [record]
        if verdict.rule:
            raise Drop(verdict.rule, f"survivor={verdict.survivor} similarity={verdict.similarity:.2f}")
        record.duplicates = sorted(verdict.duplicates)
        return [record]
