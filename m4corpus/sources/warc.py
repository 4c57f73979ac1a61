"""WARC: the HTML that crawlers brought home; every other response is dropped by a named rule.

FastWARC hands over a record that was cut off as if it were whole and decodes whole bodies at once, so lengths are
checked and content codings undone here.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from m4corpus.ledger import Drop, Fail, Verdict
from m4corpus.records import Page
from m4corpus.sources.charset import decode
from m4corpus.sources.compressed import ArchiveFault, decompressed
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.failure import Failure
from m4corpus.sources.hints import language_hint
from m4corpus.sources.http import content_type, decoded_body
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.streams import InputFile

_HTML = ("text/html", "application/xhtml+xml")
_STEP = 1 << 16
_END = b"\r\n\r\n"


def read_warc(source: SourceConfig, file: SourceFile, stream: InputFile) -> Iterator[Page | Failure]:
    """One page an HTML response of status 200, resource or text conversion (WET); ``Drop`` for other captures.

    ``warcinfo``, ``request`` and ``metadata`` records are no inputs. Raises ``Fail`` for the file as a whole, after
    its sound records: ``truncated-archive``, ``corrupt-archive``, ``corrupt-warc``, ``empty-file``.
    """
    whole, number = 0, 0
    content = _Content(decompressed(stream, file.path))
    try:
        for record in _records(content):
            number += 1
            locator = f"{file.path}#{number}"
            id = _id(source, record) or f"{file.source}:{locator}"
            try:
                if _kind(record) not in ("warcinfo", "request", "metadata"):
                    yield _page(source, file, record, id, locator)
            except ArchiveFault:
                raise
            except Verdict as verdict:
                yield Failure.of(verdict, id, locator)
            if not _complete(record):
                raise ArchiveFault("truncated-archive", f"ends in the middle of record {number}")
            whole += 1
    except Fail as fault:
        stream.verify()  # a file that changed is no corrupt archive
        raise Fail(fault.slug, f"{fault.detail}; records before that: {whole}") from None
    stream.verify()
    if not number:
        raise Fail("empty-file", f"bytes={file.size}")
    if content.tail != _END:
        raise ArchiveFault("truncated-archive", f"ends in the middle of record {number}")


class _Content(io.BufferedIOBase):
    """What FastWARC reads from; remembers the last bytes it gave out."""

    def __init__(self, stream: io.BufferedReader) -> None:
        super().__init__()
        self._stream = stream
        self.size = 0
        self.tail = b""

    def read(self, size: int | None = -1, /) -> bytes:
        """At most ``size`` bytes, none at the end."""
        # One step at a time: what was read before a fault in the archive must come out before the fault does.
        data = self._stream.read1(-1 if size is None else size)
        self.size += len(data)
        self.tail = (self.tail + data[-len(_END) :])[-len(_END) :]
        return data

    def tell(self) -> int:
        """Bytes given out."""
        return self.size


def _records(content: _Content) -> Iterator[Any]:
    from fastwarc.warc import ArchiveIterator, any_type

    try:
        yield from ArchiveIterator(content, parse_http=False, record_types=any_type)
    except Fail:
        raise
    except OSError as error:
        # An error of the disk has a number; FastWARC's own complaints about the content have none.
        if error.errno:
            raise
        if content.size:
            raise Fail("corrupt-warc", str(error)) from None
    except BaseException as error:
        # FastWARC is Rust, whose panics are no ordinary exceptions.
        if type(error).__name__ != "PanicException":
            raise
        raise Fail("corrupt-warc", "FastWARC cannot read on") from None


def _page(source: SourceConfig, file: SourceFile, record: Any, id: str, locator: str) -> Page:
    kind = _kind(record)
    if record.headers.get("Content-Length") is None:
        raise Fail("bad-record", "no content-length")
    header = record.headers.get("Content-Type") or ""
    transfer = encodings = ""
    if kind == "response" and record.is_http:
        fields = _http_fields(record)
        header = fields.get("Content-Type") or ""
        transfer, encodings = fields.get("Transfer-Encoding") or "", fields.get("Content-Encoding") or ""
    elif kind not in ("response", "resource", "conversion"):
        raise Drop("not-a-capture", f"record={kind}")
    media_type, charset = content_type(header)
    markup = media_type in _HTML
    if not markup and not (kind == "conversion" and media_type == "text/plain"):
        raise Drop("not-html", f"content-type={media_type}")
    body = decoded_body(_payload(record, source.max_bytes), transfer, encodings, source.max_bytes)
    text = decode(body, declared=charset, markup=markup)
    if not text or text.isspace():
        raise Fail("empty-text", f"bytes={len(body)}")
    cut = record.headers.get("WARC-Truncated")
    hint, hint_from = language_hint(source.language, file.path, markup=text if markup else "")
    return Page(
        id=id,
        source=file.source,
        locator=locator,
        media_type=media_type,
        content=text,
        url=_url(record),
        language_hint=hint,
        hint_from=hint_from,
        fetched_at=record.headers.get("WARC-Date") or "",
        licence=source.licence,
        metadata={"warc-truncated": cut} if cut else {},
    )


def _kind(record: Any) -> str:
    return (record.headers.get("WARC-Type") or "").strip().lower()


def _http_fields(record: Any) -> Any:
    """Headers of an HTTP response of status 200."""
    try:
        record.parse_http(auto_decode="none")
    except OSError as error:
        if error.errno:
            raise
        raise Fail("bad-http", str(error)) from None
    fields = record.http_headers
    if fields is None or fields.status_code is None:
        raise Fail("bad-http", "no status line")
    if fields.status_code != 200:
        raise Drop("http-status", f"status={fields.status_code}")
    return fields


def _payload(record: Any, limit: int) -> bytes:
    """The rest of a record, which must be as long as the record says."""
    expected = record.content_length
    if expected > limit:
        raise Fail("too-large", f"bytes={expected} limit={limit}")
    parts, size = [], 0
    while size < expected and (part := record.reader.read(expected - size)):
        parts.append(part)
        size += len(part)
    if size < expected:
        raise Fail("truncated-record", f"bytes={size} expected={expected}")
    return b"".join(parts)


def _complete(record: Any) -> bool:
    """Whether the file holds as much as the record says; reads what was left of it."""
    left = record.content_length - record.reader.tell()
    while left > 0 and (part := record.reader.read(min(left, _STEP))):
        left -= len(part)
    return bool(left <= 0)


def _id(source: SourceConfig, record: Any) -> str:
    """The record's own id, else its address and date; empty where it has neither."""
    own = (record.headers.get("WARC-Record-ID") or "").strip().strip("<>")
    if not own and (url := _url(record)):
        own = f"{url} {record.headers.get('WARC-Date') or ''}".strip()
    return f"{source.name}:{own}" if own else ""


def _url(record: Any) -> str:
    # wget writes the address in angle brackets, as WARC 1.0 had it.
    return (record.headers.get("WARC-Target-URI") or "").strip().strip("<>")
