"""From a snapshot to the files of its release: streamed, language by language, the same bytes every time.

A kind of data that is finished is recorded beside the release, so that a build which was interrupted goes on with the
next one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.errors import UserError
from m4corpus.records import Chunk, Document, schema
from m4corpus.release.layout import DOCUMENTS, ReleaseFile
from m4corpus.release.rights import COLUMNS, Rights
from m4corpus.release.rows import (
    DOCUMENT_IDS,
    conform,
    ids_rows,
    ids_schema,
    labels_of,
    plain_rows,
    plain_schema,
)  # fmt: skip
from m4corpus.release.secrets import found_in_rows
from m4corpus.release.split import BY_DOCUMENT, Cutter, Files, close_all
from m4corpus.storage.atomic import fresh_directory, write_json
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    import pyarrow as pa

    from m4corpus.release.benchmarks import Sets
    from m4corpus.snapshot import Snapshot

#: Secrets that are listed; there may be more.
SHOWN = 20
#: Raised when the same snapshot would give other files.
VERSION = 2
Report = Callable[[str, int, int], None]


@dataclass
class Build:
    """A release being built in ``root``; ``state`` is where finished kinds are recorded.

    ``allowed`` are ids of documents whose text may hold what looks like a secret.
    """

    snapshot: Snapshot
    root: Path
    state: Path
    ids_only: bool = False
    allowed: frozenset[str] = frozenset()
    report: Report = field(default=lambda what, done, total: None)

    def once(
        self, kind: str, make: Callable[[], tuple[list[ReleaseFile], dict[str, Any]]], sets: Sequence[str] = ()
    ) -> dict[str, Any]:
        """The record of a kind: ``files`` and what else ``make`` says, made unless an earlier build did, of the same
        ``sets`` of questions."""
        path = self.state / f"{kind}.json"
        origin = {
            "snapshot": self.snapshot.manifest["digest"],
            "version": VERSION,
            "columns": [schema(kind).names for kind in (Document, Chunk)],
            "ids_only": self.ids_only,
            "sets": list(sets),
        }
        if path.is_file():
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            there = all(_has_size(self.root / file["path"], file["size"]) for file in record["files"])
            if record["origin"] == origin and there and set(record.get("allowed", [])) <= self.allowed:
                return record
        files, more = make()
        record = {**more, "origin": origin, "files": [file.as_dict() for file in files]}
        write_json(path, record)
        return record

    def documents(self, sets: Sets) -> tuple[list[ReleaseFile], dict[str, Any]]:
        """Write the documents; what was seen of their rights and sets.

        Raises :class:`UserError` for texts that hold secrets.
        """
        layout = schema(Document)
        target = ids_schema(layout, DOCUMENT_IDS) if self.ids_only else plain_schema(layout)
        fresh_directory(self.root / DOCUMENTS)
        open_: dict[tuple[str, str], tuple[Files, Cutter]] = {}
        rights, secrets, used = Rights(), list[str](), set[str]()

        def files_of(label: str, stem: str) -> tuple[Files, Cutter]:
            if (label, stem) not in open_:
                files = Files(self.root, DOCUMENTS, label, stem, target)
                open_[label, stem] = (files, Cutter(BY_DOCUMENT))
            return open_[label, stem]

        error: BaseException | None = None
        try:
            for batch in conform(self._batches("dedup"), layout):
                ids = batch.column("id").to_pylist()
                rights.add({name: batch.column(name).to_pylist() for name in COLUMNS})
                for id, secret in found_in_rows(ids_rows(batch, target) if self.ids_only else batch):
                    if id in self.allowed:
                        used.add(id)
                    else:
                        secrets.append(f"document {id}: {secret}")
                keys = list(zip(labels_of(batch), sets.stems(ids), strict=True))
                for key, rows in grouped(batch, keys):
                    files, cutter = files_of(*key)
                    made = ids_rows(rows, target) if self.ids_only else plain_rows(rows, target)
                    spread(files, cutter, made, made.column("id").to_pylist(), _weights(rows))
            refuse_secrets(secrets)
        except BaseException as failure:
            error = failure
            raise
        finally:
            close_all((files for files, _ in open_.values()), error)
        done = [file for key in sorted(open_) for file in open_[key][0].done]
        return done, {"sources": rights.as_dict(), "lacks": _lacks(rights), "allowed": sorted(used)}

    def _batches(self, stage: str) -> Iterator[pa.RecordBatch]:
        artifact = self.snapshot.artifact(stage)
        parts, done = artifact.parts(), 0
        total = sum(part.rows for part in parts)
        for part in parts:
            for batch in read_batches(artifact.directory / part.path, batch_size=256):
                yield batch
                done += len(batch)
                self.report(stage, done, total)


def grouped(batch: pa.RecordBatch, keys: list[Any]) -> Iterator[tuple[Any, pa.RecordBatch]]:
    """The rows of a batch by key, keys sorted, rows in order."""
    rows: dict[Any, list[int]] = {}
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    for key in sorted(rows):
        yield key, batch.take(rows[key])


def spread(files: Files, cutter: Cutter, rows: pa.RecordBatch, documents: list[str], weights: list[int]) -> None:
    """Add rows to files, ending row groups and files where the cutter says."""
    for start, end, group, file in cutter.pieces(documents, weights):
        if file:
            files.finish()
        elif group:
            files.flush()
        files.add(rows.slice(start, end - start))


def refuse_secrets(places: list[str]) -> None:
    """Raise :class:`UserError` when there are any."""
    if places:
        more = [f"... and {len(places) - SHOWN} more"] if len(places) > SHOWN else []
        raise UserError(
            "\n".join(["what is to be published holds secrets:", *places[:SHOWN], *more]),
            "Remove them from the source, or leave the documents out. Where it only looks like one: "
            "--allow-secret DOCUMENT.",
        )


def _lacks(rights: Rights) -> dict[str, dict[str, list[Any]]]:
    return {name: {what: list(found) for what, found in s.lacks.items()} for name, s in rights.sources.items()}


def _weights(rows: pa.RecordBatch) -> list[int]:
    import pyarrow.compute as pc

    weights: list[int] = pc.binary_length(rows.column("text")).to_pylist()
    return weights


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
