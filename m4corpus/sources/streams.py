"""Opening an input file, and noticing when it is no longer what the inventory recorded."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from m4corpus.ledger import Fail

if TYPE_CHECKING:
    from m4corpus.sources.inventory import SourceFile

#: Begins a digest that is git's of a blob (SHA-1 over a header and the content) and not SHA-256 of the content.
GIT_BLOB = "git:"

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ESTALE})
# The machine has run out of something: no fault of the file, which must not be quarantined for it.
_MACHINE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
_CHUNK = 1 << 20


def open_regular(path: Path) -> int:
    """Descriptor of a regular file for reading; never waits for a pipe or device.

    Raises ``Fail("not-a-file")`` for anything else and ``OSError`` as :func:`os.open`.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Fail("not-a-file")
    return descriptor


def refusal(error: OSError) -> Fail:
    """Why a file could not be read; raises ``error`` itself when the machine and not the file is to blame."""
    if error.errno in _MACHINE:
        raise error
    if error.errno in _GONE:
        return Fail("vanished")
    return Fail("unreadable", errno.errorcode.get(error.errno or 0, ""))


class Opened(Protocol):
    """A file, opened for reading, wherever it lies.

    ``local`` tells whether reading it costs no more than reading a disk; what is not local has an address that names
    its content, so that it cannot be written to.
    """

    local: bool

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill ``buffer`` with what comes next; 0 at the end."""

    def peek(self, size: int) -> bytes:
        """The first bytes, wherever reading has got to."""

    def size(self) -> int:
        """Its size now, in bytes."""

    def stamp(self) -> str:
        """What changes when it is written to, and is the same for every process that opens it."""

    def seekable(self) -> BinaryIO:
        """The file for reading back and forth, at its beginning."""

    def close(self) -> None:
        """Let go of it."""


class LocalFile:
    """A regular file of this machine."""

    local = True

    def __init__(self, path: Path) -> None:
        self._raw = io.FileIO(open_regular(path), "rb")
        self.readinto = self._raw.readinto
        self.close = self._raw.close

    def peek(self, size: int) -> bytes:
        """The first bytes, wherever reading has got to."""
        return os.pread(self._raw.fileno(), size, 0)

    def size(self) -> int:
        """Its size now, in bytes."""
        return os.fstat(self._raw.fileno()).st_size

    def stamp(self) -> str:
        """Size and time of the last change."""
        now = os.fstat(self._raw.fileno())
        return f"{now.st_size}-{now.st_mtime_ns}"

    def seekable(self) -> BinaryIO:
        """The open file itself."""
        self._raw.seek(0)
        return cast("BinaryIO", self._raw)


class InputFile(io.RawIOBase):
    """An input file read once from beginning to end, hashed on the way."""

    def __init__(self, opened: Opened, file: SourceFile) -> None:
        super().__init__()
        self._file = file
        self._opened = opened
        self._stamp = opened.stamp()
        self._digest = hashlib.sha256()
        if file.sha256.startswith(GIT_BLOB):
            self._digest = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
        self._read = 0

    @property
    def local(self) -> bool:
        """Whether it lies on this machine, where it can be read more than once."""
        return self._opened.local

    @property
    def stamp(self) -> str:
        """What tells whether it was written to, as it was when it was opened."""
        return self._stamp

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer``; 0 at the end, or a byte beyond the recorded size: files may grow as long as one reads."""
        view = memoryview(buffer)[: max(0, self._file.size + 1 - self._read)]
        size = self._opened.readinto(view) or 0
        self._digest.update(view[:size])
        self._read += size
        return size

    def peek(self, size: int) -> bytes:
        """The first bytes of the file, wherever reading has got to."""
        return self._opened.peek(size)

    def read_all(self) -> bytes:
        """Everything, but never more than a byte beyond the recorded size."""
        buffer = memoryview(bytearray(self._file.size + 1))
        while self._read < len(buffer) and self.readinto(buffer[self._read :]):
            pass
        return bytes(buffer[: self._read])

    def verify(self) -> None:
        """Read what is left; raises ``Fail("changed-while-reading")`` unless all of it is what was recorded."""
        buffer = bytearray(min(_CHUNK, self._file.size + 1))
        while self._read <= self._file.size and self.readinto(buffer):
            pass
        self.verify_size()
        if self._digest.hexdigest() != self._file.sha256.removeprefix(GIT_BLOB):
            raise Fail("changed-while-reading", "other content than when it was listed")

    def verify_ahead(self) -> None:
        """As :meth:`verify`, before a format reads back and forth. Of a file elsewhere it looks at the size alone:
        reading it twice would fetch it twice."""
        if self.local:
            self.verify()
        else:
            self.verify_size()

    def verify_size(self) -> None:
        """As :meth:`verify`, but looks at the size alone and reads nothing."""
        size = max(self._read, self._opened.size())
        if size != self._file.size:
            raise Fail("changed-while-reading", f"bytes={size} when-listed={self._file.size}")

    def verify_unmodified(self, since: str = "") -> None:
        """As :meth:`verify`, but asks only whether the file was written to since it had the stamp ``since``, or else
        since it was opened."""
        if self._opened.stamp() != (since or self._stamp):
            raise Fail("changed-while-reading", "written to while it was read")

    def rewind(self) -> BinaryIO:
        """The file itself, at its beginning, for formats that read back and forth. It is hashed no more."""
        return self._opened.seekable()

    def window(self, start: int, end: int) -> io.BufferedReader:
        """The bytes from ``start`` to ``end``, unhashed. Keep the object returned until done with it."""
        return io.BufferedReader(_Window(self.rewind(), start, end), 1 << 16)

    def blocks(self, size: int, end: int | None = None) -> Iterator[bytes]:
        """Everything up to ``end``, unhashed, at most ``size`` bytes at a time."""
        window = _Window(self.rewind(), 0, self._file.size if end is None else end)
        while data := window.read(size):
            yield data

    def close(self) -> None:
        """Close the file."""
        self._opened.close()
        super().close()


class _Window(io.RawIOBase):
    """The bytes of a file from ``start`` to ``end``, read in order; closing it leaves the file open."""

    def __init__(self, raw: BinaryIO, start: int, end: int) -> None:
        super().__init__()
        raw.seek(start)
        self._raw = cast("io.RawIOBase", raw)
        self._left = end - start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = self._raw.readinto(memoryview(buffer)[: self._left]) or 0
        self._left -= size
        return size
