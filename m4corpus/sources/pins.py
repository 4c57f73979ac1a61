"""What the inputs of every source were: recorded with what was read, for whoever asks later."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from m4corpus.sources.config import ReadConfig
from m4corpus.sources.inventory import SourceFile
from m4corpus.storage.digests import digest_of

#: Files of a source that are listed one by one; a source of more is pinned as a whole.
LISTED = 64
#: The date in the name of a dump: ``swwiki-20260601-pages-articles.xml.bz2``, ``..._2026-06.zim``.
_DATE = re.compile(r"(?<!\d)(20\d{2})-?(0[1-9]|1[0-2])(?:-?(0[1-9]|[12]\d|3[01]))?(?!\d)")
_DATED = ("dump", "enterprise", "zim")


def pins(config: ReadConfig, files: Iterable[SourceFile]) -> dict[str, dict[str, Any]]:
    """By source: ``format``, number of ``files``, their ``bytes``, one ``digest`` over names and contents, the
    ``dates`` that dumps have in their names, and ``listed``, path to SHA-256, unless there are more than
    :data:`LISTED`."""
    by_source: dict[str, list[SourceFile]] = {source.name: [] for source in config.sources}
    for file in files:
        by_source[file.source].append(file)
    return {name: _pin(config.source(name).format, found) for name, found in sorted(by_source.items())}


def files_digest(files: Iterable[SourceFile]) -> str:
    """Digest (hex) of the files of one source: which there are, and what is in them."""
    return digest_of(sorted([f.path, f.sha256, f.problem] for f in files))


def _pin(form: str, files: list[SourceFile]) -> dict[str, Any]:
    pin: dict[str, Any] = {
        "format": form,
        "files": len(files),
        "bytes": sum(f.size for f in files),
        "digest": files_digest(files),
    }
    if form in _DATED:
        pin["dates"] = sorted({"-".join(filter(None, m.groups())) for f in files for m in _DATE.finditer(f.path)})
    if len(files) <= LISTED:
        pin["listed"] = {f.path: f.sha256 for f in files}
    return pin
