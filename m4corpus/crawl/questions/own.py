"""Queries of one's own: rows of question, edition and query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from m4corpus.crawl.config import QueriesConfig
from m4corpus.crawl.mediawiki.records import Pin
from m4corpus.crawl.messages import Failed
from m4corpus.crawl.questions import cells
from m4corpus.crawl.questions.asking import Notes, Question, Wikis, settled, unique
from m4corpus.crawl.questions.plain import SearchQuestion
from m4corpus.crawl.questions.questionset import Collected
from m4corpus.crawl.questions.records import Answer, Query, edition_code
from m4corpus.crawl.questions.tables import read_rows
from m4corpus.crawl.questions.trim import trim
from m4corpus.errors import UserError
from m4corpus.ledger import Fail


@dataclass(frozen=True, slots=True)
class TitleQuestion(Question):
    """Names articles instead of searching for them."""

    async def answer(self, wiki: Wikis) -> Answer:
        editions = _by_edition(self.queries)
        outcomes = await settled([wiki.pin_titles(edition, titles) for edition, titles in editions.items()])
        pinned = dict(zip(editions, outcomes, strict=True))
        notes = Notes()
        for query in self.queries:
            of_edition = pinned[query.edition]
            page = of_edition if isinstance(of_edition, Failed) else of_edition[query.text]
            notes.add(query, [page.pageid] if isinstance(page, Pin) else page)
        return notes.answer(self)


def _by_edition(queries: Iterable[Query]) -> dict[str, list[str]]:
    editions: dict[str, list[str]] = {}
    for query in queries:
        editions.setdefault(query.edition, []).append(query.text)
    return editions


def load(config: QueriesConfig, longest: int, base: Path) -> Collected:
    """Questions in the order in which the file first names them; ids are ``{name}:{question_id}``."""
    collected = Collected()
    grouped: dict[str, list[Query]] = {}
    for file in collected.take(f"queries.{config.name}", config.path, base):
        for place, row in read_rows(file, ["question_id", "edition", "query"]):
            try:
                if isinstance(row, Fail):
                    raise row
                id, query = _query(row, config.titles, longest)
            except Fail as fault:
                collected.reject(place, fault)
            else:
                grouped.setdefault(f"{config.name}:{id}", []).append(query)
    kind: type[Question] = TitleQuestion if config.titles else SearchQuestion
    questions: list[Question] = [
        kind(id, config.name, False, config.results, tuple(unique(queries))) for id, queries in grouped.items()
    ]
    collected.questions += questions
    return collected


def _query(row: dict[str, object], titles: bool, longest: int) -> tuple[str, Query]:
    id, text = cells.text(row, "question_id"), cells.text(row, "query")
    if not id:
        raise Fail("bad-id", "empty")
    try:
        edition = edition_code(cells.text(row, "edition"))
    except UserError as error:
        raise Fail("bad-edition", error.message) from None
    # A title is no search: it is asked for as it is, however long.
    short, whole = (" ".join(text.split()), "") if titles else trim(text, longest)
    if not short:
        raise Fail("empty-query", id)
    return id, Query(edition, short, "title" if titles else "own", whole)
