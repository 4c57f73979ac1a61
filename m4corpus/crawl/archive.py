"""The archive of a crawl: every response as it came, in WARC files that any reader of WARC understands.

Every record is a gzip member of its own, written by one call to the operating system. Only whole members are ever
trusted: a kill may leave half of one at the end, which is cut off before anything is written behind it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import m4corpus
from m4corpus.crawl.members import Torn, gzip_member, next_member, read_member, sound_after
from m4corpus.errors import IntegrityError
from m4corpus.storage.atomic import sync

if TYPE_CHECKING:
    from typing import Self

    from m4corpus.crawl.capture import Capture, Fields
    from m4corpus.crawl.messages import Failed, Request, Response

_NAME = re.compile(r"(\d{5,})\.warc\.gz")
_RESTORE = "Restore it from a copy. Without one, move the crawl's directory away and crawl again."


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a record lies: number of the file, offset and length in bytes. Places sort in the order of writing."""

    file: int
    offset: int
    length: int

    @property
    def end(self) -> int:
        """Offset behind the record."""
        return self.offset + self.length


class Archive:
    """The WARC files ``00000.warc.gz``... of a directory; a new one is begun when one has ``rotate`` bytes or more.

    A context manager. One process writes (the crawl's directory is locked); any number may read meanwhile. Reading
    creates nothing. ``OSError`` where the machine refuses: what was half written then is cut off again.
    """

    def __init__(self, directory: Path, rotate: int = 1_000_000_000, software: str = "") -> None:
        self.directory = directory
        self._rotate = rotate
        self._software = software or f"m4corpus/{m4corpus.__version__}"
        self._readers: dict[int, int] = {}
        self._out: int | None = None
        self._file = 0
        self._size = 0
        self._mended = False
        self._unsynced: set[Path] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Make everything durable and release the files."""
        self.sync()
        for descriptor in [*self._readers.values(), *([] if self._out is None else [self._out])]:
            os.close(descriptor)
        self._readers.clear()
        self._out = None

    def files(self) -> list[int]:
        """Numbers of the files there are, ascending."""
        if not self.directory.is_dir():
            return []
        return sorted(int(m[1]) for path in self.directory.iterdir() if (m := _NAME.fullmatch(path.name)))

    def path(self, file: int) -> Path:
        """Path of the file with that number."""
        return self.directory / f"{file:05d}.warc.gz"

    def append(self, request: Request, response: Response, sent: Fields) -> Place:
        """Store a response and the request that was ``sent`` (its headers) for it; where the response lies.

        The operating system has them when this returns, so they survive a kill of the process; :meth:`sync` makes them
        survive a power failure. Header texts are stored in UTF-8, surrogates as the bytes they escape.
        """
        from m4corpus.crawl.capture import exchange_records

        return self._write(*exchange_records(request, response, sent))

    def append_failure(self, request: Request, failed: Failed) -> Place:
        """Store the verdict on a request that got no answer, as a ``metadata`` record."""
        from m4corpus.crawl.capture import failure_record

        return self._write(failure_record(request, failed))

    def sync(self) -> None:
        """Make what was appended durable."""
        for path in sorted(self._unsynced):
            sync(path)
        self._unsynced.clear()

    @property
    def end(self) -> Place:
        """An empty place behind everything that is stored."""
        if self._out is not None:
            return Place(self._file, self._size, 0)
        files = self.files()
        return Place(files[-1], self.path(files[-1]).stat().st_size, 0) if files else Place(0, 0, 0)

    def read(self, place: Place, key: str = "") -> Response:
        """The response stored at ``place``, for the request with that ``key`` if one is given.

        Raises :class:`IntegrityError` naming file and offset when its bytes are not those that were written.
        """
        from m4corpus.crawl.capture import Damaged, decode

        try:
            capture = decode(read_member(self._reader(place.file), place.offset, place.length))
        except (Torn, Damaged, FileNotFoundError) as error:
            reason = "the file is missing" if isinstance(error, FileNotFoundError) else str(error)
            raise self._damaged(place.file, place.offset, reason) from None
        if capture is None or capture.response is None or (key and capture.key != key):
            raise self._damaged(place.file, place.offset, "another record lies there")
        return capture.response

    def scan(self, after: Place | None = None) -> Iterator[tuple[Place, Capture]]:
        """Every response and verdict in order of writing, all or those behind a place; a torn end is passed over.

        Raises :class:`IntegrityError` where something is damaged that sound records follow.
        """
        from m4corpus.crawl.capture import Damaged, decode

        for place, record in self._records(after):
            try:
                capture = decode(record)
            except Damaged as error:
                raise self._damaged(place.file, place.offset, str(error)) from None
            if capture:
                yield place, capture

    def repair(self, after: Place | None = None) -> int:
        """Cut off what is no whole record at the end of the last file; how many bytes that were.

        ``after`` is a place known to be sound, from which looking is enough. Raises :class:`IntegrityError` where sound
        records follow the damage: that was no kill.
        """
        if self._mended:
            return 0
        end = self.end
        last, size = end.file, end.offset
        if after and (after.file, after.end) > (last, size):
            raise self._damaged(after.file, after.offset, "the file ends before that")
        known = after.end if after and after.file == last else 0
        sound = known
        for place, _ in self._records(Place(last, known, 0)):
            sound = place.end
        if sound < size:
            os.truncate(self.path(last), sound)
            self._unsynced.add(self.path(last))
        self._mended = True
        return size - sound

    def _records(self, after: Place | None) -> Iterator[tuple[Place, bytes]]:
        """Every whole record behind a place, of any type."""
        files = self.files()
        for file in files:
            if after and file < after.file:
                continue
            offset = after.end if after and file == after.file else 0
            size = self.path(file).stat().st_size
            while offset < size:
                try:
                    record, length = next_member(self._reader(file), offset)
                except Torn:
                    if file == files[-1] and not sound_after(self._reader(file), offset):
                        return
                    raise self._damaged(file, offset, "no whole record lies there") from None
                yield Place(file, offset, length), record
                offset += length

    def _write(self, *records: bytes) -> Place:
        """Append records, the first of which lies at the place returned."""
        descriptor = self._opened()
        members = [gzip_member(record) for record in records]
        place = Place(self._file, self._size, len(members[0]))
        self._put(descriptor, b"".join(members))
        return place

    def _put(self, descriptor: int, content: bytes) -> None:
        self._unsynced.add(self.path(self._file))
        view = memoryview(content)
        try:
            while view:
                view = view[os.write(descriptor, view) :]
        except BaseException:
            os.ftruncate(descriptor, self._size)
            raise
        self._size += len(content)

    def _opened(self) -> int:
        """The file to write to, mended and begun if need be."""
        from m4corpus.crawl.capture import info_record

        if self._out is None:
            self.repair()
            self._file = (self.files() or [0])[-1]
        elif self._size >= self._rotate:
            os.close(self._out)
            self._out = None
            self._file += 1
        if self._out is None:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._out = os.open(self.path(self._file), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            self._size = os.fstat(self._out).st_size
            self._unsynced.add(self.directory)
            if self._size >= self._rotate:
                return self._opened()
        if not self._size:
            self._put(self._out, gzip_member(info_record(self.path(self._file).name, self._software)))
        return self._out

    def _reader(self, file: int) -> int:
        if file not in self._readers:
            self._readers[file] = os.open(self.path(file), os.O_RDONLY)
        return self._readers[file]

    def _damaged(self, file: int, offset: int, why: str) -> IntegrityError:
        reason = why or "the bytes are not those that were written"
        return IntegrityError(f"{self.path(file)} is damaged at offset {offset}: {reason}", _RESTORE)
