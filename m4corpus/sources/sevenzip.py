"""7z archives of one file, as Wikimedia packs the histories of its wikis: unpacked as they are read, in flat memory.

Of the format (7zFormat.txt of the LZMA SDK) this is the part that such archives use: one file, packed by LZMA or
LZMA2, which the standard library decodes. Encryption, filters, and several files in one archive are refused by name.
"""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from m4corpus.ledger import Fail
from m4corpus.sources.compressed import OUTPUT_STEP, ArchiveFault, Pieces
from m4corpus.sources.streams import InputFile

MAGIC = b"7z\xbc\xaf\x27\x1c"

_START = struct.Struct("<6sHIQQI")
#: Largest directory, and largest dictionary (what decoding keeps in memory), in bytes.
_MAX_DIRECTORY, _MAX_DICTIONARY = 1 << 20, 1 << 28
_MIN_DICTIONARY = 1 << 12
#: Packed directories in each other, one in practice.
_MAX_NESTING = 4
_INPUT = 1 << 16
_LZMA, _LZMA2 = b"\x03\x01\x01", b"\x21"
# Ids of what the directory is made of.
_END, _HEADER, _MAIN_STREAMS, _PACKED, _UNPACKED, _SUBSTREAMS, _SIZE = 0, 1, 4, 6, 7, 8, 9
_CRC, _FOLDER, _UNPACKED_SIZE, _UNPACKED_STREAMS, _ENCODED_HEADER = 10, 11, 12, 13, 23


class _Stream(NamedTuple):
    """One packed stream: where it lies, in bytes of the file, the decoder's filter, and what it unpacks to."""

    start: int
    end: int
    filter: dict[str, Any]
    size: int
    crc: int | None


def is_sevenzip(stream: InputFile, name: str) -> bool:
    """Whether a file is a 7z archive, or claims to be."""
    return stream.peek(len(MAGIC)) == MAGIC or name.lower().endswith(".7z")


def unpacked(stream: InputFile) -> io.BufferedReader:
    """The content of the one file in the archive; its checksum is tried at the end.

    Raises ``ArchiveFault``, as reading does, or ``Fail("unsupported-archive")``.
    """
    return io.BufferedReader(Pieces(_decoded(stream, _located(stream))), _INPUT)


def _located(stream: InputFile) -> _Stream:
    raw = stream.rewind()
    start = raw.read(_START.size)
    if start[: len(MAGIC)] != MAGIC:
        raise _corrupt("does not begin as one")
    if len(start) < _START.size:
        raise ArchiveFault("truncated-archive", "7z: ends in its first header")
    _, _, crc, offset, size, directory_crc = _START.unpack(start)
    if zlib.crc32(start[12:]) != crc:
        raise _corrupt("wrong checksum of its first header")
    if size > _MAX_DIRECTORY:
        raise Fail("unsupported-archive", f"7z: a directory of bytes={size} limit={_MAX_DIRECTORY}")
    _seek(raw, _START.size + offset)
    directory = raw.read(size)
    if len(directory) < size:
        raise ArchiveFault("truncated-archive", "7z: ends before its directory")
    if zlib.crc32(directory) != directory_crc:
        raise _corrupt("wrong checksum of its directory")
    found, nesting = _Directory(directory), 0
    while (kind := found.byte()) == _ENCODED_HEADER:
        nesting += 1
        if nesting > _MAX_NESTING:
            raise Fail("unsupported-archive", f"7z: directories nested deeper than {_MAX_NESTING}")
        packed = found.streams()
        if packed.size > _MAX_DIRECTORY:
            raise Fail("unsupported-archive", f"7z: a directory of bytes={packed.size} limit={_MAX_DIRECTORY}")
        found = _Directory(b"".join(_decoded(stream, packed)))
    if kind != _HEADER or found.byte() != _MAIN_STREAMS:
        raise Fail("unsupported-archive", "7z: holds no file, or more than files")
    return found.streams()


def _seek(raw: BinaryIO, position: int) -> None:
    # What no file is long enough for, no operating system takes.
    if position >= 1 << 62:
        raise ArchiveFault("truncated-archive", f"7z: ends before offset {position}")
    raw.seek(position)


