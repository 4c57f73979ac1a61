"""Where the rows of a language are cut into files: at places the content itself decides, so that an edit changes the
file it falls into and leaves the others as they are, byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.release.layout import ReleaseFile
from m4corpus.storage.parts import PartInfo, PartWriter

if TYPE_CHECKING:
    import pyarrow as pa

#: A row group is closed after this many rows or bytes of text: what is held for each language at once.
GROUP_ROWS, GROUP_BYTES = 512, 1_000_000


@dataclass(frozen=True)
class Split:
    """A file ends before a document whose hash is divisible by ``one_in``, once it has ``least`` rows; it never has
    more than ``most``."""

    least: int
    one_in: int
    most: int

    def ends(self, rows: int, document: str, previous: str) -> bool:
        """Whether a file of ``rows`` rows, the last of document ``previous``, ends before a row of ``document``."""
        if rows < self.least or (document == previous and rows < self.most):
            return False
        if rows >= self.most:
            return True
        return int.from_bytes(hashlib.blake2b(document.encode(), digest_size=8).digest(), "big") % self.one_in == 0


#: About 10,000 documents; about 25,000 chunks, and never more vectors than fit into memory.
BY_DOCUMENT = Split(4_096, 8_192, 32_768)
BY_CHUNK = Split(8_192, 2_048, 65_536)


class Files:
    """Files of one kind and label, written one after another, a row group at a time; :attr:`done` lists them."""

    def __init__(self, root: Path, kind: str, label: str, stem: str, schema: pa.Schema) -> None:
        self.done: list[ReleaseFile] = []
        self.number = 0
        self._root, self._kind, self._label, self._stem, self._schema = root, kind, label, stem, schema
        self._writer: PartWriter | None = None
        self._pending: list[pa.RecordBatch] = []

    def add(self, rows: pa.RecordBatch) -> None:
        """Append rows to the row group that is being collected."""
        if len(rows):
            self._pending.append(rows)

    def flush(self) -> None:
        """End the row group."""
        import pyarrow as pa

        if not self._pending:
            return
        if self._writer is None:
            path = self._root / self._kind / self._label / f"{self._stem}-{self.number:05d}.parquet"
            self._writer = PartWriter(path, self._schema, self._root).__enter__()
        self._writer.write(pa.concat_batches(self._pending))
        self._pending = []

    def finish(self) -> None:
        """End the file; the next has the next number."""
        self.flush()
        if self._writer is not None:
            self._writer.__exit__(None, None, None)
            self.done.append(named(self._root, self._kind, self._label, self._writer.info))
            self._writer = None
        self.number += 1

    def abandon(self, error: BaseException) -> None:
        """Drop the unfinished file."""
        if self._writer is not None:
            self._writer.__exit__(type(error), error, error.__traceback__)
            self._writer = None


def named(root: Path, kind: str, label: str, info: PartInfo) -> ReleaseFile:
    """A finished file, given the name its content gives it."""
    path = root / info.path
    final = path.with_name(f"{path.stem}-{info.sha256[:8]}{path.suffix}")
    path.replace(final)
    info = replace(info, path=final.relative_to(root).as_posix())
    return ReleaseFile(info.path, kind, label, info.rows, info.size, info.sha256, info.logical)


class Cutter:
    """Finds the ends of row groups and files in the rows of one label."""

    def __init__(self, split: Split) -> None:
        self._split = split
        self._rows = self._group = self._bytes = 0
        self._document = ""

    def pieces(self, documents: Sequence[str], weights: Sequence[int]) -> list[tuple[int, int, bool, bool]]:
        """Slices of the rows as ``(start, end, group, file)``: before a slice a row group or a file may end.

        ``documents`` holds the document of each row, ``weights`` the bytes of its text.
        """
        found: list[tuple[int, int, bool, bool]] = []
        start, ends = 0, (False, False)
        for row, (document, weight) in enumerate(zip(documents, weights, strict=True)):
            file = self._split.ends(self._rows, document, self._document)
            group = file or self._group >= GROUP_ROWS or self._bytes >= GROUP_BYTES
            if group:
                if row > start:
                    found.append((start, row, *ends))
                start, ends = row, (True, file)
                self._group = self._bytes = 0
                self._rows = 0 if file else self._rows
            self._rows, self._group, self._bytes = self._rows + 1, self._group + 1, self._bytes + weight
            self._document = document
        found.append((start, len(documents), *ends))
        return found


def close_all(files: Any, error: BaseException | None) -> None:
    """Finish all files, or abandon them after an error."""
    for some in files:
        if error is None:
            some.finish()
        else:
            some.abandon(error)
