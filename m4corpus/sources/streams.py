"""Opening an input file, and noticing when it is no longer what the inventory recorded."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.ledger import Fail

if TYPE_CHECKING:
    from m4corpus.sources.inventory import SourceFile

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


class InputFile(io.RawIOBase):
    """An input file read once from beginning to end, hashed on the way."""

    def __init__(self, path: Path, file: SourceFile) -> None:
        super().__init__()
        self._file = file
        self._raw = io.FileIO(open_regular(path), "rb")
        self._opened = os.fstat(self._raw.fileno())
        self._digest = hashlib.sha256()
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer``; 0 at the end, or a byte beyond the recorded size: files may grow as long as one reads."""
        view = memoryview(buffer)[: max(0, self._file.size + 1 - self._read)]
        size = self._raw.readinto(view) or 0
        self._digest.update(view[:size])
        self._read += size
        return size

    def peek(self, size: int) -> bytes:
        """The first bytes of the file, wherever reading has got to."""
        return os.pread(self._raw.fileno(), size, 0)

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
        if self._digest.hexdigest() != self._file.sha256:
            raise Fail("changed-while-reading", "other content than when it was listed")

    def verify_size(self) -> None:
        """As :meth:`verify`, but looks at the size alone and reads nothing."""
        size = max(self._read, os.fstat(self._raw.fileno()).st_size)
        if size != self._file.size:
            raise Fail("changed-while-reading", f"bytes={size} when-listed={self._file.size}")

    def verify_unmodified(self) -> None:
        """As :meth:`verify`, but asks only whether the file was written to since it was opened."""
        now = os.fstat(self._raw.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._opened.st_size, self._opened.st_mtime_ns):
            raise Fail("changed-while-reading", "written to while it was read")

    def rewind(self) -> io.FileIO:
        """The file itself, at its beginning, for formats that read back and forth. It is hashed no more."""
        self._raw.seek(0)
        return self._raw

    def close(self) -> None:
        """Close the file."""
        self._raw.close()
        super().close()


class Window:
    """The bytes of a file from ``start`` to ``end``, read in order."""

    def __init__(self, raw: io.FileIO, start: int, end: int) -> None:
        raw.seek(start)
        self._raw = raw
        self._left = end - start

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes, none at the end."""
        data = self._raw.read(min(size, self._left))
        self._left -= len(data)
        return data
