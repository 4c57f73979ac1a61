"""What changed from one snapshot to another: documents and chunks added, removed, changed and moved.

A document is known by its id and a chunk by its document and place. *Changed* has the same name and other content;
*moved* the same content under another id, address or language; *relabelled* the same content and place, and another
field (revision, confidence, duplicates). A chunk whose text stands elsewhere in the same document is moved, too.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from m4corpus.snapshot.open import Snapshot
from m4corpus.snapshot.rows import Row, chunk_rows, document_rows, joined, labels, paired, sorted_rows
from m4corpus.storage.artifact import Artifact

ADDED, REMOVED, CHANGED, MOVED, RELABELLED, SAME = "added", "removed", "changed", "moved", "relabelled", "same"
KINDS = (ADDED, REMOVED, CHANGED, MOVED, RELABELLED, SAME)
#: What is compared, and the stage that holds it.
STAGE = {"documents": "dedup", "chunks": "chunk"}


@dataclass(frozen=True, slots=True)
class Change:
    """One document or chunk; ``before`` is what it was (None when added) and ``after`` what it is (None when gone)."""

    what: str
    kind: str
    before: Row | None
    after: Row | None

    @property
    def now(self) -> Row:
        """The row that labels are counted by: the newer one where there is one."""
        row = self.after or self.before
        assert row is not None
        return row

    def as_dict(self) -> dict[str, Any]:
        """JSON form: ids, and labels where both sides have one and they differ."""
        data = {"what": self.what, "change": self.kind, "id": self.now.id, "language": self.now.label}
        if self.before and self.after and self.before.id != self.after.id:
            data["was"] = self.before.id
        if self.before and self.after and self.before.label != self.after.label:
            data["language_was"] = self.before.label
        return data


@dataclass
class Tally:
    """How many documents or chunks changed in which way, per label and variety; ``moves`` between labels."""

    total: Counter[str] = field(default_factory=Counter)
    languages: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    varieties: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, change: Change) -> None:
        """Count one change."""
        self.count(change.kind, change.now.label, change.now.variety)
        if change.before and change.after and change.before.label != change.after.label:
            self.moves[change.before.label, change.after.label] += 1

    def count(self, kind: str, language: str, variety: str) -> None:
        """Count a row by its labels alone."""
        self.total[kind] += 1
        self.languages[language][kind] += 1
        if variety:
            self.varieties[variety][kind] += 1

    def as_dict(self) -> dict[str, Any]:
        """JSON form: every kind, also those that did not occur."""
        return {
            **_kinds(self.total),
            "languages": {name: _kinds(counts) for name, counts in sorted(self.languages.items())},
            "varieties": {name: _kinds(counts) for name, counts in sorted(self.varieties.items())},
            "between": [{"from": a, "to": b, "count": n} for (a, b), n in sorted(self.moves.items())],
        }


@dataclass
class Diff:
    """What :func:`diff` found. ``examples`` are the first changes of each kind by id; ``recipe`` the keys of the recipe
    that differ, with both values; ``stages`` those whose rows differ."""

    before: str
    after: str
    documents: Tally = field(default_factory=Tally)
    chunks: Tally = field(default_factory=Tally)
    examples: list[Change] = field(default_factory=list)
    recipe: list[dict[str, Any]] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "before": self.before,
            "after": self.after,
            "recipe": self.recipe,
            "stages": self.stages,
            "documents": self.documents.as_dict(),
            "chunks": self.chunks.as_dict(),
            "examples": [change.as_dict() for change in self.examples],
        }


def diff(
    before: Snapshot, after: Snapshot, examples: int = 10, heard: Callable[[Change], None] = lambda change: None
) -> Diff:
    """Compare two snapshots; ``heard`` gets every change, in no promised order, and ``examples`` of each kind stay.

    Memory is bounded by a row group and the chunks of one document; what was added and removed waits on disk to be
    recognised as moved.
    """
    old, new = (_artifacts(snapshot) for snapshot in (before, after))
    found = Diff(before.name, after.name, recipe=_differences(before.manifest["recipe"], after.manifest["recipe"]))
    pinned = before.manifest["artifacts"]
    found.stages = [
        stage for stage, pin in after.manifest["artifacts"].items()
        if pin["logical"] != pinned.get(stage, {}).get("logical")
    ]  # fmt: skip
    seen: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="m4corpus-diff-") as scratch:
        for what, stage in STAGE.items():
            tally = found.documents if what == "documents" else found.chunks
            for change in _changes(what, old[stage], new[stage], Path(scratch), tally):
                tally.add(change)
                if change.kind == SAME:
                    continue
                heard(change)
                if seen[what, change.kind] < examples:
                    seen[what, change.kind] += 1
                    found.examples.append(change)
    found.examples.sort(key=lambda c: (c.what != "documents", KINDS.index(c.kind), c.now.owner, c.now.place))
    return found


def _artifacts(snapshot: Snapshot) -> dict[str, Artifact]:
    return {stage: snapshot.artifact(stage) for stage in STAGE.values()}


def _changes(what: str, old: Artifact, new: Artifact, scratch: Path, tally: Tally) -> Iterator[Change]:
    """Every row's change. Rows of parts that are equal as a whole are only counted."""
    read = document_rows if what == "documents" else chunk_rows
    pairs = paired(old, new)
    with closing(_Loose(scratch / f"{what}.sqlite")) as loose:
        if pairs is None:
            sides = [sorted_rows(a, read, scratch / f"{what}-{n}.sqlite") for n, a in enumerate((old, new))]
            yield from _compared(what, sides[0], sides[1], loose)
        for one, two in pairs or ():
            if one.logical == two.logical:
                for language, variety in labels(new.directory / two.path):
                    tally.count(SAME, language, variety)
            else:
                yield from _compared(what, read(old.directory / one.path), read(new.directory / two.path), loose)
        yield from loose.matched(what)


