"""Questions whose queries are all known beforehand."""

from __future__ import annotations

from dataclasses import dataclass

from m4corpus.crawl.questions.asking import Notes, Wikis, search_all
from m4corpus.crawl.questions.records import Answer, Query


@dataclass(frozen=True, slots=True)
class SearchQuestion:
    """Searches for each of its queries."""

    id: str
    plan: str
    conditioned: bool
    results: int
    queries: tuple[Query, ...]

    async def answer(self, wiki: Wikis) -> Answer:
        notes = Notes()
        notes.add_searches(self.queries, await search_all(wiki, self.queries, self.results))
        return notes.answer(self)
