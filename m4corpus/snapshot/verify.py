"""Prove that a snapshot is what its manifests say: every file, every digest, every count."""

from __future__ import annotations

from collections.abc import Iterator

from m4corpus.errors import IntegrityError
from m4corpus.index.shards import ShardedIndex
from m4corpus.snapshot.open import Snapshot
from m4corpus.storage.artifact import Artifact


def verify(snapshot: Snapshot) -> Iterator[str]:
    """Problems found, one sentence each, naming the file; nothing when the snapshot is sound.

    Reads every byte of every artifact. The manifest of the snapshot itself was checked when it was opened.
    """
    for stage in snapshot.manifest["artifacts"]:
        try:
            artifact = snapshot.artifact(stage)
        except IntegrityError as error:
            yield error.message
            continue
        yield from artifact.problems()
        yield from _flow(snapshot, artifact)
    try:
        # An index of its own: the snapshot's may be in use.
        with ShardedIndex.open(snapshot.artifact("index").directory):
            pass
    except IntegrityError as error:
        yield error.message


def _flow(snapshot: Snapshot, artifact: Artifact) -> Iterator[str]:
    """What went into a stage must be what came out of the one before."""
    for need, logical in artifact.manifest["inputs"].items():
        pinned = snapshot.manifest["artifacts"].get(need, {})
        if pinned.get("logical") != logical:
            yield f"{artifact.directory}: made from another '{need}' than the snapshot pins"
    rows = sum(part.rows for part in artifact.parts() if part.path.startswith("part-"))
    if artifact.stage != "index" and rows != artifact.counts.outputs:
        yield f"{artifact.directory}: {rows} rows, but the ledger accounts for {artifact.counts.outputs}"
