"""What SQLite's errors mean: a machine that refuses, or a file that is damaged."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: SQLite's code for a refusal of the machine, as the operating system would have put it.
_REFUSALS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_READONLY: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_IOERR: errno.EIO,
}


def damaged(error: sqlite3.Error) -> bool:
    """Whether the file is no sound database."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def busy(error: sqlite3.Error) -> bool:
    """Whether another process has the database now."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Refusals of the machine become the ``OSError`` they stem from."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if _code(error) in _REFUSALS:
            raise OSError(_REFUSALS[_code(error)], str(error), str(path)) from error
        raise


def remove(path: Path) -> None:
    """Delete a database and its journal."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; extended codes carry it in their low byte."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
