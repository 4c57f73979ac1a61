"""WARC records of one request: its responses, what was sent for them, and the verdict where it failed.

A record is bytes here; :mod:`m4corpus.crawl.archive` knows where it lies.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParser
from warcio.warcwriter import BufferWARCWriter

from m4corpus.crawl.messages import Failed, Request, Response

Fields = Sequence[tuple[str, str]]

#: What is no longer true of the stored body goes by the name other crawlers give it, else readers would go by it.
_PREFIX = "X-Crawler-"
_PROTOCOLS = {"HTTP/2": "h2", "HTTP/1.0": "http/1.0", "HTTP/1.1": "http/1.1"}
_END = b"\r\n\r\n"


class Damaged(Exception):
    """A record that does not say what was written; the message says why."""


@dataclass(frozen=True, slots=True)
class Capture:
    """A record about a request: a response it got, or (``failed``) the verdict on it; exactly one of the two.

    ``accept`` is the request's, ``url`` its address as asked for; the response has the one that answered.
    """

    key: str
    kind: str
    url: str
    accept: tuple[str, ...] = ()
    response: Response | None = None
    failed: Failed | None = None


class _HttpHeaders(StatusAndHeaders):  # type: ignore[misc, unused-ignore]
    """Headers written as they came, where warcio would percent-encode what is beyond ASCII."""

    def to_ascii_bytes(self, filter_func: object = None) -> bytes:
        return self.to_str(filter_func).encode("utf-8", "surrogateescape") + b"\r\n"  # type: ignore[no-any-return, unused-ignore]


def info_record(filename: str, software: str) -> bytes:
    """The ``warcinfo`` record a file begins with."""
    writer = _Writer()
    fields = {
        "software": software,
        "format": "WARC File Format 1.1",
        "conformsTo": "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/",
    }
    return writer.written(writer.create_warcinfo_record(filename, fields))


def exchange_records(request: Request, response: Response, sent: Fields) -> tuple[bytes, bytes]:
    """The ``response`` record and the ``request`` record that goes with it; ``sent`` are the headers sent."""
    writer = _Writer()
    line = f"{response.status} {_phrase(response.status)}"
    # HTTP/2 has no status line of its own; readers know HTTP/1 only, and WARC-Protocol tells what it was.
    headers = [_stored(name, value, len(response.body)) for name, value in response.headers]
    http = _HttpHeaders(line, headers, protocol="HTTP/1.1")
    answer = writer.create_warc_record(
        _line(response.url),
        "response",
        payload=io.BytesIO(response.body),
        length=len(response.body),
        http_headers=http,
        warc_headers_dict={**_named(request), **_common(response)},
    )
    parts = urlsplit(response.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = [(_line(name), _line(value)) for name, value in sent if not name.startswith(":")]
    if not any(name.lower() == "host" for name, _ in fields):
        fields.insert(0, ("Host", _line(parts.netloc.rpartition("@")[2])))
    question = writer.create_warc_record(
        _line(response.url),
        "request",
        payload=io.BytesIO(b""),
        length=0,
        http_headers=_HttpHeaders(f"{_line(target)} HTTP/1.1", fields, protocol="GET"),
        warc_headers_dict={
            **_common(response),
            "WARC-Concurrent-To": answer.rec_headers.get_header("WARC-Record-ID"),
        },
    )
    return writer.written(answer), writer.written(question)


def failure_record(request: Request, failed: Failed) -> bytes:
    """The ``metadata`` record that says why a request has no answer: with it a replay needs the archive alone."""
    writer = _Writer()
    verdict = {"slug": failed.slug, "detail": failed.detail, "transient": failed.transient}
    content = json.dumps(verdict, sort_keys=True).encode()
    date = {"WARC-Date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    record = writer.create_warc_record(
        _line(request.url),
        "metadata",
        payload=io.BytesIO(content),
        length=len(content),
        warc_content_type="application/json",
        warc_headers_dict={**_named(request), **date},
    )
    return writer.written(record)


def decode(record: bytes) -> Capture | None:
    """The capture in a whole record, None for records that are none (``warcinfo``, ``request``).

    Raises :class:`Damaged` where lengths, digests or fields do not hold.
    """
    stream = io.BytesIO(record)
    try:
        fields = StatusAndHeadersParser(["WARC/1.1"]).parse(stream)
        type_, key = fields.get_header("WARC-Type"), fields.get_header("M4-Request-Key")
        length = int(fields.get_header("Content-Length"))
    except Exception as error:  # warcio raises bare exceptions
        raise Damaged("not a WARC record") from error
    start = stream.tell()
    block = record[start : start + length]
    if record[start + length :] != _END:
        raise Damaged("length differs from Content-Length")
    if not key or type_ not in ("response", "metadata"):
        return None
    head, payload = block.split(_END, 1) if type_ == "response" and _END in block else (b"", block)
    for name, content in (("WARC-Block-Digest", block), ("WARC-Payload-Digest", payload)):
        if fields.get_header(name) != _digest(content):
            raise Damaged(f"content differs from its {name}")
    about = {name: fields.get_header(f"M4-Request-{name}") or "" for name in ("Kind", "URL", "Accept")}
    accept = tuple(filter(None, about["Accept"].split(",")))
    try:
        if type_ == "metadata":
            verdict = json.loads(payload)
            failed = Failed(verdict["slug"], verdict["detail"], transient=verdict["transient"])
            return Capture(key, about["Kind"], about["URL"], accept, failed=failed)
        response = _response(fields, head.decode("utf-8", "surrogateescape"), payload)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise Damaged("not as m4corpus writes it") from error
    return Capture(key, about["Kind"], about["URL"], accept, response=response)


def _response(fields: StatusAndHeaders, head: str, body: bytes) -> Response:
    status, *lines = head.split("\r\n")
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        headers.append((_received(name), value.strip(" \t")))
    protocol = fields.get_header("WARC-Protocol") or "http/1.1"
    return Response(
        url=fields.get_header("WARC-Target-URI"),
        status=int(status.split(" ", 2)[1]),
        headers=tuple(headers),
        body=body,
        fetched_at=fields.get_header("WARC-Date"),
        protocol=next((name for name, label in _PROTOCOLS.items() if label == protocol), protocol),
    )


class _Writer(BufferWARCWriter):  # type: ignore[misc, unused-ignore]
    """Makes records of WARC 1.1 and their bytes, uncompressed."""

    def __init__(self) -> None:
        super().__init__(gzip=False, warc_version="1.1")

    def written(self, record: object) -> bytes:
        self.out = io.BytesIO()
        self.write_record(record)
        return self.out.getvalue()


def _named(request: Request) -> dict[str, str]:
    named = {"M4-Request-Key": request.key, "M4-Request-Kind": request.kind, "M4-Request-URL": _line(request.url)}
    return {**named, "M4-Request-Accept": ",".join(request.accept)} if request.accept else named


def _common(response: Response) -> dict[str, str]:
    protocol = _PROTOCOLS.get(response.protocol, response.protocol)
    return {"WARC-Date": response.fetched_at, "WARC-Protocol": protocol}


def _stored(name: str, value: str, size: int) -> tuple[str, str]:
    """A response header as it is stored: the transfer coding was undone, and a length must be the body's own."""
    lower = name.lower()
    if lower == "transfer-encoding" or (lower == "content-length" and value.strip() != str(size)):
        name = _PREFIX + name
    return _line(name), _line(value)


def _received(name: str) -> str:
    plain = name.removeprefix(_PREFIX)
    return plain if plain.lower() in ("transfer-encoding", "content-length") else name


def _line(text: str) -> str:
    """``text`` without line breaks: nothing a server sends may begin a header of its own."""
    return text.replace("\r", " ").replace("\n", " ")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _digest(content: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()
