"""Pages that an earlier read stage left of files that are still the same.

Every row of the ledger names the file it came from by a digest of its name and content (``input``). A file that has
that digest again would be read to the same rows, and is not opened. That holds for a file whose rows are all there: a
page that was dropped for another with its id is not, so files with such pages are read again.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from m4corpus.images import ImageStore, image_of
from m4corpus.ledger import KEPT
from m4corpus.records import Page, from_batches, schema
from m4corpus.reuse import Forecast, sound_ledger, sound_rows
from m4corpus.sources.inventory import SourceFile
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.digests import canonical_json
from m4corpus.storage.parts import read_batches
from m4corpus.storage.sorting import order
from m4corpus.weave import Outputs

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

#: Media type of a page that only carries a failure to the ledger.
FAILURE = "application/x-m4corpus-failure"
#: Rules by which a page gives way to another with the same id.
DUPLICATE, OLDER = "duplicate-id", "older-revision"
_KEY = 16


def file_key(file: SourceFile) -> bytes:
    """Digest (16 bytes) of all of a file that its pages depend on."""
    content = canonical_json([file.source, file.path, file.sha256, file.problem, file.native])
    return hashlib.blake2b(content, digest_size=_KEY).digest()


@dataclass(frozen=True)
class EarlierPart:
    """One part of an earlier read stage; ``wanted`` tells which rows of its ledger are of files that are the same."""

    part: Path
    ledger_part: Path
    wanted: NDArray[np.bool_]


@dataclass(frozen=True)
class Earlier:
    """An earlier artifact, every file of which was checked: its parts, the keys of the files that are the same, and the
    files that are not, or were not there."""

    parts: list[EarlierPart]
    keys: frozenset[bytes]
    changed: list[SourceFile]

    @classmethod
    def of(cls, artifact: Artifact, files: list[SourceFile], images: ImageStore | None = None) -> Earlier | None:
        """What can be taken from ``artifact`` for ``files``; None when a file of it is not what its manifest says.
        With ``images``, where reading puts them, a file is read again whose images are no longer all there."""
        columns, pages = [], schema(Page)
        again: set[bytes] = set()
        for info, ledger_info in zip(artifact.parts(), artifact.ledger(), strict=True):
            ledger = sound_ledger(artifact.directory, ledger_info)
            if ledger is None or not sound_rows(artifact.directory, info, pages):
                return None
            keys, slugs = ledger.column("input").to_pylist(), ledger.column("slug").to_pylist()
            again |= {key for key, slug in zip(keys, slugs, strict=True) if slug in (DUPLICATE, OLDER)}
            if images is not None:
                again |= _lacking(artifact.directory / info.path, ledger, images)
            columns.append(keys)
        known = {key for keys in columns for key in keys if len(key) == _KEY} - again
        ours = [file_key(file) for file in files]
        same = known & set(ours)
        parts = [
            EarlierPart(
                artifact.directory / info.path,
                artifact.directory / ledger_info.path,
                np.array([key in same for key in keys], np.bool_),
            )
            for info, ledger_info, keys in zip(artifact.parts(), artifact.ledger(), columns, strict=True)
        ]
        changed = [file for file, key in zip(files, ours, strict=True) if key not in same]
        return cls(parts, frozenset(same), changed)


def _lacking(part: Path, ledger: pa.RecordBatch, images: ImageStore) -> set[bytes]:
    """Keys of the files of a part's pages whose images are not there."""
    keys = np.array(ledger.column("input").to_pylist(), object)[np.asarray(ledger.column("outputs")) > 0]
    metadata = (row for batch in read_batches(part, ["metadata"]) for row in batch.column(0).to_pylist())
    found = zip(keys.tolist(), (image_of(dict(row)) for row in metadata), strict=True)
    return {key for key, image in found if image and not images.holds(image)}


