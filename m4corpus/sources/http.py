"""Undoing what HTTP did to the body of a response."""

from __future__ import annotations

import re

from m4corpus.ledger import Fail
from m4corpus.sources.compressed import inflate

_CHARSET = re.compile(r";\s*charset\s*=\s*\"?'?([^\s;\"']+)", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
#: First bytes that show a coding was really applied; crawlers undo it and leave the header standing.
_MAGIC = {"gzip": b"\x1f\x8b", "x-gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}


def content_type(header: str) -> tuple[str, str]:
    """Media type in lower case and charset label of a ``Content-Type`` header, each empty where it is missing."""
    charset = _CHARSET.search(header)
    return header.partition(";")[0].strip().lower(), charset[1] if charset else ""


def decoded_body(body: bytes, transfer: str, encodings: str, limit: int) -> bytes:
    """The body without its transfer coding and content codings (header values).

    Raises ``Fail``: ``too-large`` for more than ``limit`` bytes, ``bad-encoding``, ``unsupported-encoding``.
    """
    if "chunked" in transfer.lower():
        body = dechunked(body)
    for coding in reversed([c.strip().lower() for c in encodings.split(",")]):
        if coding in ("", "identity", "none", "utf-8") or not body.startswith(_MAGIC.get(coding, b"")):
            continue
        body = inflate(body, coding, limit)
    if len(body) > limit:
        raise Fail("too-large", f"bytes>{limit}")
    return body


def dechunked(body: bytes) -> bytes:
    """``body`` without its chunk sizes; as it is where it does not begin with one, as crawlers may leave it.

    Raises ``Fail("bad-encoding")`` where chunks begin but do not go on to an end.
    """
    if not _CHUNK_SIZE.match(body):
        return body
    parts: list[bytes] = []
    position = 0
    while size := _CHUNK_SIZE.match(body, position):
        start = size.end()
        end = start + int(size[1], 16)
        if end == start:
            return b"".join(parts)
        parts.append(body[start:end])
        position = end + len(b"\r\n") if body.startswith(b"\r\n", end) else end + body.startswith(b"\n", end)
    raise Fail("bad-encoding", f"chunked: broken at offset {position}")
