"""What the phases of deduplication hand one another: plain arrays on disk, one directory a part, one file a column.

A document is known by its *node*: the number of its part times 2**40, plus its row in that part. Files are scratch:
they are removed when the artifact is sealed, and a task that was interrupted writes its own anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from m4corpus.storage.atomic import fresh_directory, sync_tree
from m4corpus.storage.digests import text_digest

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    Nodes = NDArray[np.int64]

_ROW_BITS = 40

#: One row a document: a hash of its id (an order that no partitioning changes), its rank by what its language hint
#: says of it (0 is best), its length in characters, and the two halves of its exact key.
FACTS = np.dtype([("order", "<u8"), ("rank", "<u4"), ("characters", "<u4"), ("exact", "<u8", (2,))])
#: Bucket of a document in one band; 0 when it has no words and so no signature.
KEY = np.dtype("<u8")


def signature_type(length: int) -> np.dtype[Any]:
    """Row type of the column of signatures."""
    return np.dtype(("<u4", (length,)))


def nodes(part: int, rows: NDArray[np.int64]) -> Nodes:
    """The nodes of some rows of a part."""
    return rows + (part << _ROW_BITS)


def part_of(node: int) -> int:
    """Number of the part a node lies in."""
    return int(node) >> _ROW_BITS


def row_of(node: int) -> int:
    """Row of a node within its part."""
    return int(node) & ((1 << _ROW_BITS) - 1)


def rows_in(nodes: Nodes, part: int) -> NDArray[np.int64]:
    """Rows of those of some ascending nodes that lie in a part."""
    begin, end = np.searchsorted(nodes, [part << _ROW_BITS, (part + 1) << _ROW_BITS])
    rows: NDArray[np.int64] = nodes[begin:end] - (part << _ROW_BITS)
    return rows


class ColumnWriter:
    """Appends arrays to the columns of one part; a context manager that starts from an empty directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self._files: dict[str, Any] = {}

    def __enter__(self) -> Self:
        fresh_directory(self._directory)
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()
        if error[0] is None:
            sync_tree(self._directory)

    def append(self, column: str, values: NDArray[Any]) -> None:
        """Add rows to a column."""
        if column not in self._files:
            self._files[column] = self._stack.enter_context((self._directory / column).open("wb"))
        self._files[column].write(np.ascontiguousarray(values).tobytes())


class Columns:
    """The columns of all parts. Reads go through the file, not a memory map, so that what is resident stays small."""

    def __init__(self, root: Path, parts: int) -> None:
        self._root = root
        self._parts = parts

    def writer(self, part: int) -> ColumnWriter:
        """Writer of one part's columns."""
        return ColumnWriter(self._path(part))

    def rows(self, column: str, kind: np.dtype[Any]) -> int:
        """Rows of a column over all parts."""
        paths = [self._path(part) / column for part in range(self._parts)]
        return sum(path.stat().st_size for path in paths if path.exists()) // kind.itemsize

    def scan(self, column: str, kind: np.dtype[Any], block: int) -> Iterator[tuple[Nodes, NDArray[Any]]]:
        """Nodes and values of a column in blocks of rows, over all parts."""
        for part in range(self._parts):
            path = self._path(part) / column
            if not path.exists():  # a part without documents
                continue
            first = 0
            with path.open("rb") as file:
                while (values := np.fromfile(file, kind, block)).size:
                    yield nodes(part, np.arange(first, first + len(values))), values
                    first += len(values)

    def gather(self, column: str, kind: np.dtype[Any], wanted: Nodes) -> NDArray[Any]:
        """Values of a column at some nodes, in their order."""
        unique, inverse = np.unique(wanted, return_inverse=True)
        values = np.empty(len(unique), kind)
        content = values.reshape(-1).view(np.uint8).data
        # Rows that are neighbours are read at once.
        bounds = np.flatnonzero(np.diff(unique, prepend=-2, append=-2) != 1)
        with ExitStack() as stack:
            part, descriptor, size = -1, -1, kind.itemsize
            for start, end in pairwise(bounds.tolist()):
                node = int(unique[start])
                if part_of(node) != part:
                    part = part_of(node)
                    descriptor = stack.enter_context((self._path(part) / column).open("rb", buffering=0)).fileno()
                space = content[start * size : end * size]
                if os.preadv(descriptor, [space], row_of(node) * size) != len(space):
                    raise EOFError(f"column {column} of part {part} is shorter than its rows")
        gathered: NDArray[Any] = values[inverse]
        return gathered

    def _path(self, part: int) -> Path:
        return self._root / f"{part:05d}"


def order_of(document_id: str) -> int:
    """64-bit hash of an id."""
    return int.from_bytes(text_digest(document_id)[:8], "little")
