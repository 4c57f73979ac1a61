"""Wikimedia Enterprise snapshots: NDJSON of articles with their Parsoid HTML, in a tar archive or on its own.

Fields as in Wikimedia's data dictionary. Fields that are zero or empty may be left out of an article, among them the
number of the main namespace.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from m4corpus.ledger import Drop, Fail, Verdict
from m4corpus.records import Page
from m4corpus.sources.compressed import decompressed
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.failure import Failure
from m4corpus.sources.hints import language_hint
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.jsonl import objects, sliced_records
from m4corpus.sources.m4rag import article_id, edition
from m4corpus.sources.rows import find, record_id, scalar
from m4corpus.sources.slices import Slice, line_slices
from m4corpus.sources.streams import InputFile
from m4corpus.sources.tar import begins_tar, is_tar, members
from m4corpus.tags import site_code

_TAR = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.bz2", ".tar.xz")
_NDJSON = (".ndjson", ".jsonl", ".json")
#: Fields carried along: the name of the wiki's database, the item of Wikidata.
_METADATA = {"wiki": "is_part_of.identifier", "wikidata": "main_entity.identifier"}


def read_enterprise(source: SourceConfig, file: SourceFile, stream: InputFile) -> Iterator[Page | Failure]:
    """One page an article of the namespaces that the source takes.

    Its locator is ``file:line``, in a tar archive ``file!member:line``. A snapshot may hold an article in several
    revisions: each is a page, all under one id. Raises ``Fail`` for what concerns the file as a whole, after all its
    complete lines: ``truncated-archive``, ``corrupt-archive``, ``changed-while-reading``, ``empty-file``.
    """
    found, complete = 0, 0
    content: io.BufferedReader | None = None
    try:
        # Held until the file is verified: a reader that is dropped closes what it reads from.
        content = decompressed(stream, file.path)
        for place, lines in _texts(file, content):
            if isinstance(lines, Drop):
                found += 1
                yield Failure.of(lines, f"{file.source}:{place}", place)
                continue
            for number, record in enumerate(objects(lines, source.max_bytes), 1):
                complete += 1
                if record is not None:
                    found += 1
                    yield _item(source, file, record, f"{place}:{number}")
    except Fail as fault:
        stream.verify()  # a file that changed is no corrupt archive
        raise Fail(fault.slug, f"{fault.detail}; complete lines before that: {complete}") from None
    stream.verify()
    if not found:
        raise Fail("empty-file", f"bytes={file.size}")


def enterprise_slices(source: SourceConfig, file: SourceFile, stream: InputFile) -> list[Slice]:
    """Slices of a plain NDJSON file. Archives are not cut: a snapshot comes as one gzip stream, which has no point to
    start from; unpacked, each of its members can be read side by side and be cut."""
    if file.path.lower().endswith(_TAR) or begins_tar(stream.peek(512)):
        return []
    return line_slices(source, file, stream)


def read_enterprise_slice(
    source: SourceConfig, file: SourceFile, stream: InputFile, part: Slice
) -> Iterator[Page | Failure]:
    """As :func:`read_enterprise`, for a slice of the lines of an NDJSON file."""
    for number, record in sliced_records(stream, part, source.max_bytes):
        yield _item(source, file, record, f"{file.path}:{number}")


def _texts(file: SourceFile, content: io.BufferedReader) -> Iterator[tuple[str, io.BufferedReader | Drop]]:
    """Locator and content of each NDJSON text; a member that is none is dropped."""
    if not (file.path.lower().endswith(_TAR) or is_tar(content)):
        yield file.path, content
        return
    for member in members(content):
        place = f"{file.path}!{member.name}"
        if member.regular and member.name.lower().endswith(_NDJSON):
            yield place, member.content
        else:
            yield place, Drop("not-ndjson", "" if member.regular else "no regular file")


def _item(source: SourceConfig, file: SourceFile, record: dict[str, Any] | Fail, locator: str) -> Page | Failure:
    id = f"{file.source}:{locator}"
    try:
        if isinstance(record, Fail):
            raise record
        wiki = _wiki(record)
        if (number := record_id(record.get("identifier"), "")) and wiki:
            id = article_id(number, wiki)
        return _page(source, file, record, id, locator)
    except Verdict as verdict:
        return Failure.of(verdict, id, locator)


def _page(source: SourceConfig, file: SourceFile, record: dict[str, Any], id: str, locator: str) -> Page:
    if scalar(find(record, "event.type")) == "delete":
        raise Drop("deleted")
    namespace = scalar(find(record, "namespace.identifier")) or "0"
    if namespace not in map(str, source.namespaces):
        raise Drop("namespace", f"namespace={namespace}")
    html = find(record, "article_body.html")
    if html is None:
        raise Fail("missing-field", "field=article_body.html")
    if not isinstance(html, str):
        raise Fail("bad-field", f"article_body.html is a {type(html).__name__}")
    if not html or html.isspace():
        raise Fail("empty-text", f"characters={len(html)}")
    url = scalar(record.get("url"))
    language = scalar(find(record, "in_language.identifier")) or edition(url)
    hint, hint_from = language_hint(source.language, file.path, field=language, markup=html)
    metadata = {key: scalar(find(record, name)) for key, name in _METADATA.items()}
    return Page(
        id=id,
        source=file.source,
        locator=locator,
        media_type="text/html",
        content=html,
        title=scalar(record.get("name")),
        url=url,
        language_hint=hint,
        hint_from=hint_from,
        revision=scalar(find(record, "version.identifier")),
        fetched_at=scalar(record.get("date_modified")),
        licence=_licence(record) or source.licence,
        metadata={key: value for key, value in metadata.items() if value},
    )


def _wiki(record: dict[str, Any]) -> str:
    """What page ids count within: the code of a Wikipedia's edition, as in M4-RAG's ids, else the database's name."""
    if ".wikipedia.org/" in (url := scalar(record.get("url"))) and (code := edition(url)):
        return code
    database = scalar(find(record, "is_part_of.identifier"))
    return (site_code(database) or database) if database.endswith("wiki") else database


def _licence(record: dict[str, Any]) -> str:
    """Identifiers of its licences, of one without an identifier its address or name; several are listed."""
    licences = record.get("license")
    found: list[str] = []
    for licence in licences if isinstance(licences, list) else [licences]:
        if isinstance(licence, dict):
            found.append(next((t for key in ("identifier", "url", "name") if (t := scalar(licence.get(key)))), ""))
    return ", ".join(name for name in found if name)
