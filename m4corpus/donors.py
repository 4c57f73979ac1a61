"""Finding the artifact of an earlier run whose rows the artifact to be built may share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from m4corpus.errors import IntegrityError
from m4corpus.snapshot.layout import Home
from m4corpus.stage import Stage
from m4corpus.storage.artifact import MANIFEST, Artifact, Identity, read_sealed
from m4corpus.storage.digests import digest_of

#: Most snapshots, newest first, whose artifacts are looked at.
GENERATIONS = 20


def kernel(stage: Stage, version: int, config: Mapping[str, Any], resources: Mapping[str, str]) -> str:
    """Digest of all that decides what a stage makes of an input, and so of an artifact's identity but its inputs."""
    means = {name: value for name, value in resources.items() if not stage.from_inputs(name)}
    return digest_of({"stage": stage.name, "version": version, "config": dict(config), "resources": means})


def find_donor(stage: Stage, identity: Identity, root: Path, latest: Mapping[str, str], home: Home) -> Artifact | None:
    """The donor for the artifact of ``identity``: the one of the latest run below ``root``, else the one that the
    newest snapshot of ``home`` with a suitable one pins."""
    wanted = kernel(stage, identity.version, identity.config, identity.resources)
    for directory in _candidates(stage.name, root, latest, home):
        if directory.name == identity.directory_name:
            continue
        try:
            artifact = Artifact.open(directory)
            made = artifact.manifest
            if made["stage"] == stage.name and not artifact.info.get("transient"):
                found = kernel(stage, made["version"], made["config"], made["resources"])
                if found == wanted and stage.takes(artifact):
                    return artifact
        except (IntegrityError, OSError):
            continue
    return None


def _candidates(stage: str, root: Path, latest: Mapping[str, str], home: Home) -> Iterator[Path]:
    """Directories of artifacts of the stage, the likeliest first."""
    if stage in latest:
        yield root / latest[stage]
    seen: set[str] = set()
    try:
        version = home.latest()
    except IntegrityError:
        return
    while version and version not in seen and len(seen) < GENERATIONS:
        seen.add(version)
        try:
            manifest = read_sealed(home.path / version / MANIFEST)
            pinned = manifest["artifacts"].get(stage, {}).get("path")
            if pinned:
                # Of this recipe alone: what a snapshot may name elsewhere is not ours to open.
                yield root / Path(pinned).name
            version = manifest["parent"]
        except (IntegrityError, OSError, KeyError):
            return
