"""A SQLite file whose changes are committed in groups, and that is made anew when it is damaged."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.errors import IntegrityError, UserError
from m4corpus.storage.sqlite import damaged, remove, translated

if TYPE_CHECKING:
    from typing import Self

#: Changes, and seconds since the first of them, after which they are committed.
BATCH, DELAY = 64, 0.5


class Database:
    """The tables of ``script`` in the file ``path``, in memory where that is None. A context manager for one thread.

    Changes are committed together: every :data:`BATCH` of them, :data:`DELAY` seconds after the first once another
    comes, and on :meth:`commit` and :meth:`close`. A file found damaged when it is opened is replaced by an empty one,
    one found damaged later raises ``IntegrityError``. ``read_only`` serves other processes while one writes.

    Raises ``OSError`` where the machine refuses.
    """

    def __init__(self, path: Path | None, script: str, *, read_only: bool = False) -> None:
        self._path = path or Path(":memory:")
        self._script = script
        self._changes = 0
        self._since = 0.0
        with translated(self._path):
            if path is None:
                self._connection = self._prepared(sqlite3.connect(":memory:", isolation_level=None))
            elif read_only:
                self._connection = self._reader(path)
            else:
                self._connection = self._writer(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Commit what is open and release the file."""
        try:
            self.commit()
        finally:
            self._connection.close()

    def commit(self) -> None:
        """Make every change so far outlive this process; a power failure may cost the last ones, but no others."""
        if not self._changes:
            return
        self._prepare_commit()
        self._execute("COMMIT")
        self._changes = 0

    def _prepare_commit(self) -> None:
        """What must happen before a commit; may execute statements that are to be part of it."""

    def _change(self, statement: str, *values: Any) -> None:
        if not self._changes:
            self._execute("BEGIN IMMEDIATE")
            self._since = time.monotonic()
        self._changes += 1
        self._execute(statement, values)
        if self._changes >= BATCH or time.monotonic() - self._since >= DELAY:
            self.commit()

    def _query(self, query: str, *values: Any) -> list[Any]:
        with self._sound():
            return self._connection.execute(query, values).fetchall()

    def _execute(self, statement: str, values: tuple[Any, ...] = ()) -> None:
        with self._sound():
            self._connection.execute(statement, values)

    @contextmanager
    def _sound(self) -> Iterator[None]:
        try:
            with translated(self._path):
                yield
        except sqlite3.DatabaseError as error:
            if not damaged(error):
                raise
            raise IntegrityError(
                f"{self._path} is damaged", "Run the same command again: it is rebuilt from the archive."
            ) from error

    def _writer(self, path: Path) -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._prepared(sqlite3.connect(path, isolation_level=None))
        except sqlite3.DatabaseError as error:
            if not damaged(error):
                raise
        remove(path)
        return self._prepared(sqlite3.connect(path, isolation_level=None))

    def _prepared(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                error = sqlite3.DatabaseError("the file is damaged")
                error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
                raise error
            connection.executescript(self._script)
        except BaseException:
            connection.close()
            raise
        return connection

    @staticmethod
    def _reader(path: Path) -> sqlite3.Connection:
        if not path.is_file():
            raise UserError(f"{path} does not exist", "No crawl has been started there.")
        # Without a journal nobody writes, and the directory itself may be read-only.
        mode = "mode=ro" if path.with_name(path.name + "-wal").exists() else "mode=ro&immutable=1"
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None)
        if not connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
            connection.close()
            raise UserError(f"{path} is only just being made", "Try again in a moment.")
        return connection
