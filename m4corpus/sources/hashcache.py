"""Digests of files already seen, so that listing an unchanged source costs no reading."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

#: Digests are stored this many at a time, so that an interrupted listing of a large source is not done again.
_BATCH = 256
#: Digests are asked for this many at a time.
_ASKED = 500
#: A file changed this shortly ago may change again without its times showing it (the kernel's clock ticks).
_TICK_NS = 50_000_000
#: The same for file systems that keep whole seconds, some of them even ones.
_COARSE_TICK_NS = 2_000_000_000


class DigestCache:
    """SHA-256 by path and stamp (size, times of change, inode); a context manager.

    It holds nothing that cannot be computed again: where its file cannot be used it remembers nothing, and a damaged
    one is begun anew.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "digests.sqlite"
        self._database: sqlite3.Connection | None = None
        self._pending: list[tuple[bytes, str, str]] = []
        #: What :meth:`foresee` found, (stamp, digest) by path; None of a path that is not known.
        self._foreseen: dict[bytes, tuple[str, str] | None] = {}

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._database = self._open()
        except sqlite3.OperationalError:
            self._database = None
        except sqlite3.DatabaseError:
            self._path.unlink(missing_ok=True)
            self._database = self._open()
        except OSError:
            self._database = None
        return self

    def __exit__(self, *error: object) -> None:
        self._flush()
        if self._database is not None:
            self._database.close()

    def foresee(self, paths: Sequence[bytes]) -> None:
        """Look up at once, in a fraction of the time, what will be asked for one by one."""
        self._foreseen = {}
        if self._database is None:
            return
        for start in range(0, len(paths), _ASKED):
            some = paths[start : start + _ASKED]
            query = f"SELECT path, stamp, sha256 FROM digests WHERE path IN ({','.join('?' * len(some))})"
            try:
                found = {path: (stamp, digest) for path, stamp, digest in self._database.execute(query, some)}
            except sqlite3.DatabaseError:
                return
            self._foreseen |= {path: found.get(path) for path in some}

    def get(self, path: bytes, stamp: str) -> str | None:
        """Digest (hex) of the file at ``path`` if it still has ``stamp``."""
        if self._database is None:
            return None
        if path in self._foreseen:
            known = self._foreseen[path]
            return known[1] if known and known[0] == stamp else None
        try:
            query = "SELECT sha256 FROM digests WHERE path = ? AND stamp = ?"
            row = self._database.execute(query, (path, stamp)).fetchone()
        except sqlite3.DatabaseError:
            return None
        return str(row[0]) if row else None

    def put(self, path: bytes, status: os.stat_result, sha256: str) -> None:
        """Remember a digest, unless the file is so fresh that a later change might leave the same stamp."""
        if not _fresh(status):
            self._pending.append((path, stamp_of(status), sha256))
            if len(self._pending) >= _BATCH:
                self._flush()

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=5)
        database.execute(
            "CREATE TABLE IF NOT EXISTS digests (path BLOB PRIMARY KEY, stamp TEXT, sha256 TEXT) WITHOUT ROWID"
        )
        return database

    def _flush(self) -> None:
        if self._database is not None and self._pending:
            try:
                with self._database:
                    self._database.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", self._pending)
            except sqlite3.DatabaseError:
                self._database.close()
                self._database = None
        self._pending = []


def stamp_of(status: os.stat_result) -> str:
    """What changes whenever the content of a file does."""
    return f"{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}-{status.st_ino}"


def _fresh(status: os.stat_result) -> bool:
    coarse = status.st_mtime_ns % 1_000_000_000 == 0 and status.st_ctime_ns % 1_000_000_000 == 0
    latest = max(status.st_mtime_ns, status.st_ctime_ns)
    return time.time_ns() - latest < (_COARSE_TICK_NS if coarse else _TICK_NS)
