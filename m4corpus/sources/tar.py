"""Members of a tar archive, read from beginning to end in bounded memory; nothing is ever written to disk.

The standard reader throws away what it had buffered when the archive breaks off, and reads an extended header of any
size into memory.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from m4corpus.ledger import Fail
from m4corpus.sources.compressed import ArchiveFault
from m4corpus.sources.locate import portable

_BLOCK = 512
#: Largest extended header, in bytes: it holds a name, which no file system lets grow so long.
_HEADER = 1 << 16
#: Bytes of a member handed on, or skipped, at once.
_STEP = 1 << 16
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
#: Headers that are no members: defaults for all members, the target of a link.
_ABOUT_OTHERS = (tarfile.XGLTYPE, tarfile.GNUTYPE_LONGLINK)
#: Members without content, whatever size they give: links, devices, folders and pipes.
_EMPTY = (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE)
_PAX_RECORD = re.compile(rb"([1-9]\d{0,6}) ([^=]+)=")


@dataclass(frozen=True, slots=True)
class TarMember:
    """``name`` as the archive has it (a label: never a path to write to), and whether it is a regular file.

    ``content`` can be read until the next member is asked for.
    """

    name: str
    regular: bool
    content: io.BufferedReader


def is_tar(content: io.BufferedReader) -> bool:
    """Whether ``content``, at its beginning, begins with the header of a tar member; reads nothing away."""
    return begins_tar(content.peek(_BLOCK))


def begins_tar(head: bytes) -> bool:
    """Whether ``head``, the first 512 bytes or more of a file, is that of a tar archive."""
    try:
        _header(head[:_BLOCK])
    except tarfile.HeaderError:
        return False
    return True


def members(content: io.BufferedReader) -> Iterator[TarMember]:
    """All members but folders, in order, also those of archives that were concatenated.

    Raises ``ArchiveFault``: ``truncated-archive``, also where the mark of the end is missing, or ``corrupt-archive``.
    """
    number, ended = 0, False
    extended: dict[str, str] = {}
    while block := _read(content, _BLOCK):
        if not block.strip(b"\0"):
            ended = True
            continue
        number, ended = number + 1, False
        header, size = _sized(block, extended, number)
        if header.type == tarfile.GNUTYPE_LONGNAME:
            extended["path"] = _text(_extension(content, size, number))
        elif header.type in _PAX:
            extended |= _pax(_extension(content, size, number), number)
        else:
            body = _Body(content, size, number)
            if not header.isdir() and header.type not in _ABOUT_OTHERS:
                name = portable(extended.get("path", header.name))
                yield TarMember(name, header.isreg(), io.BufferedReader(body, _STEP))
            body.skip()
            if header.type not in _ABOUT_OTHERS:
                extended = {}
    if number and not ended:
        raise ArchiveFault("truncated-archive", "tar: no mark of the end")


def _sized(block: bytes, extended: dict[str, str], number: int) -> tuple[tarfile.TarInfo, int]:
    """A member's header, and how many bytes follow it."""
    try:
        header = _header(block)
        size = int(extended.get("size", header.size))
    except (tarfile.HeaderError, ValueError):
        raise ArchiveFault("corrupt-archive", f"tar: header {number} is none") from None
    if header.type == tarfile.GNUTYPE_SPARSE or any(key.startswith("GNU.sparse.") for key in extended):
        raise ArchiveFault("corrupt-archive", f"tar: member {number} is sparse")
    if size < 0:
        raise ArchiveFault("corrupt-archive", f"tar: member {number} has bytes={size}")
    return header, 0 if header.type in _EMPTY else size


def _header(block: bytes) -> tarfile.TarInfo:
    return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")


def _read(content: io.BufferedReader, size: int) -> bytes:
    """Exactly ``size`` bytes, or none at the end."""
    parts: list[bytes] = []
    left = size
    while left and (part := content.read1(left)):
        parts.append(part)
        left -= len(part)
    if left and parts:
        raise ArchiveFault("truncated-archive", "tar: ends in the middle of a block")
    return b"".join(parts)


def _extension(content: io.BufferedReader, size: int, number: int) -> bytes:
    if size > _HEADER:
        raise ArchiveFault("corrupt-archive", f"tar: header {number} has bytes={size} limit={_HEADER}")
    value = _read(content, -(-size // _BLOCK) * _BLOCK)
    if len(value) < size:
        raise ArchiveFault("truncated-archive", f"tar: ends in the middle of header {number}")
    return value[:size]


def _pax(value: bytes, number: int) -> dict[str, str]:
    """Records ``<length> <keyword>=<value>\\n`` of an extended header."""
    found: dict[str, str] = {}
    position = 0
    while record := _PAX_RECORD.match(value, position):
        end = position + int(record[1])
        if end <= record.end() or value[end - 1 : end] != b"\n":
            break
        found[_text(record[2])] = _text(value[record.end() : end - 1])
        position = end
    if value[position:].strip(b"\0"):
        raise ArchiveFault("corrupt-archive", f"tar: header {number} is none")
    return found


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode("utf-8", "surrogateescape")


class _Body(io.RawIOBase):
    """The bytes of one member, without the padding behind them."""

    def __init__(self, content: io.BufferedReader, size: int, number: int) -> None:
        super().__init__()
        self._content = content
        self._left = size
        self._padding = -size % _BLOCK
        self._number = number

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """One step at a time: what was read before a fault in the archive must come out before the fault does."""
        data = self._content.read1(min(len(buffer), self._left)) if self._left else b""
        if self._left and not data:
            raise self._cut()
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)

    def skip(self) -> None:
        """Read past what is left, and the padding."""
        left = self._left + self._padding
        self._left = self._padding = 0
        while left and (part := self._content.read1(min(left, _STEP))):
            left -= len(part)
        if left:
            raise self._cut()

    def _cut(self) -> Fail:
        return ArchiveFault("truncated-archive", f"tar: ends in the middle of member {self._number}")
