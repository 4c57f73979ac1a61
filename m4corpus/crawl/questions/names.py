"""A dish or a category: found in English, and by the language links of what was found in the other editions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from m4corpus.crawl.messages import Failed
from m4corpus.crawl.questions.asking import Notes, Question, Wikis, search_all, settled, unique
from m4corpus.crawl.questions.records import Answer, Query
from m4corpus.crawl.questions.trim import trim

PIVOT = "en"


@dataclass(frozen=True, slots=True)
class NameQuestion(Question):
    """Searches the English edition for ``queries[0]``, the name, and for its aliases.

    The language links of the top ``linked`` hits of each English search name it in ``editions``, where these titles are
    searched; an edition no link leads to is searched for the name itself (``fallback``). Pages of the English edition
    only count if it is one of ``editions``; ``longest`` is the length of a query in characters.
    """

    editions: tuple[str, ...]
    linked: int
    longest: int

    async def answer(self, wiki: Wikis) -> Answer:
        notes = Notes()
        outcomes = await search_all(wiki, self.queries, self.results)
        tops: dict[int, None] = {}
        for query, outcome in zip(self.queries, outcomes, strict=True):
            if query.edition == PIVOT and not isinstance(outcome, Failed):
                tops.update((hit.pageid, None) for hit in outcome[: self.linked])
        wanted = [
            [] if query.edition not in self.editions and not isinstance(outcome, Failed) else outcome
            for query, outcome in zip(self.queries, outcomes, strict=True)
        ]
        notes.add_searches(self.queries, wanted)
        links: Mapping[int, Mapping[str, str]] = {}
        if tops and self.editions != (PIVOT,):
            # Batches are made by whoever asks the wiki: in order of the ids, so that equal hits make equal requests.
            [found] = await settled([wiki.langlinks(PIVOT, sorted(tops))])
            if isinstance(found, Failed):
                notes.fail(Query(PIVOT, self.queries[0].text, "langlinks"), found)
            else:
                links = found
        further = self._further([links.get(page, {}) for page in tops])
        notes.add_searches(further, await search_all(wiki, further, self.results))
        return notes.answer(self)

    def _further(self, links: Iterable[Mapping[str, str]]) -> list[Query]:
        """Titles hit by hit, editions in the order of the options; then the name where no title is known."""
        name = self.queries[0]
        titles = [
            Query(edition, *_trimmed(by_edition[edition], "langlink", self.longest))
            for by_edition in links
            for edition in self.editions
            if by_edition.get(edition, "").strip()
        ]
        covered = {PIVOT, *(query.edition for query in titles)}
        fallbacks = [
            Query(edition, name.text, "fallback", name.trimmed_from)
            for edition in self.editions
            if edition not in covered
        ]
        asked = {(query.edition, query.text) for query in self.queries}
        return [query for query in unique([*titles, *fallbacks]) if (query.edition, query.text) not in asked]


def _trimmed(text: str, how: str, longest: int) -> tuple[str, str, str]:
    short, whole = trim(text, longest)
    return short, how, whole
