"""Delete what no snapshot, tag or latest run needs: versions that are asked to go, and artifacts nobody names.

Whatever moment it is killed at, what remains is whole: a manifest goes before the files it describes, and without its
manifest neither a snapshot nor an artifact exists. Crawls are never touched, links never followed, and of the caches
only the signatures of documents go, those that no artifact which stays was made with.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from m4corpus.errors import IntegrityError, UserError
from m4corpus.snapshot.carried import is_carried
from m4corpus.snapshot.layout import LATEST, SNAPSHOTS, Home, homes, is_version
from m4corpus.snapshot.listing import files_below, pinned
from m4corpus.snapshot.manifest import read_manifest
from m4corpus.stagenames import STAGES
from m4corpus.storage.artifact import MANIFEST, Artifact
from m4corpus.storage.atomic import sync, write_bytes

_ARTIFACT = re.compile(rf"(?:{'|'.join(STAGES)})-[0-9a-f]{{12}}")
_CACHE = "cache"
_WAY = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Doomed:
    """One directory to be deleted, and why. ``bytes`` is what its files hold, shared ones included."""

    path: Path
    why: str
    bytes: int


@dataclass(frozen=True)
class Sweep:
    """What would be deleted. ``freed`` is what the disk gains: a file that is linked from elsewhere frees nothing.
    ``kept`` tells of what only looks deletable."""

    versions: list[Doomed] = field(default_factory=list)
    artifacts: list[Doomed] = field(default_factory=list)
    signatures: list[Doomed] = field(default_factory=list)
    freed: int = 0
    kept: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[Doomed]:
        """Everything, in the order in which it goes."""
        return [*self.versions, *self.artifacts, *self.signatures]

    def as_dict(self, workdir: Path) -> dict[str, Any]:
        """JSON form, paths relative to the work directory."""
        return {
            **{
                kind: [{"path": d.path.relative_to(workdir).as_posix(), "why": d.why, "bytes": d.bytes} for d in doomed]
                for kind, doomed in (
                    ("versions", self.versions),
                    ("artifacts", self.artifacts),
                    ("signatures", self.signatures),
                )
            },
            "freed": self.freed,
            "kept": self.kept,
        }


def plan(workdir: Path, *, keep: int | None = None, drop: Collection[str] = (), unfinished: bool = False) -> Sweep:
    """What a collection would delete.

    ``keep`` is how many versions of each snapshot stay, the newest ones; tagged ones stay besides. ``drop`` names
    versions (``NAME@VERSION``) to go. ``unfinished`` lets go of builds that could be resumed.

    Raises:
        UserError: a version to drop does not exist or has a tag.
        IntegrityError: the manifest of a version that stays is damaged, so that nobody knows what it needs.
    """
    leaving = _leaving(workdir, keep, set(drop))
    needed: set[Path] = set()
    for home in homes(workdir):
        for version in home.versions():
            if (home.name, version) not in leaving and not _linked(home, version):
                needed |= _needed_by(home.path / version)
    kept: list[str] = []
    artifacts = []
    for recipe in _recipes(workdir):
        latest = _used_last(recipe)
        if latest is None:
            kept.append(f"{recipe / 'latest.json'} cannot be read: the artifacts beside it stay")
            continue
        for artifact in _artifacts(recipe):
            why = _why(artifact)
            if artifact.resolve() in needed or artifact.name in latest:
                continue
            if why == _UNFINISHED and not unfinished:
                kept.append(f"{artifact} is unfinished and can be resumed (--unfinished deletes it)")
                continue
            artifacts.append(Doomed(artifact, why, _size(artifact)))
    remains: dict[Path, str] = {}
    for directory in (path for home in homes(workdir) for path in sorted(home.path.iterdir())):
        if not is_version(directory.name) or directory.is_symlink() or (directory / MANIFEST).exists():
            continue
        # A version that was made here is its manifest and what it carries; one being pulled has files before it.
        if unfinished or all(is_carried(path) for path, _ in files_below(directory)):
            remains[directory] = _REMAINS
        else:
            kept.append(f"{directory} is unfinished: it may be a pull to be resumed (--unfinished deletes it)")
    gone = {workdir / SNAPSHOTS / name / version: why for (name, version), why in leaving.items()}
    versions = [Doomed(path, why, _size(path)) for path, why in sorted({**gone, **remains}.items())]
    signatures = _signatures(workdir, {doomed.path for doomed in artifacts}, kept)
    return Sweep(versions, artifacts, signatures, _freed([d.path for d in [*versions, *artifacts, *signatures]]), kept)


def sweep(workdir: Path, planned: Sweep, done: Callable[[Doomed], None] = lambda doomed: None) -> None:
    """Delete what was planned; whoever calls holds the locks of the work directory and of its snapshots."""
    root = workdir.resolve()
    leaving = {doomed.path for doomed in planned.versions}
    for home in {path.parent for path in leaving}:
        _move_pointer(Home(home), {path.name for path in leaving if path.parent == home})
    for doomed in planned.all:
        if doomed.path.is_symlink() or not doomed.path.resolve().is_relative_to(root):
            raise IntegrityError(f"{doomed.path} leads out of the work directory", "It was replaced meanwhile.")
        _delete(doomed.path)
        done(doomed)


def _delete(directory: Path) -> None:
    """The manifest first, durably: from then on the rest is nothing to anybody."""
    (directory / MANIFEST).unlink(missing_ok=True)
    sync(directory)
    shutil.rmtree(directory)


def _move_pointer(home: Home, leaving: set[str]) -> None:
    """Let ``latest`` name a version that stays; it goes with the last version."""
    staying = [version for version in home.versions() if version not in leaving]
    if staying:
        try:
            points = home.latest()
        except IntegrityError:
            points = None
        if points not in staying:
            write_bytes(home.path / LATEST, staying[-1].encode())
    else:
        (home.path / LATEST).unlink(missing_ok=True)


def _leaving(workdir: Path, keep: int | None, drop: set[str]) -> dict[tuple[str, str], str]:
    """Versions that go, with the reason."""
    leaving: dict[tuple[str, str], str] = {}
    for home in homes(workdir):
        versions, tags = [v for v in home.versions() if not _linked(home, v)], home.tags()
        if keep is not None:
            spared = {*versions[-keep:], *tags.values(), home.latest()}
            leaving |= {(home.name, v): f"not among the newest {keep}" for v in versions if v not in spared}
        for version in versions:
            if f"{home.name}@{version}" not in drop:
                continue
            drop.remove(f"{home.name}@{version}")
            if tagged := [tag for tag, stands_for in tags.items() if stands_for == version]:
                raise UserError(
                    f"{home.name}@{version} is tagged {', '.join(tagged)}",
                    f"First: m4corpus snapshot tag {home.name} {tagged[0]} --delete",
                )
            leaving[home.name, version] = "dropped"
    if drop:
        raise UserError(
            f"no version {', '.join(sorted(drop))}", "Give NAME@VERSION as `m4corpus snapshot list` shows it."
        )
    return leaving


def _linked(home: Home, version: str) -> bool:
    """Whether a version lies somewhere else: then it is somebody else's."""
    return home.path.is_symlink() or (home.path / version).is_symlink()