def _decoded(stream: InputFile, packed: _Stream) -> Iterator[bytes]:
    """What a packed stream holds, in bounded pieces."""
    raw = stream.rewind()
    _seek(raw, packed.start)
    position, left, crc = packed.start, packed.size, 0
    try:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[packed.filter])
        while left:
            data = b""
            if decoder.needs_input:
                data = raw.read(min(_INPUT, packed.end - position))
                position += len(data)
                if not data:
                    raise ArchiveFault("truncated-archive", "7z: ends in the middle")
            piece = decoder.decompress(data, min(left, OUTPUT_STEP))
            left, crc = left - len(piece), zlib.crc32(piece, crc)
            if piece:
                yield piece
            elif decoder.eof:
                raise _corrupt("ends before its size")
    except (lzma.LZMAError, EOFError, ValueError) as error:
        raise _corrupt(str(error)) from None
    if packed.crc is not None and crc != packed.crc:
        raise _corrupt("content does not match the checksum")


class _Directory:
    """The directory of an archive, read in order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def byte(self) -> int:
        """The next byte."""
        return self._bytes(1)[0]

    def streams(self) -> _Stream:
        """The one packed stream that is described next."""
        self._expect(_PACKED)
        start = _START.size + self._number()
        self._one(self._number(), "packed streams")
        self._expect(_SIZE)
        end = start + self._number()
        if (kind := self.byte()) == _CRC:
            self._crc()
            kind = self.byte()
        if kind != _END:
            raise _corrupt("a directory of unknown form")
        self._expect(_UNPACKED)
        self._expect(_FOLDER)
        self._one(self._number(), "folders")
        if self.byte():
            raise Fail("unsupported-archive", "7z: a directory in several places")
        filter = self._coder()
        self._expect(_UNPACKED_SIZE)
        size, crc = self._number(), None
        if (kind := self.byte()) == _CRC:
            crc = self._crc()
            kind = self.byte()
        if kind != _END:
            raise _corrupt("a directory of unknown form")
        if (kind := self.byte()) == _SUBSTREAMS:
            crc = self._substreams(crc)
        # No more is kept than there is.
        if (dictionary := min(filter["dict_size"], size)) > _MAX_DICTIONARY:
            raise Fail("unsupported-archive", f"7z: dictionary={dictionary} limit={_MAX_DICTIONARY} bytes")
        filter["dict_size"] = max(dictionary, _MIN_DICTIONARY)
        return _Stream(start, end, filter, size, crc)

    def _substreams(self, crc: int | None) -> int | None:
        """Checksum of the one file in the stream."""
        while (kind := self.byte()) != _END:
            if kind == _UNPACKED_STREAMS:
                self._one(self._number(), "files")
            elif kind == _CRC and crc is None:
                crc = self._crc()
            else:
                raise _corrupt("a directory of unknown form")
        return crc

    def _coder(self) -> dict[str, Any]:
        self._one(self._number(), "filters")
        flags = self.byte()
        name = self._bytes(flags & 0x0F)
        if flags & 0xD0 or name not in (_LZMA, _LZMA2):
            raise Fail("unsupported-archive", f"7z: method={name.hex()}, not LZMA or LZMA2")
        properties = self._bytes(self._number()) if flags & 0x20 else b""
        if name == _LZMA and len(properties) == 5:
            rest, literal = divmod(properties[0], 9)
            position, low = divmod(rest, 5)
            dictionary = int.from_bytes(properties[1:], "little")
            found = {"id": lzma.FILTER_LZMA1, "lc": literal, "lp": low, "pb": position}
        elif name == _LZMA2 and len(properties) == 1 and properties[0] <= 40:
            power = properties[0]
            dictionary = (2 | power & 1) << (power // 2 + 11)
            found = {"id": lzma.FILTER_LZMA2}
        else:
            raise _corrupt("no properties of LZMA")
        return {**found, "dict_size": dictionary}

    def _crc(self) -> int | None:
        """A checksum, where one is given of the one stream."""
        if not self.byte() and not self.byte() & 0x80:
            return None
        return int.from_bytes(self._bytes(4), "little")

    def _number(self) -> int:
        """A number of one to nine bytes; as many as the first has leading ones follow it."""
        first = self.byte()
        count = next((bit for bit in range(8) if not first & 0x80 >> bit), 8)
        low = int.from_bytes(self._bytes(count), "little")
        return (first & 0x7F >> count) << 8 * count | low

    def _bytes(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size]
        self._at += size
        if len(found) < size:
            raise _corrupt("its directory ends early")
        return found

    def _expect(self, kind: int) -> None:
        if self.byte() != kind:
            raise _corrupt("a directory of unknown form")

    @staticmethod
    def _one(count: int, what: str) -> None:
        if count != 1:
            raise Fail("unsupported-archive", f"7z: {what}={count}, not 1")


def _corrupt(why: str) -> ArchiveFault:
    return ArchiveFault("corrupt-archive", f"7z: {why}")
