"""Scratch of :mod:`m4corpus.crawl.assemble`: what is to be written, sorted on disk, so that memory stays flat."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from m4corpus.ledger import Entry
from m4corpus.storage.digests import partition_of
from m4corpus.storage.sqlite import remove

_TABLES = """
CREATE TABLE pages (part INT, id TEXT, revision INT, data TEXT, absent INT DEFAULT 0, PRIMARY KEY (part, id))
    WITHOUT ROWID;
CREATE TABLE notes (part INT, id TEXT, locator TEXT, number INT, outcome TEXT, slug TEXT, detail TEXT,
    PRIMARY KEY (part, id, locator, number)) WITHOUT ROWID;
CREATE TABLE queries (id TEXT, edition TEXT, text TEXT, PRIMARY KEY (id, edition, text)) WITHOUT ROWID;
"""


class Reached:
    """Pages, rows of the ledger and queries, distributed over parts by the hash of an id."""

    def __init__(self, path: Path, partitions: int) -> None:
        self._partitions = partitions
        self._noted = 0
        remove(path)
        self._connection = sqlite3.connect(path, isolation_level=None)
        # It is made anew after a kill, so nothing in it needs to last.
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(_TABLES)
        self._connection.execute("BEGIN")

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def add(self, id: str, revision: int, data: dict[str, Any]) -> None:
        """Something that becomes the page ``id``; of several the highest revision counts."""
        self._connection.execute(
            "INSERT INTO pages (part, id, revision, data) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE "
            "SET revision = excluded.revision, data = excluded.data WHERE excluded.revision > revision",
            (self._part(id), id, revision, json.dumps(data)),
        )

    def note(self, entry: Entry) -> None:
        """A row of the ledger for something that becomes no page; one id may have several (a row of a table, two
        faults)."""
        self._noted += 1
        self._connection.execute(
            "INSERT INTO notes VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._part(entry.id), entry.id, entry.locator, self._noted, entry.outcome, entry.slug, entry.detail),
        )

    def by(self, id: str, edition: str, text: str) -> None:
        """The page ``id`` was reached by a query."""
        self._connection.execute("INSERT OR IGNORE INTO queries VALUES (?, ?, ?)", (id, edition, text))

    def absent(self, id: str) -> None:
        """The page ``id`` could not be written."""
        self._connection.execute("UPDATE pages SET absent = 1 WHERE part = ? AND id = ?", (self._part(id), id))

    def is_absent(self, id: str) -> bool:
        """Whether the page ``id`` could not be written."""
        query = "SELECT 1 FROM pages WHERE part = ? AND id = ? AND absent"
        return self._connection.execute(query, (self._part(id), id)).fetchone() is not None

    def pages(self) -> int:
        """Number of pages."""
        return int(self._connection.execute("SELECT COUNT(*) FROM pages").fetchone()[0])

    def part(self, part: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """Id and data of the pages of a part, sorted by id."""
        after = ""
        query = "SELECT id, data FROM pages WHERE part = ? AND id > ? ORDER BY id LIMIT 1000"
        while rows := self._connection.execute(query, (part, after)).fetchall():
            for after, data in rows:
                yield after, json.loads(data)

    def notes(self, part: int) -> Iterator[Entry]:
        """Rows of the ledger of a part, sorted by id; those of one id in the order they were noted."""
        query = "SELECT id, locator, outcome, slug, detail FROM notes WHERE part = ? ORDER BY id, locator, number"
        for row in self._connection.execute(query, (part,)):
            id, locator, outcome, slug, detail = row
            yield Entry(id, locator, outcome, slug, detail, 0)

    def queries(self, id: str) -> list[list[str]]:
        """Edition and text of every query that reached a page, sorted."""
        query = "SELECT edition, text FROM queries WHERE id = ? ORDER BY edition, text"
        return [list(row) for row in self._connection.execute(query, (id,))]

    def _part(self, id: str) -> int:
        return partition_of(id, self._partitions)
