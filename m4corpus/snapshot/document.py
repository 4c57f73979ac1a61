"""One document in a snapshot: its text and labels, or where on the way it was lost; and how two versions differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from m4corpus.ledger import KEPT, Entry, entries
from m4corpus.records import Document, from_batches
from m4corpus.storage.digests import partition_of
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    from m4corpus.snapshot.open import Snapshot
    from m4corpus.storage.artifact import Artifact

#: Fields that are not shown beside the text, or are the text.
_TEXT = frozenset({"id", "text", "blocks"})


@dataclass(frozen=True)
class Found:
    """A document of a snapshot, or None and why it is not there."""

    document: Document | None
    fate: str


def find(snapshot: Snapshot, id: str) -> Found:
    """The document called ``id``. Of one that was lost ``fate`` names stage, rule or reason, and evidence."""
    document = _document(snapshot.artifact("dedup"), id)
    if document is not None:
        return Found(document, "kept")
    for stage in snapshot.manifest["artifacts"]:
        entry = _entry(snapshot.artifact(stage), id) if stage not in ("embed", "index") else None
        if entry is not None and entry.outcome != KEPT:
            return Found(None, " ".join(filter(None, [f"{entry.outcome} by {stage}:", entry.slug, entry.detail])))
    return Found(None, "not among what was read")


def text_diff(before: Found, after: Found, names: tuple[str, str], id: str, context: int = 3) -> Iterator[str]:
    """Lines of a unified diff: the fields that differ, each a line, then the text."""
    old, new = (_lines(found.document) for found in (before, after))
    for name, found in zip(names, (before, after), strict=True):
        if found.document is None:
            yield f"# {name}: {found.fate}"
    yield from difflib.unified_diff(old, new, f"{names[0]}/{id}", f"{names[1]}/{id}", n=context, lineterm="")


def _lines(document: Document | None) -> list[str]:
    if document is None:
        return []
    named = [(f.name, getattr(document, f.name)) for f in fields(document) if f.name not in _TEXT]
    return [*(f"{name}: {value}" for name, value in named if value not in ("", [], {})), "", *document.text.split("\n")]


def _document(artifact: Artifact, id: str) -> Document | None:
    import pyarrow.compute as pc

    parts = artifact.parts()
    path = artifact.directory / parts[partition_of(id, len(parts))].path
    rows = (batch.filter(pc.equal(batch.column("id"), id)) for batch in read_batches(path))
    return next(from_batches(Document, (batch for batch in rows if len(batch))), None)


def _entry(artifact: Artifact, id: str) -> Entry | None:
    """The row of the ledger that decided about an input; of several, the one that kept it."""
    ledger = artifact.ledger()
    found = None
    for entry in entries(artifact.directory, ledger[partition_of(id, len(ledger)) :][:1]):
        if entry.id == id and (found is None or entry.outcome == KEPT):
            found = entry
    return found
