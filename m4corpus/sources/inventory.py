"""The input files of a recipe with the digests of their content: what the read stage's fingerprint stands on."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from m4corpus.errors import UserError
from m4corpus.ledger import Fail
from m4corpus.sources import hub
from m4corpus.sources.config import ReadConfig, SourceConfig
from m4corpus.sources.globs import Glob
from m4corpus.sources.hashcache import DigestCache, stamp_of
from m4corpus.sources.locate import Place, locate, portable
from m4corpus.sources.streams import open_regular, refusal

#: Reasons for which an input is listed but never opened, with what each means.
PROBLEMS = {
    "ambiguous-name": "its name, with bytes that are not UTF-8 percent-encoded, is the name of another file",
    "broken-link": "a symbolic link that leads nowhere",
    "linked-folder": "a symbolic link to a folder within the source; its files are read under their own names",
    "not-a-file": "a pipe, socket or device",
    "outside-source": "a symbolic link that leads out of the source",
    "unreadable": "no permission, or the device fails",
    "unreadable-folder": "a folder that cannot be listed",
    "vanished": "deleted since it was listed",
}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One input file. ``path`` is relative to the place of its source, with ``/``, and always valid UTF-8.

    ``size`` is in bytes and ``sha256`` hex; it is empty where ``problem`` says why the file was not read, and
    ``streams.GIT_BLOB`` with git's own digest for a small file of the Hub. ``native`` is the path as the file system
    has it where that differs from ``path`` (see :func:`locate.portable`), and on the Hub the address of the file in
    its commit.
    """

    source: str
    path: str
    size: int
    sha256: str
    problem: str = ""
    native: str = ""


def inventory(config: ReadConfig, base: Path, cache: Path) -> list[SourceFile]:
    """Every input file of every source, ordered by source and path; ``cache`` is a directory for known digests.

    Raises :class:`UserError` for a source whose path does not exist or holds no matching file.
    """
    files: list[SourceFile] = []
    with DigestCache(cache) as digests:
        for source in config.sources:
            files += list_source(source, base, digests)
    return sorted(files, key=lambda file: (file.source, file.path, file.native))


def list_source(source: SourceConfig, base: Path, digests: DigestCache) -> list[SourceFile]:
    """The files of one source, in no particular order."""
    if hub.is_address(source.path):
        return _of_hub(source)
    try:
        place = locate(source, base)
        found = list(_found(source, place))
    except OSError as error:
        raise UserError(
            f"source {source.name}: cannot list {error.filename}: {error.strerror}", "Check the path and its rights."
        ) from None
    if not found:
        wanted = place.pattern or ", ".join(source.patterns)
        raise UserError(
            f"source {source.name}: no file in {place.root} matches {wanted}",
            "Check 'path' and 'format', or say which files to take with 'include'.",
        )
    # Text rather than Path objects, which would take most of the time of listing many files.
    root = str(place.root.absolute())
    paths = [os.path.join(root, item.path) for item in found]  # noqa: PTH118
    digests.foresee([os.fsencode(path) for path in paths])
    files = [_examined(source.name, path, item, digests) for path, item in zip(paths, found, strict=True)]
    plain = {file.path for file in files if not file.native}
    return [
        replace(file, sha256="", problem="ambiguous-name") if file.native and file.path in plain else file
        for file in files
    ]


def _of_hub(source: SourceConfig) -> list[SourceFile]:
    found = hub.entries(source)
    if not found:
        wanted = ", ".join(source.patterns)
        raise UserError(
            f"source {source.name}: no file of {source.path} matches {wanted}",
            "Check 'path' and 'format', or say which files to take with 'include'.",
        )
    return [SourceFile(source.name, item.path, item.size, item.digest, native=item.address) for item in found]


class _Found(NamedTuple):
    """A path relative to the place of its source, and the problem its kind alone makes, if any."""

    path: str
    problem: str = ""
    folder: bool = False


def _found(source: SourceConfig, place: Place) -> Iterator[_Found]:
    """What the source takes."""
    if not (place.root / place.file).exists():
        raise UserError(
            f"source {source.name}: {place.root / place.file} does not exist",
            "Correct 'path'; it starts from the directory of the recipe.",
        )
    if place.file:
        yield _Found(place.file, "" if (place.root / place.file).is_file() else "not-a-file")
        return
    taken = [Glob(pattern) for pattern in ([place.pattern] if place.pattern else source.patterns)]
    narrowed = [Glob(pattern) for pattern in source.include] if place.pattern else []
    left_out = [Glob(pattern) for pattern in source.exclude]
    for item in _walk(place.root, taken, left_out):
        if item.folder or (_any(taken, item.path) and (not narrowed or _any(narrowed, item.path))):
            yield item


def _walk(root: Path, taken: list[Glob], left_out: list[Glob]) -> Iterator[_Found]:
    """Everything below ``root`` that is not left out, and not below a folder where nothing can be taken."""
    inside = os.path.realpath(root)
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(root / folder) as listing:
                entries = list(listing)
        except OSError as error:
            if not folder:
                raise
            refusal(error)  # raises when the machine is to blame
            yield _Found(folder, "unreadable-folder", folder=True)
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if _any(left_out, path):
                continue
            if entry.is_symlink():
                item = _linked(path, entry, inside)
                if not item.folder or _may_hold(taken, path):
                    yield item
            elif not entry.is_dir(follow_symlinks=False):
                yield _Found(path, "" if entry.is_file(follow_symlinks=False) else "not-a-file")
            elif _may_hold(taken, path):
                folders.append(path)


def _linked(path: str, entry: os.DirEntry[str], inside: str) -> _Found:
    """A symbolic link: one to a file within the source is that file, one to a folder is never followed."""
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        return _Found(path, "unreadable" if isinstance(error, PermissionError) else "broken-link")
    folder = stat.S_ISDIR(mode)
    if os.path.commonpath([inside, os.path.realpath(entry.path)]) != inside:
        return _Found(path, "outside-source", folder)
    if folder:
        return _Found(path, "linked-folder", folder)
    return _Found(path, "" if stat.S_ISREG(mode) else "not-a-file")


def _examined(source: str, path: str, found: _Found, digests: DigestCache) -> SourceFile:
    """One found file, which lies at ``path``, with its size and digest, or the problem that kept it from being read."""
    name = portable(found.path)
    native = found.path if name != found.path else ""
    size, digest, problem = 0, "", found.problem
    if not problem:
        try:
            size, digest = _digest(path, digests)
        except OSError as error:
            problem = refusal(error).slug
        except Fail as verdict:
            problem = verdict.slug
    return SourceFile(source, name, size, digest, problem, native)


def _digest(path: str, digests: DigestCache) -> tuple[int, str]:
    key = os.fsencode(path)
    before = os.stat(path)  # noqa: PTH116
    known = digests.get(key, stamp_of(before)) if stat.S_ISREG(before.st_mode) else None
    if known is not None:
        return before.st_size, known
    with os.fdopen(open_regular(Path(path)), "rb", buffering=0) as stream:
        opened = os.fstat(stream.fileno())
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        after = os.fstat(stream.fileno())
    if stamp_of(opened) == stamp_of(after):
        digests.put(key, after, digest)
    return after.st_size, digest


def _any(globs: Iterable[Glob], path: str) -> bool:
    return any(glob.matches(path) for glob in globs)


def _may_hold(globs: Iterable[Glob], folder: str) -> bool:
    return any(glob.leads_to(folder) for glob in globs)
