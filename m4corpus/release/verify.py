"""Prove that what was pulled is what its manifest says, and that the release says the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from m4corpus.errors import M4CorpusError
from m4corpus.release.formats import malformed
from m4corpus.release.index import ReleaseIndex
from m4corpus.release.layout import CHUNKS, DOCUMENTS, INDEX, RELEASE, VECTORS, Release, ReleaseFile, read_release
from m4corpus.release.pull import STAGING
from m4corpus.storage.artifact import MANIFEST
from m4corpus.storage.digests import LogicalDigest, file_digest
from m4corpus.storage.parts import read_batches

_ROWS = (DOCUMENTS, CHUNKS, VECTORS)


def problems(directory: Path, manifest: dict[str, Any], *, quick: bool = False) -> Iterator[str]:
    """What is wrong with the release pulled into ``directory``, one sentence each, naming the file.

    Reads every byte that is there: sizes, SHA-256, rows and logical digests, shards against the order of rows, and
    files that nobody names; with ``quick`` manifests and sizes alone.
    """
    try:
        release = read_release(directory / RELEASE)
    except FileNotFoundError:
        yield f"{directory / RELEASE}: missing"
        return
    except M4CorpusError as error:
        yield error.message
        return
    if release.manifest["digest"] != manifest["release"]:
        yield f"{directory / RELEASE}: not the release that was pulled"
        return
    known = {file.path: file for file in release.files}
    here = [ReleaseFile(**file) for file in manifest["files"]]
    for file in here:
        if known.get(file.path) != file:
            yield f"{directory / file.path}: the release says something else of it than {MANIFEST}"
            continue
        yield from _file(directory / file.path, file, release, quick=quick)
    yield from _others(directory, {file.path for file in here})
    if not quick and any(file.kind == INDEX for file in here):
        try:
            with ReleaseIndex.of(directory, manifest) as index:
                index.check()
        except M4CorpusError as error:
            yield error.message


def _file(path: Path, file: ReleaseFile, release: Release, *, quick: bool) -> Iterator[str]:
    if path.is_symlink() or not path.is_file():
        yield f"{path}: missing"
    elif path.stat().st_size != file.size:
        yield f"{path}: {path.stat().st_size} bytes, the manifest says {file.size}"
    elif quick:
        return
    elif file_digest(path) != file.sha256:
        yield f"{path}: content differs from its recorded SHA-256"
    elif wrong := malformed(path, file, release):
        yield f"{path}: {wrong}"
    elif file.kind in _ROWS:
        yield from _rows(path, file)


def _rows(path: Path, file: ReleaseFile) -> Iterator[str]:
    """Rows and logical digest of a file whose bytes are right: what the publisher claimed of it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        digest, rows = LogicalDigest(pq.read_schema(path)), 0
        for batch in read_batches(path):
            digest.update(batch)
            rows += len(batch)
    except (pa.ArrowException, OSError, TypeError) as error:
        yield f"{path}: cannot be read: {str(error).splitlines()[0]}"
        return
    if rows != file.rows:
        yield f"{path}: {rows} rows, the manifest says {file.rows}"
    elif digest.hexdigest() != file.logical:
        yield f"{path}: rows differ from their recorded digest"


def _others(directory: Path, known: set[str]) -> Iterator[str]:
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory)
        if path.is_dir() and not path.is_symlink():
            continue
        if name.as_posix() not in known | {MANIFEST, RELEASE} and name.parts[0] != STAGING:
            yield f"{path}: nobody names this file"
