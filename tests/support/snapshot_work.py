"""Snapshots made of records, without running anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core_work import document

from m4corpus import ledger
from m4corpus.ledger import Counts, Entry
from m4corpus.records import Chunk, Document, schema, to_batch
from m4corpus.snapshot import Snapshot, create, open_snapshot
from m4corpus.storage.artifact import Artifact, Completion, Identity
from m4corpus.storage.digests import digest_of, partition_of
from m4corpus.storage.parts import PartWriter, part_name

RECIPE: dict[str, Any] = {"name": "made", "read": {"sources": []}, "chunk": {"size": 96}}


def labelled(id: str, text: str = "", **fields: Any) -> Document:
    """A document in English unless told otherwise."""
    return replace(document(id, text), **{"language": "eng", "script": "Latn", **fields})


def artifact(root: Path, stage: str, records: Sequence[Document] | Sequence[Chunk], partitions: int) -> Artifact:
    """A sealed artifact: records partitioned by their document and sorted, a row of the ledger each."""
    kind = Chunk if stage == "chunk" else Document
    completions = []
    for rank in range(partitions):
        mine = [r for r in records if partition_of(getattr(r, "document_id", r.id), partitions) == rank]
        mine.sort(key=lambda r: (getattr(r, "document_id", r.id), getattr(r, "index", 0)))
        with PartWriter(root / part_name(rank), schema(kind), root) as part:
            if mine:
                part.write(to_batch(mine))
        with PartWriter(root / "ledger" / part_name(rank), ledger.schema(), root) as accounts:
            if mine:
                accounts.write(ledger.to_batch([Entry(r.id, "", "kept", "", "", 1) for r in mine]))
        completions.append(Completion([part.info], [accounts.info], Counts(len(mine), len(mine), len(mine))))
    identity = Identity(stage, 1, {"seed": digest_of([p.parts[0].logical for p in completions])}, {}, {})
    return Artifact.seal(root, identity, completions, {})


def made(
    workdir: Path, documents: Sequence[Document], partitions: int = 2, name: str = "made", recipe: Any = None
) -> Snapshot:
    """A snapshot of documents; every line of a text is a chunk."""
    chunks = [
        Chunk(f"{d.id}#{n}", d.id, n, 0, len(line), 1, line, d.title, language=d.language, script=d.script, url=d.url)
        for d in documents
        for n, line in enumerate(d.text.split("\n"))
    ]
    key = digest_of([repr(documents), partitions])[:12]
    stages = {
        stage: artifact(workdir / name / f"{stage}-{key}", stage, chunks if stage == "chunk" else documents, partitions)
        for stage in ("read", "dedup", "chunk", "embed")
    }
    return open_snapshot(create(workdir, name, recipe or {**RECIPE, "name": name}, stages))
