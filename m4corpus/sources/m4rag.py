"""The article records of M4-RAG's own scripts: JSONL of ``{id, pageid, title, url, content: [section]}``.

A section is ``{heading, content: [str], images: [{src, alt, caption}], access_time}``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from m4corpus.ledger import Fail
from m4corpus.records import Page
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.failure import Failure
from m4corpus.sources.hints import language_hint
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.jsonl import records, sliced_records
from m4corpus.sources.rows import record_id, scalar
from m4corpus.sources.slices import Slice
from m4corpus.sources.streams import InputFile
from m4corpus.storage.digests import canonical_json
from m4corpus.tags import site_code

MEDIA_TYPE = "application/vnd.m4rag.article+json"
#: Licence of the text of every Wikipedia edition.
WIKIPEDIA_LICENCE = "CC-BY-SA-4.0"


def read_m4rag(source: SourceConfig, file: SourceFile, stream: InputFile) -> Iterator[Page | Failure]:
    """One page an article; its content is the record's canonical JSON. Raises ``Fail`` as ``jsonl.records``."""
    for number, record in records(file, stream, source.max_bytes):
        yield _item(source, file, number, record)


def read_m4rag_slice(
    source: SourceConfig, file: SourceFile, stream: InputFile, part: Slice
) -> Iterator[Page | Failure]:
    """As :func:`read_m4rag`, for a slice of its lines."""
    for number, record in sliced_records(stream, part, source.max_bytes):
        yield _item(source, file, number, record)


def _item(source: SourceConfig, file: SourceFile, number: int, record: dict[str, Any] | Fail) -> Page | Failure:
    locator, id = f"{file.path}:{number}", f"{file.source}:{file.path}#{number}"
    try:
        if isinstance(record, Fail):
            raise record
        id = record_id(record.get("id"), id)
        return _page(source, file, record, id, locator)
    except Fail as fault:
        return Failure.of(fault, id, locator)


def _page(source: SourceConfig, file: SourceFile, record: dict[str, Any], id: str, locator: str) -> Page:
    sections = record.get("content")
    if sections is None:
        raise Fail("missing-field", "field=content")
    if not isinstance(sections, list):
        raise Fail("bad-field", f"content is a {type(sections).__name__}")
    url = scalar(record.get("url"))
    times = [scalar(section.get("access_time")) for section in sections if isinstance(section, dict)]
    hint, hint_from = language_hint(source.language, file.path, field=edition(url))
    return Page(
        id=id,
        source=file.source,
        locator=locator,
        media_type=MEDIA_TYPE,
        content=canonical_json(record).decode(),
        title=scalar(record.get("title")),
        url=url,
        language_hint=hint,
        hint_from=hint_from,
        fetched_at=next((time for time in times if time), ""),
        licence=source.licence or (WIKIPEDIA_LICENCE if _host(url).endswith(".wikipedia.org") else ""),
    )


def article_id(page: str, wiki: str) -> str:
    """M4-RAG's id of the article with that page id in a Wikipedia, which is named by the code of its edition."""
    return hashlib.md5(f"{page}_{wiki}".encode(), usedforsecurity=False).hexdigest()


def edition(url: str) -> str:
    """Code of the Wikimedia edition an address belongs to (``zh-yue``), empty for other addresses."""
    host = _host(url)
    return (site_code(f"https://{host}/") or "") if host else ""


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
