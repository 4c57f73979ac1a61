"""Where a multistream dump can be cut: ``*-multistream.xml.bz2`` is one bzip2 stream for every hundred pages.

The cuts follow from the bytes of the dump alone: near every multiple of :data:`SLICE_BYTES`, the next stream that
opens with a page. The index beside such a dump says the same, but would have to be read whole and trusted.
"""

from __future__ import annotations

import bz2
import re
from typing import BinaryIO

#: Compressed bytes of one slice: small enough to share a small wiki's dump among tasks.
SLICE_BYTES = 1 << 24

_STREAM = re.compile(rb"BZh[1-9]1AY&SY")
_PAGE = re.compile(rb"\s*<page>")
#: Most of the first stream that is looked at: it holds the names of the wiki's namespaces and no page.
_HEAD = 1 << 22
#: A block of bzip2 holds at most 900,000 bytes and becomes little larger where it cannot be compressed.
_BLOCK = 1_200_000
#: How far a cut is looked for, in bytes; streams are seldom longer than one.
_REACH = 4 << 20


def cuts(raw: BinaryIO, size: int) -> list[int]:
    """Offsets at which the slices of a file of ``size`` bytes begin, 0 first; ``[0]`` for what cannot be cut."""
    starts = [0]
    if size <= SLICE_BYTES or not _has_head(raw):
        return starts
    for position in range(SLICE_BYTES, size, SLICE_BYTES):
        if position > starts[-1] and (found := _next_page(raw, position)) > starts[-1]:
            starts.append(found)
    return starts


def head(raw: BinaryIO) -> bytes:
    """Content of the first stream, empty where it is damaged or longer than a head can be."""
    raw.seek(0)
    decoder = bz2.BZ2Decompressor()
    content = b""
    try:
        while not decoder.eof and len(content) < _HEAD and (data := raw.read(1 << 16)):
            content += decoder.decompress(data, _HEAD)
            while not decoder.eof and not decoder.needs_input and len(content) < _HEAD:
                content += decoder.decompress(b"", _HEAD)
    except OSError as error:
        if error.errno:
            raise
        return b""
    return content if decoder.eof else b""


def _has_head(raw: BinaryIO) -> bool:
    content = head(raw)
    return b"</siteinfo>" in content and b"<page" not in content and b"encoding=" not in content[:200]


def _next_page(raw: BinaryIO, position: int) -> int:
    """Offset of the next stream that opens with a page, -1 where there is none within reach."""
    raw.seek(position)
    window = raw.read(_REACH + _BLOCK)
    for stream in _STREAM.finditer(window, 0, _REACH):
        try:
            opening = bz2.BZ2Decompressor().decompress(window[stream.start() : stream.start() + _BLOCK], 64)
        except OSError:
            continue
        if _PAGE.match(opening):
            return position + stream.start()
    return -1
