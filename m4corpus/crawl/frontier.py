"""The frontier of a crawl: what was asked for, what became of it, and where its answer lies in the archive.

One SQLite file, written by the crawl and read by whoever wants to know how it goes. All it says of requests can be
read from the archive again (:mod:`m4corpus.crawl.recovery`); a damaged one is therefore replaced by an empty one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from m4corpus.crawl.archive import Place
from m4corpus.crawl.database import Database
from m4corpus.crawl.messages import Failed, Request, Response

PENDING, DONE, FAILED = "pending", "done", "failed"
_TABLES = """
CREATE TABLE IF NOT EXISTS requests (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, url TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
    slug TEXT NOT NULL, detail TEXT NOT NULL, transient INTEGER NOT NULL, status INTEGER NOT NULL,
    file INTEGER, "offset" INTEGER, length INTEGER, bytes INTEGER NOT NULL, fetched_at TEXT NOT NULL,
    seconds REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS troubles (
    host TEXT, slug TEXT, count INTEGER NOT NULL, seconds REAL NOT NULL, PRIMARY KEY (host, slug)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (kind TEXT, key TEXT, data TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_SETTLED = "settled"
#: Comes after every character a key may hold.
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of a request. ``place`` is that of the answer, or of the verdict where it failed; ``bytes`` and
    ``status`` are the answer's, ``attempts`` the responses it took, ``seconds`` how long it was under way."""

    key: str
    kind: str
    url: str
    state: str
    attempts: int = 0
    slug: str = ""
    detail: str = ""
    transient: bool = False
    status: int = 0
    place: Place | None = None
    bytes: int = 0
    fetched_at: str = ""
    seconds: float = 0.0

    @property
    def failure(self) -> Failed:
        """The verdict to raise for a failed request."""
        return Failed(self.slug, self.detail, transient=self.transient)


class Frontier(Database):
    """The ledger of requests at ``path``, in memory where that is None. A context manager for one thread.

    Changes are committed in groups (:class:`Database`). ``checkpoint`` is called before each commit: it makes the
    archive durable, so that no row points at bytes that may be lost, and returns the place before which everything in
    the archive is settled. ``read_only`` serves other processes while the crawl runs.
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self.checkpoint: Callable[[], Place] | None = None
        super().__init__(path, _TABLES, read_only=read_only)

    # Requests

    def seen(self, key: str) -> Row | None:
        """What is known of a request, None where it was never asked for."""
        found = self._query("SELECT * FROM requests WHERE key = ?", key)
        return _row(found[0]) if found else None

    def ask(self, request: Request) -> None:
        """Note that an answer is wanted; changes nothing for a request that is known."""
        values = (request.key, request.kind, request.url)
        self._change(
            "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, 'pending', 0, '', '', 0, 0, NULL, NULL, NULL, 0, '', 0)",
            *values,
        )

    def put(self, row: Row) -> None:
        """Store a row over whatever was known of its request."""
        place = (row.place.file, row.place.offset, row.place.length) if row.place else (None, None, None)
        self._change(
            "INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(row.key, row.kind, row.url, row.state, row.attempts, row.slug, row.detail, row.transient, row.status),
            *(*place, row.bytes, row.fetched_at, row.seconds),
        )

    def done(self, request: Request, place: Place, response: Response, attempts: int = 1, seconds: float = 0.0) -> None:
        """Note the answer to a request, stored at ``place``."""
        self.put(
            Row(
                request.key,
                request.kind,
                request.url,
                DONE,
                attempts,
                status=response.status,
                place=place,
                bytes=len(response.body),
                fetched_at=response.fetched_at,
                seconds=seconds,
            )
        )

    def failed(
        self, request: Request, verdict: Failed, place: Place | None = None, attempts: int = 0, seconds: float = 0.0
    ) -> None:
        """Note that a request gets no answer; ``place`` is that of the verdict in the archive."""
        self.put(
            Row(
                request.key,
                request.kind,
                request.url,
                FAILED,
                attempts,
                verdict.slug,
                verdict.detail,
                verdict.transient,
                place=place,
                fetched_at=_stamp(datetime.now(UTC)),
                seconds=seconds,
            )
        )

    def trouble(self, host: str, slug: str, seconds: float = 0.0) -> None:
        """Count something that went wrong with a host, and the seconds waited for it."""
        self._change(
            "INSERT INTO troubles VALUES (?, ?, 1, ?) ON CONFLICT DO UPDATE SET "
            "count = count + 1, seconds = seconds + excluded.seconds",
            *(host, slug, seconds),
        )

    # How it goes

    def counts(self) -> dict[str, dict[str, int]]:
        """Requests by kind, then by state; both sorted."""
        counts: dict[str, dict[str, int]] = {}
        for kind, state, count in self._query("SELECT kind, state, COUNT(*) FROM requests GROUP BY 1, 2 ORDER BY 1, 2"):
            counts.setdefault(kind, {})[state] = count
        return counts

    def errors(self) -> dict[str, dict[str, int]]:
        """Failed requests by kind, then by reason; both sorted."""
        errors: dict[str, dict[str, int]] = {}
        query = "SELECT kind, slug, COUNT(*) FROM requests WHERE state = 'failed' GROUP BY 1, 2 ORDER BY 1, 2"
        for kind, slug, count in self._query(query):
            errors.setdefault(kind, {})[slug] = count
        return errors

    def troubles(self) -> list[tuple[str, str, int, float]]:
        """Host, reason, how often, and seconds waited; sorted."""
        return self._query("SELECT * FROM troubles ORDER BY host, slug")

    def failures(self, kind: str = "") -> Iterator[Row]:
        """The failed requests, of one kind or of all, sorted by kind and address."""
        query = "SELECT * FROM requests WHERE state = 'failed' AND ? IN ('', kind) ORDER BY kind, url"
        for found in self._query(query, kind):
            yield _row(found)

    def size(self) -> int:
        """Bytes of all answers, as sent."""
        return int(self._query("SELECT COALESCE(SUM(bytes), 0) FROM requests WHERE state = 'done'")[0][0])

    def rate(self, seconds: float = 300.0, now: datetime | None = None) -> float:
        """Answers in a second, over the last ``seconds`` before ``now`` or, if shorter, since the first of them."""
        until = now or datetime.now(UTC)
        since = until - timedelta(seconds=seconds)
        query = "SELECT COUNT(*), MIN(fetched_at) FROM requests WHERE state = 'done' AND fetched_at BETWEEN ? AND ?"
        count, first = self._query(query, _stamp(since), _stamp(until))[0]
        if not count:
            return 0.0
        return float(count / max((until - datetime.fromisoformat(first)).total_seconds(), 1.0))

    # Facts

    def note(self, kind: str, key: str, data: Any) -> None:
        """Remember something that follows from answers, as JSON."""
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        self._change("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", kind, key, text)

    def fact(self, kind: str, key: str) -> Any:
        """What :meth:`note` stored, None where there is nothing."""
        found = self._query("SELECT data FROM facts WHERE kind = ? AND key = ?", kind, key)
        return json.loads(found[0][0]) if found else None

    def facts(self, kind: str, under: str = "") -> Iterator[tuple[str, Any]]:
        """Keys and data of a kind, sorted by the keys' bytes in UTF-8; with ``under`` those whose key begins so."""
        last, after, within = under, ">=", "AND key < ?" if under else ""
        end = (f"{under}{_LAST}",) if under else ()
        while rows := self._query(
            f"SELECT key, data FROM facts WHERE kind = ? AND key {after} ? {within} ORDER BY key LIMIT 1000",
            *(kind, last, *end),
        ):
            after = ">"
            for last, text in rows:
                yield last, json.loads(text)

    def groups(self, kind: str) -> list[tuple[str, int]]:
        """What the keys of a kind begin with, up to their first tab, and how many there are of each; sorted."""
        start = "substr(key, 1, instr(key, char(9)) - 1)"
        return self._query(f"SELECT {start}, COUNT(*) FROM facts WHERE kind = ? GROUP BY 1 ORDER BY 1", kind)

    def forget_facts(self) -> None:
        """Drop all facts: those that follow from answers are found anew, those that a failure had let in are not."""
        self._change("DELETE FROM facts")

    def number(self, kind: str) -> int:
        """How many facts of a kind there are."""
        return int(self._query("SELECT COUNT(*) FROM facts WHERE kind = ?", kind)[0][0])

    def set_meta(self, key: str, value: str) -> None:
        """Note something about the crawl as a whole (when it began, when it ended)."""
        self._change("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, value)

    def meta(self, key: str) -> str:
        """What :meth:`set_meta` noted, else empty."""
        found = self._query("SELECT value FROM meta WHERE key = ?", key)
        return str(found[0][0]) if found else ""

    # Progress through the archive

    @property
    def settled(self) -> Place | None:
        """The place in the archive before which every response is accounted for; None in a new frontier."""
        text = self.meta(_SETTLED)
        if not text:
            return None
        file, offset = map(int, text.split())
        return Place(file, offset, 0)

    def settle(self, place: Place) -> None:
        """Note that everything in the archive up to the end of ``place`` is accounted for."""
        self.set_meta(_SETTLED, f"{place.file} {place.end}")

    def _prepare_commit(self) -> None:
        if self.checkpoint:
            settled = self.checkpoint()
            self._execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_SETTLED, f"{settled.file} {settled.end}"))


def _row(found: tuple[Any, ...]) -> Row:
    key, kind, url, state, attempts, slug, detail, transient, status, file, offset, length, *rest = found
    place = None if file is None else Place(file, offset, length)
    size, fetched_at, seconds = rest
    why = (slug, detail, bool(transient))
    return Row(key, kind, url, state, attempts, *why, status, place, size, fetched_at, seconds)


def _stamp(time_: datetime) -> str:
    return time_.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
