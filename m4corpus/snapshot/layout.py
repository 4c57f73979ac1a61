"""Where snapshots lie and what they are called.

::

    <workdir>/snapshots/<name>/          a snapshot's home
      latest                             version of the newest snapshot
      logs/places.json                   where its sources lay on this machine; no part of any version
      tags/<tag>                         the version a tag stands for
      <version>/manifest.json            one version, immutable

A version is twelve hexadecimal digits; a tag never is.
"""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from m4corpus.errors import IntegrityError, UserError
from m4corpus.storage.artifact import MANIFEST
from m4corpus.storage.atomic import write_bytes
from m4corpus.storage.lock import locked

SNAPSHOTS, LATEST, TAGS, PLACES = "snapshots", "latest", "tags", "logs/places.json"
#: Seconds to wait for whoever writes a version or tag.
PATIENCE = 30.0
_VERSION = re.compile(r"[0-9a-f]{12}")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Home:
    """All versions of one snapshot."""

    path: Path

    @property
    def name(self) -> str:
        """The snapshot's name."""
        return self.path.name

    def versions(self) -> list[str]:
        """Versions that are there, oldest first by when their manifest was written (then by name)."""
        found = [(p.stat().st_mtime_ns, p.parent.name) for p in self.path.glob(f"*/{MANIFEST}") if p.is_file()]
        return [version for _, version in sorted(found) if is_version(version)]

    def latest(self) -> str | None:
        """The newest version, or None where none was made; raises :class:`IntegrityError` for a damaged pointer."""
        return _pointed(self.path / LATEST, "Run the recipe again: it writes the file anew.")

    def tags(self) -> dict[str, str]:
        """Version by tag; raises :class:`IntegrityError` for a damaged one."""
        names = sorted(p.name for p in (self.path / TAGS).glob("*") if _TAG.fullmatch(p.name))
        return {name: version for name in names if (version := self.tagged(name))}

    def tagged(self, tag: str) -> str | None:
        """The version ``tag`` stands for, or None where there is no such tag."""
        if not _TAG.fullmatch(tag):
            return None
        return _pointed(self.path / TAGS / tag, f"Set it again: m4corpus snapshot tag {self.name}@VERSION {tag} -f")

    def set_tag(self, tag: str, version: str, *, move: bool = False) -> None:
        """Let ``tag`` stand for ``version``; ``move`` takes it from another one. Raises :class:`UserError`."""
        check_tag(tag)
        with changing(self.path.parent):
            if not (self.path / version / MANIFEST).is_file():
                raise UserError(f"{self.name} has no version {version}", f"It has: {', '.join(self.versions())}.")
            try:
                now = self.tagged(tag)
            except IntegrityError:
                if not move:
                    raise
                now = None
            if now is not None and now != version and not move:
                raise UserError(f"tag {tag} stands for {self.name}@{now}", "Move it with --force.")
            if now != version:
                write_bytes(self.path / TAGS / tag, version.encode())

    def delete_tag(self, tag: str) -> None:
        """Forget ``tag``, whatever it stands for; raises :class:`UserError` where there is none."""
        path = self.path / TAGS / tag
        with changing(self.path.parent):
            if not _TAG.fullmatch(tag) or not path.is_file():
                raise UserError(f"{self.name} has no tag {tag}", "`m4corpus snapshot list` shows those it has.")
            path.unlink()


def homes(workdir: Path) -> list[Home]:
    """Every snapshot of a work directory, by name."""
    root = workdir / SNAPSHOTS
    found = {p.parent.name for p in root.glob(f"*/{LATEST}")}
    found |= {p.parent.parent.name for p in root.glob(f"*/*/{MANIFEST}")}
    return [Home(root / name) for name in sorted(found)]


def is_version(text: str) -> bool:
    """Whether ``text`` has the form of a version."""
    return _VERSION.fullmatch(text) is not None


def check_tag(tag: str) -> None:
    """Raise :class:`UserError` for a tag that could not be told from a version, or is no safe file name."""
    if not _TAG.fullmatch(tag):
        raise UserError(
            f"'{tag}' is no tag", "A tag has at most 64 letters, digits and . _ - and begins with a letter or digit."
        )
    if is_version(tag.lower()) or tag == LATEST:
        raise UserError(f"'{tag}' cannot be a tag: it would pass for a version", "Choose another, such as v1.")


def changing(snapshots: Path) -> AbstractContextManager[None]:
    """Hold the lock under which versions and tags come and go, for a moment; a run that is under way has another."""
    return locked(snapshots, wait=PATIENCE)


def _pointed(path: Path, hint: str) -> str | None:
    if not path.is_file():
        return None
    version = path.read_text(encoding="ascii", errors="replace").strip()
    if not is_version(version):
        raise IntegrityError(f"{path} does not hold a version", hint)
    return version