def forecast(artifact: Artifact, files: list[SourceFile], images: ImageStore | None = None) -> Forecast | None:
    """What :meth:`Earlier.of` would find, in files; ``gone`` are rows of the earlier ledger."""
    earlier = Earlier.of(artifact, files, images)
    if earlier is None:
        return None
    others = {file.path for file in earlier.changed}
    changed: set[str] = set()
    gone = 0
    for part in earlier.parts:
        locators = [name for batch in read_batches(part.ledger_part, ["locator"]) for name in batch[0].to_pylist()]
        for place in np.flatnonzero(~part.wanted).tolist():
            # A file, or a place in one: articles.jsonl:17, pages.xml@4096.
            found = {locators[place], *(locators[place].rpartition(mark)[0] for mark in ":@#")} & others
            changed |= found
            gone += not found
    again = len(files) - len(earlier.changed)
    return Forecast("files", again, len(files) - again - len(changed), len(changed), gone)


class EarlierRows:
    """The wanted rows of one part, taken from the smallest id to the largest."""

    def __init__(self, part: EarlierPart, sources: list[str]) -> None:
        self._part = part
        self._sources = sorted(sources, key=len, reverse=True)
        self._outputs = Outputs(part.part)
        self._place = 0

    def before(self, id: str) -> Iterator[tuple[pa.RecordBatch, list[pa.RecordBatch]]]:
        """Ledger rows not yet taken with ids below ``id``, and the pages they are about, in runs."""
        yield from self._runs(bisect_left(self._ids, id, self._place))

    def rest(self) -> Iterator[tuple[pa.RecordBatch, list[pa.RecordBatch]]]:
        """All that are left."""
        yield from self._runs(len(self._ids))

    def of(self, id: str) -> list[Page]:
        """The pages and failures with one id, to be compared with others that have it."""
        start, end = self._place, bisect_right(self._ids, id, self._place)
        self._place = end
        pages = []
        for place in np.flatnonzero(self._part.wanted[start:end]).tolist():
            row = self._ledger.slice(start + place, 1)
            entry = row.to_pylist()[0]
            if entry["outcome"] == KEPT:
                page = next(from_batches(Page, self._pages(start + place, start + place + 1)))
            else:
                verdict = {name: entry[name] for name in ("outcome", "slug", "detail")}
                page = Page(id, self._source(id), entry["locator"], FAILURE, "", metadata=verdict)
            pages.append(stamped(page, entry["input"]))
        # The ledger has what was kept last.
        return sorted(pages, key=order)

    def _runs(self, end: int) -> Iterator[tuple[pa.RecordBatch, list[pa.RecordBatch]]]:
        start, self._place = self._place, max(self._place, end)
        wanted = np.concatenate([[False], self._part.wanted[start:end], [False]])
        edges = np.flatnonzero(wanted[1:] != wanted[:-1]) + start
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            yield self._ledger.slice(first, last - first), self._pages(first, last)

    def _pages(self, start: int, end: int) -> list[pa.RecordBatch]:
        return list(self._outputs.between(int(self._starts[start]), int(self._starts[end])))

    def _source(self, id: str) -> str:
        return next((source for source in self._sources if id.startswith(f"{source}:")), "")

    @cached_property
    def _ledger(self) -> pa.RecordBatch:
        import pyarrow as pa

        from m4corpus import ledger

        batches = list(read_batches(self._part.ledger_part, batch_size=1 << 16))
        return pa.concat_batches(batches) if batches else pa.RecordBatch.from_pylist([], schema=ledger.schema())

    @cached_property
    def _ids(self) -> list[str]:
        return list(self._ledger.column("id").to_pylist())

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        counts = np.asarray(self._ledger.column("outputs")).astype(np.int64)
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])


# Between scatter and gather, where a page's file is known by a key no source can give.
_FILE = "\0file"


def stamped(page: Page, key: bytes) -> Page:
    """A page that carries the key of its file, until :func:`unstamped`."""
    page.metadata[_FILE] = key.hex()
    return page


def unstamped(page: Page) -> bytes:
    """Take the key of its file from a page."""
    return bytes.fromhex(page.metadata.pop(_FILE))
