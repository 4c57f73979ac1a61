"""Which state of the world a snapshot was made from: its sources, with their revisions, and its crawls."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.sources.config import CRAWLED
from m4corpus.sources.hashcache import DigestCache, stamp_of
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.digests import file_digest
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    from collections.abc import Iterable


def source_pins(read: Artifact) -> dict[str, dict[str, Any]]:
    """By source: what :mod:`m4corpus.sources.pins` recorded of its files, and of the pages that came of them their
    number, ``revisions`` and the times they were ``fetched`` between."""
    pins = {name: dict(pin) for name, pin in read.info.get("sources", {}).items()}
    found: dict[str, _Pages] = {}
    for part in read.parts():
        columns = ["id", "source", "revision", "fetched_at"]
        for batch in read_batches(read.directory / part.path, columns, batch_size=8192):
            for id, source, revision, fetched in zip(*(batch.column(c).to_pylist() for c in columns), strict=True):
                found.setdefault(source, _Pages()).add(id, revision, fetched)
    for source, pages in found.items():
        pins.setdefault(source, {}).update(pages.as_dict())
    return dict(sorted(pins.items()))


@dataclass
class _Pages:
    """Sums over the pages of one source that do not depend on their order or parts."""

    pages: int = 0
    revisions: int = 0
    lowest: int = 0
    highest: int = 0
    total: int = 0
    first: str = ""
    last: str = ""

    def add(self, id: str, revision: str, fetched: str) -> None:
        self.pages += 1
        if fetched:
            self.first = min(self.first or fetched, fetched)
            self.last = max(self.last, fetched)
        if not revision:
            return
        self.revisions += 1
        self.total += int.from_bytes(hashlib.sha256(f"{id}\0{revision}".encode()).digest(), "big")
        if revision.isdecimal() and len(revision) <= 20:
            number = int(revision)
            self.lowest = min(self.lowest or number, number)
            self.highest = max(self.highest, number)

    def as_dict(self) -> dict[str, Any]:
        """``revisions``: how many pages have one, the lowest and highest of those that are numbers, and a digest: the
        sum, modulo 2^256, of the SHA-256 of ``id NUL revision``."""
        data: dict[str, Any] = {"pages": self.pages}
        if self.first:
            data["fetched"] = {"first": self.first, "last": self.last}
        if self.revisions:
            data["revisions"] = {"pages": self.revisions, "digest": f"{self.total % 2**256:064x}"}
            if self.highest:
                data["revisions"] |= {"lowest": self.lowest, "highest": self.highest}
        return data


def crawl_pins(
    places: Mapping[str, str], sources: Mapping[str, Mapping[str, Any]], cache: Path
) -> dict[str, dict[str, Any]]:
    """By source that is a crawl: what the crawl asked (``fingerprint``), as of when, what it yielded (``logical``) and
    the SHA-256 of every file of its archive.

    ``sources`` are :func:`source_pins`. A crawl that is not there any more, or is another than was read, has none.
    """
    pins = {}
    with DigestCache(cache) as digests:
        for source, place in sorted(places.items()):
            directory, read = Path(place), sources.get(source, {})
            if read.get("format") not in CRAWLED or not Artifact.exists(directory):
                continue
            crawl = Artifact.open(directory)
            files = {part.path: part.sha256 for part in crawl.parts()}
            if any(files.get(path, digest) != digest for path, digest in read.get("listed", {}).items()):
                continue
            pins[source] = {
                "crawl": directory.name,
                "fingerprint": crawl.manifest["fingerprint"],
                "logical": crawl.logical,
                "as_of": crawl.info.get("as_of", ""),
                "archive": {p.name: _digest(p, digests) for p in _archive(directory)},
            }
    return pins


def _archive(directory: Path) -> Iterable[Path]:
    return sorted((directory / "warc").glob("*.warc.gz"))


def _digest(path: Path, digests: DigestCache) -> str:
    key, before = str(path.absolute()).encode("utf-8", "surrogateescape"), path.stat()
    known = digests.get(key, stamp_of(before))
    if known is None:
        known = file_digest(path)
        digests.put(key, before, known)
    return known
