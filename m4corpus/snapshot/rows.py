"""Documents and chunks of two snapshots side by side, as digests and labels, in the order of their ids.

Parts are sorted by id, and partitioned alike when both snapshots have as many; then part n meets part n and memory
holds one row group of each. Otherwise rows go through a database in a scratch directory, which sorts them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from m4corpus.identify.labels import label_of
from m4corpus.storage.digests import canonical_json, text_digest
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    from m4corpus.storage.artifact import Artifact
    from m4corpus.storage.parts import PartInfo

T = TypeVar("T")

#: Where something was found, which says nothing of it: a line taken out of a file moves all that follow.
_POSITIONS = ("locator", "start", "end")


@dataclass(frozen=True, slots=True)
class Row:
    """A document or chunk. ``content`` is a digest of what is read, ``rest`` one of what else is said of it;
    ``owner`` is the document, ``place`` the index of a chunk in it and 0 for a document."""

    id: str
    owner: str
    place: int
    content: bytes
    url: str
    label: str
    variety: str
    rest: bytes


def document_rows(path: Path) -> Iterator[Row]:
    """Documents of a part, in order."""
    return _rows(path, "id", "", ("title", "text", "blocks"))


def chunk_rows(path: Path) -> Iterator[Row]:
    """Chunks of a part, in the order of their documents and of their places there. Offsets are no content: they move
    whenever anything before does."""
    return _rows(path, "document_id", "index", ("text", "title", "headings"))


def labels(part: Path) -> Iterator[tuple[str, str]]:
    """Label and variety of every row of a part."""
    for batch in read_batches(part, ["language", "script", "variety"], batch_size=8192):
        columns = (batch.column(name).to_pylist() for name in ("language", "script", "variety"))
        yield from ((label_of(language, script), variety) for language, script, variety in zip(*columns, strict=True))


def paired(one: Artifact, two: Artifact) -> list[tuple[PartInfo, PartInfo]] | None:
    """Parts that hold the same ids on both sides, or None where the numbers of parts differ."""
    first, second = one.parts(), two.parts()
    return list(zip(first, second, strict=True)) if len(first) == len(second) else None


def joined(one: Iterable[Row], two: Iterable[Row]) -> Iterator[tuple[list[Row], list[Row]]]:
    """Rows of each owner on either side, both sides in the order of owners."""
    left, right = groupby(one, key=_owner), groupby(two, key=_owner)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[0] < b[0]):
            assert a is not None
            yield list(a[1]), []
            a = next(left, None)
        elif a is None or b[0] < a[0]:
            yield [], list(b[1])
            b = next(right, None)
        else:
            yield list(a[1]), list(b[1])
            a, b = next(left, None), next(right, None)


def sorted_rows(artifact: Artifact, read: Callable[[Path], Iterator[Row]], scratch: Path) -> Iterator[Row]:
    """All rows of an artifact in the order of owners, whatever its parts are."""
    with closing(sqlite3.connect(scratch, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute(
            "CREATE TABLE rows (id, owner, place, content, url, label, variety, rest, PRIMARY KEY (owner, place))"
            " WITHOUT ROWID"
        )
        database.execute("BEGIN")
        for part in artifact.parts():
            rows = ((*_fields(row),) for row in read(artifact.directory / part.path))
            database.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.execute("COMMIT")
        for row in database.execute("SELECT * FROM rows ORDER BY owner, place"):
            yield Row(*row)


def _fields(row: Row) -> tuple[Any, ...]:
    return row.id, row.owner, row.place, row.content, row.url, row.label, row.variety, row.rest


def _owner(row: Row) -> str:
    return row.owner


def _rows(path: Path, owner: str, place: str, content: tuple[str, ...]) -> Iterator[Row]:
    """``id``, owner, place, url and labels are told apart from the content, and all other columns are the rest."""
    apart = {"id", owner, place, "url", "language", "script", "variety", *_POSITIONS, *content}
    for batch in read_batches(path):
        for row in batch.to_pylist():
            yield Row(
                row["id"],
                row[owner],
                row[place] if place else 0,
                _digest({name: row[name] for name in content}),
                row["url"],
                label_of(row["language"], row["script"]),
                row["variety"],
                _digest({name: value for name, value in row.items() if name not in apart}),
            )


def _digest(fields: dict[str, Any]) -> bytes:
    return text_digest(canonical_json(fields).decode())
