"""Searches of one question: asked side by side, put together in a fixed order, none ending the others."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from m4corpus.crawl.mediawiki.records import Hit, Pin
from m4corpus.crawl.messages import Failed
from m4corpus.crawl.questions.records import Answer, Query
from m4corpus.ledger import Verdict

T = TypeVar("T")


class Wikis(Protocol):
    """What questions ask for: :class:`m4corpus.crawl.mediawiki.Wiki`. Each may raise :class:`Failed`."""

    def search(self, edition: str, text: str, limit: int, /) -> Awaitable[list[Hit]]:
        """The pages a search finds, best first."""

    def langlinks(self, edition: str, pageids: list[int], /) -> Awaitable[dict[int, dict[str, str]]]:
        """For each page the titles of the same subject, by edition."""

    def pin_titles(self, edition: str, titles: list[str], /) -> Awaitable[dict[str, Pin | Verdict]]:
        """For each title its page, or why there is none."""


@dataclass(frozen=True, slots=True)
class Question(ABC):
    """``id`` is unique within ``plan`` (``worldcuisines``, ``cvqa``, or the name of a set of queries);
    ``conditioned`` says that the right answers of a benchmark are part of what is searched for; ``queries`` are those
    that are known before anything is asked, and ``results`` how many pages of a search are taken."""

    id: str
    plan: str
    conditioned: bool
    results: int
    queries: tuple[Query, ...]

    @abstractmethod
    async def answer(self, wiki: Wikis) -> Answer:
        """Ask. A search that fails is noted in the answer; only what ends the crawl is raised."""


def unique(queries: Iterable[Query]) -> list[Query]:
    """The queries without those that ask the same edition for the same text again."""
    first: dict[tuple[str, str], Query] = {}
    for query in queries:
        first.setdefault((query.edition, query.text), query)
    return list(first.values())


async def search_all(wiki: Wikis, queries: Sequence[Query], results: int) -> list[list[Hit] | Failed]:
    """For each query what it found, or why nothing can be said."""
    return await settled([wiki.search(query.edition, query.text, results) for query in queries])


async def settled(asked: Sequence[Awaitable[T]]) -> list[T | Failed]:
    """Outcome of each; another exception than :class:`Failed` is raised once nothing is under way any more."""
    outcomes: list[T | Failed] = []
    for outcome in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(outcome, BaseException) and not isinstance(outcome, Failed):
            raise outcome
        outcomes.append(outcome)
    return outcomes


class Notes:
    """An answer being put together."""

    def __init__(self) -> None:
        self._queries: list[Query] = []
        self._found: list[tuple[int, ...]] = []
        self._failed: list[tuple[Query, str, str, str]] = []

    def add(self, query: Query, outcome: Iterable[int] | Verdict) -> None:
        """A query and the pages it found, or why it failed."""
        self._queries.append(query)
        if isinstance(outcome, Verdict):
            self.fail(query, outcome)
            outcome = ()
        self._found.append(tuple(outcome))

    def fail(self, query: Query, reason: Verdict) -> None:
        """Something that was asked and is no search of its own."""
        self._failed.append((query, reason.outcome, reason.slug, reason.detail))

    def add_searches(self, queries: Iterable[Query], outcomes: Iterable[list[Hit] | Failed]) -> None:
        """Queries and what they found, in the same order."""
        for query, outcome in zip(queries, outcomes, strict=True):
            self.add(query, outcome if isinstance(outcome, Failed) else [hit.pageid for hit in outcome])

    def answer(self, question: Question) -> Answer:
        """The finished answer."""
        return Answer(question.id, question.plan, tuple(self._queries), tuple(self._found), tuple(self._failed))
