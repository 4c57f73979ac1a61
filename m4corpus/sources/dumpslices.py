"""Where a dump can be cut: what bzip2 packed in many streams at one that opens with a page, plain XML at a page.

``*-multistream.xml.bz2`` is one bzip2 stream for every hundred pages. The index beside such a dump says where they
begin, but would have to be read whole and trusted; the bytes of the dump tell as well.
"""

from __future__ import annotations

import bz2
import re
from collections.abc import Callable
from typing import BinaryIO

from m4corpus.sources.compressed import is_compressed
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.slices import Slice, between, targets
from m4corpus.sources.streams import InputFile

_BZIP2 = b"BZh"
_STREAM = re.compile(rb"BZh[1-9]1AY&SY")
_PAGE = re.compile(rb"\s*<page>")
#: In XML that has no markup of the kind "<!", a "<" within text is escaped: these are tags.
_PAGES = re.compile(rb"</page>\s*(<page>)")
_ENCODING = re.compile(rb"encoding\s*=\s*[\"'](?!utf-8[\"'])", re.IGNORECASE)
#: Most of the beginning that is looked at: it holds the names of the wiki's namespaces and no page.
_HEAD, _HEAD_STEP = 1 << 22, 1 << 16
#: A block of bzip2 holds at most 900,000 bytes and becomes little larger where it cannot be compressed.
_BLOCK = 1_200_000
#: How far a cut is looked for, in bytes; streams and pages are seldom longer than one.
_REACH = 4 << 20
_STEP = 1 << 20


def dump_slices(source: SourceConfig, file: SourceFile, stream: InputFile) -> list[Slice]:
    """Slices of a dump, none where it cannot be cut."""
    if not targets(file.size):
        return []
    if stream.peek(3) == _BZIP2:
        if not _is_head(head(stream)):
            return []
        find = _next_stream
    elif is_compressed(stream, file.path) or not _is_head(head(stream)) or _has_declarations(stream):
        return []
    else:
        find = _next_page
    return between(_starts(stream.rewind(), file.size, find), file.size)


def is_multistream(stream: InputFile) -> bool:
    """Whether the slices of a dump that can be cut are bzip2 streams, not XML."""
    return stream.peek(3) == _BZIP2


def head(stream: InputFile) -> bytes:
    """What comes before the pages: the content of the first bzip2 stream, or the XML up to the first page. Empty where
    it is damaged or longer than a head can be."""
    raw = stream.rewind()
    if not is_multistream(stream):
        begin = b""
        while len(begin) < _HEAD and (data := raw.read(_HEAD_STEP)):
            begin += data
            before, page, _ = begin.partition(b"<page")
            if page:
                return before
        return b""
    decoder = bz2.BZ2Decompressor()
    content = b""
    try:
        while not decoder.eof and len(content) < _HEAD and (data := raw.read(_HEAD_STEP)):
            content += decoder.decompress(data, _HEAD)
            while not decoder.eof and not decoder.needs_input and len(content) < _HEAD:
                content += decoder.decompress(b"", _HEAD)
    except OSError as error:
        if error.errno:
            raise
        return b""
    return content if decoder.eof else b""


def _is_head(content: bytes) -> bool:
    return b"</siteinfo>" in content and b"<page" not in content and not _ENCODING.search(content, 0, 200)


def _has_declarations(stream: InputFile) -> bool:
    """Whether there is a comment, a CDATA section or a declaration anywhere: MediaWiki writes none."""
    last = b""
    for block in stream.blocks(_STEP):
        if b"<!" in block or last + block[:1] == b"<!":
            return True
        last = block[-1:]
    return False


def _starts(raw: BinaryIO, size: int, find: Callable[[BinaryIO, int], int]) -> list[int]:
    starts = [0]
    for position in targets(size):
        if position > starts[-1] and (found := find(raw, position)) > starts[-1]:
            starts.append(found)
    return starts


def _next_stream(raw: BinaryIO, position: int) -> int:
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


def _next_page(raw: BinaryIO, position: int) -> int:
    """As :func:`_next_stream`, in XML."""
    raw.seek(position)
    found = _PAGES.search(raw.read(_REACH))
    return position + found.start(1) if found else -1
