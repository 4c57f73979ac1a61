"""Bring a release, or the parts of it that are asked for, into a work directory, where it is a snapshot like any other.

::

    <workdir>/snapshots/<name>/<version>/
      manifest.json      the snapshot's own fields, where it came from, and every file that is here; written last
      ...                the files of the release, under their names in it
      .pull/             what an unfinished pull has so far

A file gets its name when its size, its SHA-256 and its form are what the release says; a pull that was interrupted
goes on with the next file, and within a file where the transfer can be taken up.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from m4corpus.errors import IntegrityError, UserError
from m4corpus.identify.labels import language_code
from m4corpus.release.formats import malformed
from m4corpus.release.layout import (
    ARTICLES,
    CHUNKS,
    DOCUMENTS,
    ENCODER,
    INDEX,
    KIND,
    NOTICE,
    ORDER,
    PLOT,
    RELEASE,
    VECTORS,
    Release,
    ReleaseFile,
    read_release,
)  # fmt: skip
from m4corpus.release.stores import Store
from m4corpus.snapshot.layout import LATEST, SNAPSHOTS, changing
from m4corpus.storage.artifact import FORMAT, MANIFEST, read_sealed, sealed
from m4corpus.storage.atomic import sync, write_bytes, write_json
from m4corpus.storage.digests import file_digest
from m4corpus.storage.lock import locked

STAGING = ".pull"
#: Bytes of a manifest beyond which it is not read.
LARGEST_MANIFEST = 256 << 20
#: Files fetched at the same time: many are small, and most of their time is waiting.
AT_ONCE = 6
Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Pulled:
    """What a pull brought: ``fetched`` counts the files and bytes that were not here before."""

    directory: Path
    release: Release
    files: int
    bytes: int


def pull(
    store: Store,
    workdir: Path,
    languages: Sequence[str] = (),
    *,
    index_only: bool = False,
    latest: bool = True,
    report: Report = lambda what, done, total: None,
) -> Pulled:
    """Lay down a release as a snapshot of ``workdir``.

    ``languages``, by any code or name, leave out the others; with ``index_only`` no more comes than searching takes.
    What an earlier pull of the same release brought stays. The name stands for this version afterwards; without
    ``latest`` only where it stood for none.

    Raises:
        FileNotFoundError: the place holds no release.
        UserError: a language is not in the release, or ``index_only`` is asked of one without an index.
        IntegrityError: a file is not what the release says, or the release is malformed.
    """
    inbox = workdir / "cache" / "pull"
    with locked(inbox):
        release, content = _manifest(store, inbox)
        wanted = choose(release, languages, index_only=index_only)
        directory = workdir / SNAPSHOTS / release.name / release.version
        old = _present(directory)
        if old is not None and old.get("kind") != KIND:
            return Pulled(directory, release, 0, 0)  # built here: all of it is here
        staging = directory / STAGING
        staging.mkdir(parents=True, exist_ok=True)
        missing = [file for file in wanted if not _here(directory, file)]
        total = sum(file.size for file in missing)
        _fetch_all(store, missing, release, directory, staging, report)
        same = old is not None and old["release"] == release.manifest["digest"]
        kept = {file["path"] for file in old["files"]} if old is not None and same else set()
        files = [file for file in release.files if file.path in kept or file in wanted]
        body = _body(release, store.origin, files, _labels(old, same, release, languages))
        with changing(workdir / SNAPSHOTS):
            write_bytes(directory / RELEASE, content)
            write_json(directory / MANIFEST, sealed(body))
            if latest or not (directory.parent / LATEST).exists():
                write_bytes(directory.parent / LATEST, release.version.encode())
        _tidy(directory, {file.path for file in files})
        return Pulled(directory, release, len(missing), total)


def peek(store: Store, workdir: Path) -> Release:
    """What a place says it holds; nothing of it stays here. Raises as :func:`pull` does."""
    inbox = workdir / "cache" / "pull"
    with locked(inbox):
        return _manifest(store, inbox)[0]


def choose(release: Release, languages: Sequence[str], *, index_only: bool) -> list[ReleaseFile]:
    """The files of a release that are asked for."""
    if index_only and not release.of(INDEX):
        raise UserError(f"{release.name}@{release.version} has no index: it was published as ids alone")
    kinds = {INDEX, ORDER, NOTICE, ENCODER}
    if not index_only:
        kinds |= {DOCUMENTS, CHUNKS, VECTORS, ARTICLES, PLOT}
    there = {file.language for file in release.files} - {""}
    chosen = there
    if languages:
        codes = {language_code(name): name for name in languages}
        chosen = {label for label in there if label.partition("_")[0] in codes}
        absent = [name for code, name in codes.items() if code not in {one.partition("_")[0] for one in chosen}]
        if absent:
            raise UserError(
                f"{release.name}@{release.version} has nothing in {', '.join(absent)}",
                f"It has: {', '.join(sorted(there))}.",
            )
    return [file for file in release.files if file.kind in kinds and (not file.language or file.language in chosen)]


def _manifest(store: Store, inbox: Path) -> tuple[Release, bytes]:
    path = inbox / RELEASE
    path.unlink(missing_ok=True)
    try:
        store.fetch(RELEASE, path, LARGEST_MANIFEST)
        return read_release(path), path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


def _present(directory: Path) -> dict[str, Any] | None:
    """The manifest of an earlier pull, or of a snapshot built here; None when there is none that can be read."""
    with suppress(FileNotFoundError, IntegrityError):
        return read_sealed(directory / MANIFEST)
    return None


def _here(directory: Path, file: ReleaseFile) -> bool:
    """Whether a file is here already, whole: one that was damaged since is fetched again."""
    path = directory / file.path
    return path.is_file() and not path.is_symlink() and not _wrong(path, file)


def _fetch_all(
    store: Store, files: list[ReleaseFile], release: Release, directory: Path, staging: Path, report: Report
) -> None:
    """Fetch files, a few at a time; the first that fails ends it, and what is whole stays."""
    done, total = 0, sum(file.size for file in files)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(_fetch, store, file, release, directory, staging): file for file in files}
        try:
            for future in as_completed(running):
                future.result()
                done += running[future].size
                report("pull", done, total)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _fetch(store: Store, file: ReleaseFile, release: Release, directory: Path, staging: Path) -> None:
    part = staging / f"{file.sha256}.part"
    resumed = part.exists() and part.stat().st_size > 0
    try:
        # One that was whole when the last attempt ended is asked for no more.
        if not resumed or _wrong(part, file):
            store.fetch(file.path, part, file.size)
    except FileNotFoundError:
        raise IntegrityError(f"{store.origin} lacks {file.path}, which its {RELEASE} names") from None
    if resumed and _wrong(part, file):
        # The beginning may have been of another attempt; from the start, once.
        part.unlink()
        store.fetch(file.path, part, file.size)
    if wrong := _wrong(part, file) or malformed(part, file, release):
        part.unlink()
        raise IntegrityError(f"{file.path} from {store.origin} is refused: {wrong}", "Nothing of it was kept.")
    final = directory / file.path
    final.parent.mkdir(parents=True, exist_ok=True)
    if not final.parent.resolve().is_relative_to(directory.resolve()):
        raise IntegrityError(f"{final.parent} leads out of {directory}: one of its folders is a link")
    sync(part)
    part.replace(final)


def _wrong(part: Path, file: ReleaseFile) -> str:
    """What keeps a fetched file from being the one the release names; empty when nothing does."""
    if (size := part.stat().st_size) != file.size:
        return f"it has {size} bytes, not {file.size}"
    return "" if file_digest(part) == file.sha256 else "its content differs from its SHA-256"


def _labels(old: dict[str, Any] | None, same: bool, release: Release, languages: Sequence[str]) -> list[str]:
    """Labels of the languages that are here now."""
    now = {f.language for f in choose(release, languages, index_only=False)} - {""}
    before = set(old["subset"]["languages"]) if old is not None and same else set()
    return sorted(now | before)


def _body(release: Release, origin: str, files: list[ReleaseFile], labels: list[str]) -> dict[str, Any]:
    """The manifest of what is here: the snapshot's own fields, but for its artifacts, which stayed where they are."""
    kinds = sorted({file.kind for file in files} & {DOCUMENTS, CHUNKS, VECTORS, INDEX})
    left_out = {"format", "digest", "artifacts"}
    return {
        **{key: value for key, value in release.snapshot.items() if key not in left_out},
        "format": FORMAT,
        "kind": KIND,
        "name": release.name,
        "version": release.version,
        "parent": release.manifest["parent"],
        "artifacts": {},
        "release": release.manifest["digest"],
        "origin": origin,
        "ids_only": release.ids_only,
        "index": release.manifest["index"],
        "subset": {"languages": labels, "kinds": kinds, "whole": len(files) == len(release.files)},
        "files": [file.as_dict() for file in files],
    }


def _tidy(directory: Path, known: set[str]) -> None:
    """Remove what an earlier pull or another release of the same version left: parts, and files nobody names."""
    shutil.rmtree(directory / STAGING, ignore_errors=True)
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if not path.is_dir() and name not in known and name not in (MANIFEST, RELEASE):
            path.unlink()
