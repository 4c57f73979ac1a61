"""Gzip members, each with one record: the units in which an archive is written, read, and found torn."""

from __future__ import annotations

import mmap
import os
import struct
import zlib

#: A gzip header without time, name or operating system. No checksum covers it, so it is compared.
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LEVEL = 6
#: Bytes read at a time: most records fit in the first step, larger ones take few of the second.
_STEPS = (1 << 14, 1 << 20)


class Torn(Exception):
    """No whole member lies there."""


def gzip_member(record: bytes) -> bytes:
    """The member that holds a record; equal records give equal members."""
    pack = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    trailer = struct.pack("<II", zlib.crc32(record), len(record) & 0xFFFFFFFF)
    return HEADER + pack.compress(record) + pack.flush() + trailer


def read_member(descriptor: int, offset: int, length: int) -> bytes:
    """Content of the member that fills these bytes of a file; raises :class:`Torn`."""
    member = os.pread(descriptor, length, offset)
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        record = unzip.decompress(member)
    except zlib.error:
        raise Torn from None
    if not member.startswith(HEADER) or not unzip.eof or unzip.unused_data:
        raise Torn
    return record


def next_member(descriptor: int, offset: int) -> tuple[bytes, int]:
    """Content and length in bytes of the member that begins at ``offset``; raises :class:`Torn`."""
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    parts: list[bytes] = []
    position, step = offset, _STEPS[0]
    while not unzip.eof:
        content = os.pread(descriptor, step, position)
        if not content or (position == offset and not content.startswith(HEADER)):
            raise Torn
        try:
            parts.append(unzip.decompress(content))
        except zlib.error:
            raise Torn from None
        position, step = position + len(content), _STEPS[1]
    return b"".join(parts), position - len(unzip.unused_data) - offset


def sound_after(descriptor: int, offset: int) -> bool:
    """Whether a whole member begins anywhere behind ``offset``, which lies within the file."""
    with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as content:
        while (offset := content.find(HEADER, offset + 1)) >= 0:
            try:
                next_member(descriptor, offset)
            except Torn:
                continue
            return True
    return False