def _compared(what: str, old: Iterator[Row], new: Iterator[Row], loose: _Loose) -> Iterator[Change]:
    """Changes within owners; what one side alone has goes to ``loose``."""
    for before, after in joined(old, new):
        for one, two in _within(before, after):
            if one is None or two is None:
                loose.add(one, two)
            else:
                yield Change(what, _kind(one, two), one, two)


def _within(before: list[Row], after: list[Row]) -> Iterator[tuple[Row | None, Row | None]]:
    """Rows of one owner side by side: of one place and content; then of one content; then of one place."""
    for key in (lambda row: (row.place, row.content), lambda row: row.content, lambda row: row.place):
        waiting: dict[Any, list[Row]] = defaultdict(list)
        for row in before:
            waiting[key(row)].append(row)
        left = []
        for row in after:
            if waiting[key(row)]:
                yield waiting[key(row)].pop(0), row
            else:
                left.append(row)
        before, after = [row for rows in waiting.values() for row in rows], left
    yield from ((row, None) for row in before)
    yield from ((None, row) for row in after)


def _kind(one: Row, two: Row) -> str:
    if one.content != two.content:
        return CHANGED
    if (one.id, one.url, one.label) != (two.id, two.url, two.label):
        return MOVED
    return SAME if (one.variety, one.rest) == (two.variety, two.rest) else RELABELLED


class _Loose:
    """Rows of one side alone, on disk: those of equal content, in the order of their ids, are one row that moved."""

    _PAIRS = """
        WITH old AS (SELECT *, row_number() OVER (PARTITION BY content ORDER BY id) AS n FROM rows WHERE side = 0),
             new AS (SELECT *, row_number() OVER (PARTITION BY content ORDER BY id) AS n FROM rows WHERE side = 1)
        SELECT {columns} FROM {one} LEFT JOIN {two} ON {one}.content = {two}.content AND {one}.n = {two}.n
        ORDER BY {one}.owner, {one}.place
    """
    _COLUMNS = ("id", "owner", "place", "content", "url", "label", "variety", "rest")

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(f"CREATE TABLE rows (side, {', '.join(self._COLUMNS)})")
        self._database.execute("BEGIN")

    def close(self) -> None:
        self._database.close()

    def add(self, one: Row | None, two: Row | None) -> None:
        for side, row in ((0, one), (1, two)):
            if row is not None:
                values = [getattr(row, name) for name in self._COLUMNS]
                self._database.execute("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [side, *values])

    def matched(self, what: str) -> Iterator[Change]:
        """Moved, added and removed rows."""
        self._database.execute("CREATE INDEX by_content ON rows (side, content, id)")
        width = len(self._COLUMNS)
        for one, two, alone in (("new", "old", ADDED), ("old", "new", REMOVED)):
            columns = ", ".join(f"{side}.{name}" for side in (one, two) for name in self._COLUMNS)
            for values in self._database.execute(self._PAIRS.format(columns=columns, one=one, two=two)):
                row, other = Row(*values[:width]), Row(*values[width:]) if values[width] is not None else None
                if alone == ADDED:
                    yield Change(what, MOVED if other else ADDED, other, row)
                elif other is None:
                    yield Change(what, REMOVED, row, None)


def _differences(before: Any, after: Any, key: str = "") -> list[dict[str, Any]]:
    """Leaves of two recipes that differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = [*before, *(name for name in after if name not in before)]
        return [
            found
            for name in names
            for found in _differences(before.get(name), after.get(name), f"{key}.{name}" if key else name)
        ]
    return [] if before == after else [{"key": key, "before": before, "after": after}]


def _kinds(counts: Counter[str]) -> dict[str, int]:
    return {kind: counts[kind] for kind in KINDS}
