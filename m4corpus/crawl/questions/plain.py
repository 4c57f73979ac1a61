"""Questions whose queries are all known beforehand."""

from __future__ import annotations

from dataclasses import dataclass

from m4corpus.crawl.questions.asking import Notes, Question, Wikis, search_all
from m4corpus.crawl.questions.records import Answer


@dataclass(frozen=True, slots=True)
class SearchQuestion(Question):
    """Searches for each of its queries."""

    async def answer(self, wiki: Wikis) -> Answer:
        notes = Notes()
        notes.add_searches(self.queries, await search_all(wiki, self.queries, self.results))
        return notes.answer(self)
