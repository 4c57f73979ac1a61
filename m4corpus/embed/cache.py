"""Vectors kept across runs: one SQLite file an encoder, shared by worker processes and by every recipe.

A batch is stored in one transaction, so a run that is killed takes up its work at the batch where it stopped. Every
vector carries a checksum over its key and its bytes; one that does not match is computed again, never used.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from m4corpus.storage.sqlite import busy, damaged, remove, translated

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    Vector = NDArray[np.float32]

T = TypeVar("T")

#: Seconds a worker waits for another one's transaction; after that it goes on without the cache.
PATIENCE = 60.0
#: Keys in one query, below SQLite's limit on parameters.
_KEYS = 500
_TABLE = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL, checksum BLOB NOT NULL)"


class VectorCache:
    """Vectors of one encoder by a key of any bytes. A context manager; not to be shared between threads.

    Raises ``OSError`` where the machine refuses to write. A damaged file is replaced by an empty one.
    """

    def __init__(self, path: Path, dimension: int) -> None:
        self._path = path
        self._dimension = dimension
        path.parent.mkdir(parents=True, exist_ok=True)
        with translated(self._path):
            try:
                self._connection = self._open()
            except sqlite3.DatabaseError as error:
                if not damaged(error):
                    raise
                self._connection = self._anew()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._connection.close()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Vector]:
        """The sound vectors that are stored for any of ``keys``."""
        rows: list[tuple[bytes, bytes, bytes]] = []
        for i in range(0, len(keys), _KEYS):
            rows += self._attempt(partial(self._select, keys[i : i + _KEYS])) or []
        return {
            key: np.frombuffer(vector, dtype="<f4")
            for key, vector, checksum in rows
            if len(vector) == 4 * self._dimension and checksum == _checksum(key, vector)
        }

    def put(self, vectors: Mapping[bytes, Vector]) -> None:
        """Store vectors in one transaction. What is stored already stays, unless it is damaged or differs."""
        rows = []
        for key, vector in vectors.items():
            content = np.ascontiguousarray(vector, dtype="<f4").tobytes()
            rows.append((key, content, _checksum(key, content)))
        self._attempt(partial(self._insert, rows))

    def _select(self, keys: Sequence[bytes]) -> list[tuple[bytes, bytes, bytes]]:
        places = ",".join("?" * len(keys))
        query = f"SELECT key, vector, checksum FROM vectors WHERE key IN ({places})"
        return self._connection.execute(query, list(keys)).fetchall()

    def _insert(self, rows: list[tuple[bytes, bytes, bytes]]) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany(
                "DELETE FROM vectors WHERE key = ?1 AND (checksum <> ?3 OR vector <> ?2)", rows
            )
            self._connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)", rows)
            execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                execute("ROLLBACK")
            raise

    def _attempt(self, action: Callable[[], T]) -> T | None:
        """The action's result; None where the cache is of no help this time, being busy or just replaced."""
        with translated(self._path):
            try:
                return action()
            except sqlite3.DatabaseError as error:
                if damaged(error):
                    self._connection.close()
                    self._connection = self._anew()
                elif not busy(error):
                    raise
        return None

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None)
        try:
            _write_ahead(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_TABLE)
        except BaseException:
            connection.close()
            raise
        return connection

    def _anew(self) -> sqlite3.Connection:
        remove(self._path)
        return self._open()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Set the journal mode, waiting for others who do the same: SQLite's own time-out does not cover that."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _checksum(key: bytes, vector: bytes) -> bytes:
    return hashlib.blake2b(key + vector, digest_size=8).digest()