def _needed_by(directory: Path) -> set[Path]:
    try:
        return set(pinned(directory, read_manifest(directory)).values())
    except IntegrityError as error:
        raise IntegrityError(
            f"cannot tell what {directory.parent.name}@{directory.name} needs: {error.message}",
            f"Run its recipe again, or let it go: --drop {directory.parent.name}@{directory.name}",
        ) from None


_UNFINISHED, _REMAINS = "unfinished", "left by an interrupted deletion"


def _why(artifact: Path) -> str:
    if (artifact / MANIFEST).is_file():
        return "no snapshot and no latest run needs it"
    return _UNFINISHED if (artifact / "work").is_dir() else _REMAINS


def _recipes(workdir: Path) -> Iterator[Path]:
    """Directories of recipes; what is a link belongs to somebody else."""
    for path in sorted(workdir.iterdir()) if workdir.is_dir() else ():
        if path.is_dir() and not path.is_symlink() and path.name not in (_CACHE, SNAPSHOTS):
            yield path


def _artifacts(recipe: Path) -> Iterator[Path]:
    for path in sorted(recipe.iterdir()):
        if _ARTIFACT.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            yield path


def _signatures(workdir: Path, leaving: set[Path], kept: list[str]) -> list[Doomed]:
    """Signatures that dedup remembered for artifacts of which none stays. Where a build of the stage is unfinished all
    stay: nobody knows which are its own."""
    from m4corpus.dedup.remembered import FOLDER, remembered_by

    used: set[str] = set()
    unfinished = False
    for artifact in (path for recipe in _recipes(workdir) for path in _artifacts(recipe)):
        if not artifact.name.startswith("dedup-") or artifact in leaving:
            continue
        try:
            used.add(remembered_by(Artifact.open(artifact)))
        except (IntegrityError, KeyError, TypeError):
            unfinished = True
    root = workdir / _CACHE / FOLDER
    if not root.is_dir() or root.is_symlink() or root.parent.is_symlink():
        return []
    unused = [path for path in sorted(root.iterdir()) if _WAY.fullmatch(path.name) and path.name not in used]
    unused = [path for path in unused if path.is_dir() and not path.is_symlink()]
    if unused and unfinished:
        kept.append(f"{root} stays: a build of dedup is unfinished or damaged, and may have filled it")
        return []
    return [Doomed(path, "no artifact that stays was made with them", _size(path)) for path in unused]


def _used_last(recipe: Path) -> set[str] | None:
    """Artifacts of the recipe's latest run; None when that cannot be known."""
    try:
        latest = json.loads((recipe / "latest.json").read_text(encoding="utf-8"))
        return {str(name) for name in latest.values()}
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, AttributeError):
        return None


def _size(directory: Path) -> int:
    return sum({(s.st_dev, s.st_ino): s.st_size for _, s in files_below(directory)}.values())


def _freed(directories: list[Path]) -> int:
    """Bytes of the files that have no name besides those below ``directories``."""
    names: Counter[tuple[int, int]] = Counter()
    statuses: dict[tuple[int, int], os.stat_result] = {}
    for directory in directories:
        for _, status in files_below(directory):
            key = (status.st_dev, status.st_ino)
            names[key] += 1
            statuses[key] = status
    return sum(status.st_size for key, status in statuses.items() if names[key] >= status.st_nlink)
