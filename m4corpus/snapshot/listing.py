"""Which snapshots a work directory holds: versions, parents, tags, counts and sizes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from m4corpus.errors import IntegrityError, UserError
from m4corpus.snapshot.layout import SNAPSHOTS, Home, homes
from m4corpus.snapshot.manifest import RELEASE, SNAPSHOT, read_manifest
from m4corpus.storage.artifact import MANIFEST


@dataclass(frozen=True)
class Listed:
    """One version. ``created`` is when its manifest was written here (UTC); ``bytes`` what it takes on disk, files
    that it shares with other versions included; ``problem`` says why nothing is known of it."""

    name: str
    version: str
    kind: str = ""
    created: str = ""
    latest: bool = False
    tags: list[str] = field(default_factory=list)
    parent: str | None = None
    documents: int = 0
    chunks: int = 0
    bytes: int = 0
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def listed(workdir: Path, name: str | None = None) -> list[Listed]:
    """Every version of every snapshot, or of the one called ``name``: by name, newest first."""
    found = homes(workdir)
    if name is not None:
        found = [home for home in found if home.name == name]
        if not found:
            known = ", ".join(home.name for home in homes(workdir))
            raise UserError(
                f"no snapshot {name} in {workdir / SNAPSHOTS}",
                f"Known there: {known}." if known else "Build one with: m4corpus run RECIPE",
            )
    return [_listed(home, version) for home in found for version in reversed(home.versions())]


def pinned(directory: Path, manifest: dict[str, Any]) -> dict[str, Path]:
    """Where the artifacts of a snapshot lie, by stage; none for one that has its files itself."""
    if manifest.get("kind") == RELEASE:
        return {}
    root = directory.resolve().parents[2]
    found = {stage: (directory / pin["path"]).resolve() for stage, pin in manifest["artifacts"].items()}
    return {stage: path for stage, path in found.items() if path.is_relative_to(root)}


def files_below(directory: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Regular files below a directory, links not followed."""
    for folder, _, names in os.walk(directory):
        for name in names:
            path = Path(folder) / name
            status = path.lstat()
            if stat.S_ISREG(status.st_mode):
                yield path, status


def _listed(home: Home, version: str) -> Listed:
    directory = home.path / version
    written = datetime.fromtimestamp((directory / MANIFEST).stat().st_mtime, UTC)
    known = Listed(home.name, version, created=written.isoformat(timespec="seconds"))
    try:
        manifest = read_manifest(directory)
    except (IntegrityError, FileNotFoundError) as error:
        return replace(known, problem=str(error).splitlines()[0])
    sizes = {
        (status.st_dev, status.st_ino): status.st_size
        for place in [directory, *pinned(directory, manifest).values()]
        for _, status in files_below(place)
    }
    return replace(
        known,
        kind=manifest.get("kind", SNAPSHOT),
        latest=_points(home, version),
        tags=_tags(home, version),
        parent=manifest.get("parent"),
        documents=_total(manifest.get("documents")),
        chunks=_total(manifest.get("chunks")),
        bytes=sum(sizes.values()),
    )


def _points(home: Home, version: str) -> bool:
    try:
        return home.latest() == version
    except IntegrityError:
        return False


def _tags(home: Home, version: str) -> list[str]:
    try:
        return [tag for tag, stands_for in home.tags().items() if stands_for == version]
    except IntegrityError:
        return []


def _total(counts: Any) -> int:
    """A number of documents or chunks, given by label or as it is."""
    if isinstance(counts, dict):
        return sum(value for value in counts.values() if isinstance(value, int))
    return counts if isinstance(counts, int) else 0
