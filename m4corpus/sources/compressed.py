"""Decompression in bounded steps: whatever an archive claims to hold, memory stays flat, and no fault passes unseen.

The standard readers ignore what follows a bzip2 or xz stream, and python-zstandard's ends without a word where a file
was cut off; here both are faults.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Protocol, cast

from m4corpus.ledger import Fail
from m4corpus.sources.streams import InputFile

_INPUT = 1 << 16
#: What one step may yield. What a step yields is lost when the archive proves corrupt within it.
OUTPUT_STEP = 1 << 13
#: A zstd block of 4 bytes can hold 128 KiB, and its decoder sets no bound: input goes in by this many bytes.
_ZSTD_INPUT = 512
_XZ_MEMORY = 1 << 28


class ArchiveFault(Fail):
    """``truncated-archive`` or ``corrupt-archive``: nothing can be read beyond this point of the file."""


class RawBytes(Protocol):
    """What is decoded."""

    def read(self, size: int, /) -> bytes | None:
        """At most ``size`` bytes, none at the end."""


class Member(Protocol):
    """Decoder of one gzip member, zstd frame, or bzip2 or xz stream."""

    @property
    def eof(self) -> bool:
        """Whether its end was reached."""

    @property
    def unused_data(self) -> bytes:
        """Input after its end."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What ``data`` decodes to, in bounded pieces."""


class _Zlib:
    def __init__(self, window: int) -> None:
        self._decoder = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._decoder.decompress(data, OUTPUT_STEP)
            if piece:
                yield piece
            data = self._decoder.unconsumed_tail
            if self._decoder.eof or (not data and len(piece) < OUTPUT_STEP):
                return


class _Blocks:
    """bzip2 and xz, whose decoders in the standard library work alike."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder

    @property
    def eof(self) -> bool:
        return bool(self._decoder.eof)

    @property
    def unused_data(self) -> bytes:
        return cast("bytes", self._decoder.unused_data)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            yield self._decoder.decompress(data, OUTPUT_STEP)
            data = b""
            if self._decoder.eof or self._decoder.needs_input:
                return


class _Zstd:
    def __init__(self) -> None:
        import zstandard

        self._decoder = zstandard.ZstdDecompressor().decompressobj()
        self.unused_data = b""

    @property
    def eof(self) -> bool:
        return bool(self._decoder.eof)

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_INPUT):
            end = start + _ZSTD_INPUT
            yield self._decoder.decompress(data[start:end])
            if self._decoder.eof:
                self.unused_data = self._decoder.unused_data + data[end:]
                return


_MAGIC: tuple[tuple[str, bytes, Callable[[], Member]], ...] = (
    ("gzip", b"\x1f\x8b", lambda: _Zlib(31)),
    ("zstd", b"\x28\xb5\x2f\xfd", _Zstd),
    *(("zstd", bytes([low, 0x2A, 0x4D, 0x18]), _Zstd) for low in range(0x50, 0x60)),  # skippable frames
    ("bzip2", b"BZh", lambda: _Blocks(bz2.BZ2Decompressor())),
    ("xz", b"\xfd7zXZ\0", lambda: _Blocks(lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY))),
)
_SUFFIXES = {".gz": "gzip", ".zst": "zstd", ".bz2": "bzip2", ".xz": "xz"}


def decompressed(stream: InputFile, name: str) -> io.BufferedReader:
    """The content of ``stream``, decompressed if its first bytes say so.

    Keep the object returned until done with ``stream``: it closes what it reads from. Reading raises ``ArchiveFault``
    behind the last sound bytes; so does the call itself when the suffix of ``name`` promises a compression that the
    bytes do not show.
    """
    head = stream.peek(8)
    for label, magic, member in _MAGIC:
        if head.startswith(magic):
            return io.BufferedReader(Pieces(_members(stream, member, label)), _INPUT)
    promised = _promised(name)
    if promised and head:
        raise ArchiveFault("corrupt-archive", f"{promised}: does not begin as one")
    return io.BufferedReader(stream, _INPUT)


def is_compressed(stream: InputFile, name: str) -> bool:
    """Whether :func:`decompressed` would not hand on the bytes as they are."""
    return stream.peek(8).startswith(tuple(magic for _, magic, _ in _MAGIC)) or _promised(name) != ""


def bunzipped(stream: RawBytes) -> io.BufferedReader:
    """The content of the bzip2 streams that ``stream`` holds; reading raises as :func:`decompressed` does."""
    return io.BufferedReader(Pieces(_members(stream, lambda: _Blocks(bz2.BZ2Decompressor()), "bzip2")), _INPUT)


def inflate(data: bytes, coding: str, limit: int) -> bytes:
    """At most ``limit`` + 1 bytes of an HTTP body under a content coding (``gzip``, ``deflate``, ``br``, ``zstd``).

    Raises ``Fail("bad-encoding")`` for data that are not so coded, ``Fail("unsupported-encoding")`` for other codings.
    """
    if coding == "br":
        stream: BinaryIO = _brotli(data)
    elif coding in ("gzip", "x-gzip", "zstd"):
        label = coding.removeprefix("x-")
        member = next(member for name, _, member in _MAGIC if name == label)
        stream = io.BufferedReader(Pieces(_members(io.BytesIO(data), member, label)))
    elif coding == "deflate":
        # Named after the raw format, meant to be zlib's; servers send either.
        window = 15 if len(data) > 1 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0 else -15
        stream = io.BufferedReader(Pieces(_members(io.BytesIO(data), lambda: _Zlib(window), coding)))
    else:
        raise Fail("unsupported-encoding", f"content-encoding={coding}")
    try:
        return stream.read(limit + 1)
    except ArchiveFault as fault:
        raise Fail("bad-encoding", fault.detail) from None
    except OSError:
        raise Fail("bad-encoding", f"{coding}: not decodable") from None


def _promised(name: str) -> str:
    return next((label for suffix, label in _SUFFIXES.items() if name.lower().endswith(suffix)), "")


def _brotli(data: bytes) -> BinaryIO:
    import pyarrow as pa

    return cast("BinaryIO", pa.CompressedInputStream(pa.BufferReader(data), "brotli"))


def _members(stream: RawBytes, new: Callable[[], Member], label: str) -> Iterator[bytes]:
    """Decoded pieces of all members, one after the other; zero bytes between and after them are padding."""
    errors: tuple[type[Exception], ...] = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)
    if label == "zstd":
        import zstandard

        errors = (zstandard.ZstdError,)
    data = stream.read(_INPUT) or b""
    while data:
        member = new()
        while True:
            try:
                yield from member.feed(data)
            except errors as error:
                raise ArchiveFault("corrupt-archive", f"{label}: {error}") from None
            if member.eof:
                break
            data = stream.read(_INPUT) or b""
            if not data:
                raise ArchiveFault("truncated-archive", f"{label}: ends in the middle")
        data = member.unused_data.lstrip(b"\0")
        while not data and (more := stream.read(_INPUT)):
            data = more.lstrip(b"\0")


class Pieces(io.RawIOBase):
    """A raw stream over an iterator of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
