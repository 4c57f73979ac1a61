"""What a question asks of the wikis, and what came of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from m4corpus.crawl.mediawiki.api import edition_of
from m4corpus.errors import UserError

_EDITION = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Query:
    """``text`` as it is sent to the search of ``edition``.

    ``how`` says where the text comes from: ``name`` and ``alias`` of a dish, ``langlink`` (title that the language
    links of a top hit give), ``fallback`` (the name again, in an edition no link leads to), ``cuisine``, ``question``,
    ``answer``, ``expansion``, ``own``, and ``title`` for an article that is named, not searched. ``langlinks`` marks,
    in :attr:`Answer.failed` only, the language links of a dish's hits. ``trimmed_from`` is the whole text of a query
    that was too long, else empty.
    """

    edition: str
    text: str
    how: str
    trimmed_from: str = ""

    def __str__(self) -> str:
        """As M4-RAG's mapping lists it: ``(fr) Ratatouille``."""
        return f"({self.edition}) {self.text}"

    def as_dict(self) -> dict[str, str]:
        """JSON form."""
        data = {"edition": self.edition, "text": self.text, "how": self.how}
        return {**data, "trimmed_from": self.trimmed_from} if self.trimmed_from else data

    @classmethod
    def from_dict(cls, data: dict[str, str]) -> Query:
        """Inverse of :meth:`as_dict`."""
        return cls(data["edition"], data["text"], data["how"], data.get("trimmed_from", ""))


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a question. ``found`` runs parallel to ``queries``: the page ids each query found, best first,
    none where it failed. ``failed`` holds query and verdict: outcome (``dropped`` by a rule, or ``failed``), slug and
    evidence."""

    question_id: str
    plan: str
    queries: tuple[Query, ...]
    found: tuple[tuple[int, ...], ...]
    failed: tuple[tuple[Query, str, str, str], ...] = ()

    def pages(self) -> list[tuple[str, int]]:
        """Edition and page id of every page found, in the order of the queries, each once."""
        pairs = zip(self.queries, self.found, strict=True)
        return list(dict.fromkeys((query.edition, page) for query, pages in pairs for page in pages))

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "question_id": self.question_id,
            "plan": self.plan,
            "queries": [
                {**query.as_dict(), "found": list(pages)} for query, pages in zip(self.queries, self.found, strict=True)
            ],
            "failed": [
                {**query.as_dict(), "outcome": outcome, "slug": slug, "detail": detail}
                for query, outcome, slug, detail in self.failed
            ],
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Answer:
        """Inverse of :meth:`as_dict`."""
        return cls(
            data["question_id"],
            data["plan"],
            tuple(Query.from_dict(query) for query in data["queries"]),
            tuple(tuple(query["found"]) for query in data["queries"]),
            tuple((Query.from_dict(q), q["outcome"], q["slug"], q["detail"]) for q in data["failed"]),
        )


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row of an input table, or a part of one, that is not asked. ``id`` is its question's, or its place in the
    file (``dishes.csv:17``) where it has none; ``slug`` and ``detail`` say why."""

    id: str
    slug: str
    detail: str = ""


def edition_code(name: str) -> str:
    """Code of the edition ``name`` means, the registry's where it knows the language: ``yue`` is ``zh-yue``.

    Raises :class:`UserError` for what cannot be part of a host name, where the code ends up.
    """
    code = edition_of(name) if name.strip() else ""
    if not _EDITION.fullmatch(code):
        raise UserError(
            f"{name!r} is no edition of Wikipedia", hint="Write its code as in its address: en, zh-yue, de."
        )
    return code
