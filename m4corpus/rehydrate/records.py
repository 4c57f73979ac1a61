"""The documents of a release and what became of each: a scratch table on disk, so that memory stays flat."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from m4corpus.crawl.mediawiki.records import Pin
from m4corpus.errors import IntegrityError
from m4corpus.storage.digests import text_digest
from m4corpus.storage.sqlite import remove

#: Outcomes. A text came back as it was; otherwise than it was; its revision was deleted; it could not be fetched or
#: read; it does not come from a wiki's revision; it was not asked for.
OK, DIFFERS, GONE, FAILED, NOT, LEFT_OUT = "OK", "differs", "gone", "failed", "not-rehydratable", "left-out"
OUTCOMES = (OK, DIFFERS, GONE, FAILED, NOT, LEFT_OUT)

_TABLE = """
CREATE TABLE documents (
    id TEXT PRIMARY KEY, language TEXT, source TEXT, url TEXT, revision TEXT, digest TEXT, characters INT, rank BLOB,
    edition TEXT, pageid INT, title TEXT, number INT, saved TEXT,
    outcome TEXT DEFAULT '', stage TEXT DEFAULT '', reason TEXT DEFAULT '', detail TEXT DEFAULT '') WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a release says of a document; ``language`` is its label (``swh_Latn``), ``digest`` that of its text."""

    id: str
    language: str
    source: str
    url: str
    revision: str
    digest: str
    characters: int


class Records:
    """The table, at ``path``, which is made anew. A context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        remove(path)
        self._connection = sqlite3.connect(path, isolation_level=None)
        # It is made anew after a kill, so nothing in it needs to last.
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(_TABLE)
        self._connection.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()
        remove(self._path)

    def add(self, row: Recorded, pin: Pin | None, reason: str = "", detail: str = "") -> None:
        """A document, and the revision that is to be fetched for it or the reason why there is none.

        Raises :class:`IntegrityError` for an id that is there already.
        """
        place = (pin.edition, pin.pageid, pin.title, pin.revision, pin.timestamp) if pin else (None,) * 5
        outcome = "" if pin else NOT
        try:
            self._connection.execute(
                f"INSERT INTO documents VALUES ({', '.join('?' * 17)})",
                (row.id, row.language, row.source, row.url, row.revision, row.digest, row.characters,
                 text_digest(row.id), *place, outcome, "", reason, detail),
            )  # fmt: skip
        except sqlite3.IntegrityError:
            raise IntegrityError(f"the release has two documents with the id {row.id}") from None

    def keep(self, limit: int) -> None:
        """Leave out all but ``limit`` of the documents that can be fetched: the same ones every time, those whose ids
        have the lowest digests. What cannot be fetched is beyond the limit too."""
        self._connection.execute(
            "UPDATE documents SET outcome = ?, reason = '', detail = '' WHERE outcome = ?", (LEFT_OUT, NOT)
        )
        self._connection.execute(
            "UPDATE documents SET outcome = ? WHERE outcome = '' AND id NOT IN "
            "(SELECT id FROM documents WHERE outcome = '' ORDER BY rank, id LIMIT ?)",
            (LEFT_OUT, limit),
        )

    def pins(self) -> Iterator[Pin]:
        """The revisions to fetch, by wiki and page."""
        query = (
            "SELECT edition, pageid, title, number, saved FROM documents WHERE pageid IS NOT NULL AND outcome != ? "
            "ORDER BY edition, pageid"
        )
        for row in self._connection.execute(query, (LEFT_OUT,)):
            yield Pin(*row)

    def recorded(self, ids: Iterable[str]) -> dict[str, tuple[str, int, str]]:
        """Digest, characters and label of documents whose outcome is open, by id."""
        asked = list(ids)
        query = f"SELECT id, digest, characters, language FROM documents WHERE outcome = '' AND id IN ({_marks(asked)})"
        return {id: tuple(row) for id, *row in self._connection.execute(query, asked)}

    def settle(self, id: str, outcome: str, stage: str = "", reason: str = "", detail: str = "") -> None:
        """What became of a document, unless that is known already."""
        self._connection.execute(
            "UPDATE documents SET outcome = ?, stage = ?, reason = ?, detail = ? WHERE id = ? AND outcome = ''",
            (outcome, stage, reason, detail, id),
        )

    def explain(self, id: str, stage: str) -> None:
        """Where a text that differs became another."""
        self._connection.execute("UPDATE documents SET stage = ? WHERE id = ?", (stage, id))

    def settle_rest(self, outcome: str, reason: str) -> None:
        """The outcome of every document that nothing was said of."""
        self._connection.execute("UPDATE documents SET outcome = ?, reason = ? WHERE outcome = ''", (outcome, reason))

    def differing(self) -> Iterator[tuple[str, str]]:
        """Id and recorded digest of the texts that came back otherwise."""
        yield from self._connection.execute(
            "SELECT id, digest FROM documents WHERE outcome = ? AND stage = '' ORDER BY id", (DIFFERS,)
        )

    def counts(self) -> dict[str, Counter[str]]:
        """Documents by label, then by outcome."""
        found: dict[str, Counter[str]] = {}
        query = "SELECT language, outcome, COUNT(*) FROM documents GROUP BY 1, 2 ORDER BY 1, 2"
        for language, outcome, count in self._connection.execute(query):
            found.setdefault(language, Counter())[outcome] = count
        return found

    def reasons(self) -> dict[str, dict[str, int]]:
        """Documents by outcome, then by reason, for those that have one."""
        found: dict[str, dict[str, int]] = {}
        query = "SELECT outcome, reason, COUNT(*) FROM documents WHERE reason != '' GROUP BY 1, 2 ORDER BY 1, 2"
        for outcome, reason, count in self._connection.execute(query):
            found.setdefault(outcome, {})[reason] = count
        return found

    def listed(self) -> Iterator[dict[str, Any]]:
        """Every document that was asked for and what became of it, sorted by id."""
        names = ("id", "language", "source", "url", "revision", "outcome", "stage", "reason", "detail")
        query = f"SELECT {', '.join(names)} FROM documents WHERE outcome != ? ORDER BY id"
        for row in self._connection.execute(query, (LEFT_OUT,)):
            yield dict(zip(names, row, strict=True))


def _marks(values: list[str]) -> str:
    return ", ".join("?" * len(values))
