"""Digests of single rows, taken from Arrow columns without making Python objects of them.

Equal rows of one schema have equal digests wherever they lie, in whatever batch (but beside nulls, where they may have
others); what is hashed can be cut back into the row in one way only, as every length goes before what it is the length
of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from m4corpus.storage.digests import schema_form

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Places = NDArray[np.int64]

#: Bytes of a row's digest.
SIZE = 16


def row_digests(batch: pa.RecordBatch, besides: Sequence[bytes] | None = None, size: int = SIZE) -> list[bytes]:
    """BLAKE2b digests of the rows of a batch; ``besides`` adds something to each."""
    rows = batch.num_rows
    head = hashlib.blake2b(schema_form(batch.schema), digest_size=SIZE).digest()
    first = np.arange(rows, dtype=np.int64)
    cut = _Cut(rows)
    for column in batch.columns:
        cut.add(column, first, first + 1)
    pieces: list[Sequence[Any]] = [[head] * rows, *cut.all()]
    if besides is not None:
        pieces.append(besides)
    return [hashlib.blake2b(b"".join(row), digest_size=size).digest() for row in zip(*pieces, strict=True)]


class _Cut:
    """Collects the bytes of each of some rows, in pieces."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        # Values of one width are laid side by side, which makes one piece of them; lengths are among these, so that
        # every one goes before what it is the length of.
        self._even: list[NDArray[np.uint8]] = []
        self._pieces: list[Sequence[Any]] = []

    def all(self) -> list[Sequence[Any]]:
        """The pieces, each with a value for every row."""
        if not self._even or not self._rows:
            return self._pieces
        side_by_side = np.concatenate(self._even, axis=1)
        width = side_by_side.shape[1]
        places = np.arange(self._rows + 1) * width
        return [_pieces(memoryview(side_by_side.tobytes()), places[:-1], places[1:]), *self._pieces]

    def add(self, array: pa.Array, starts: Places, ends: Places, *, top: bool = True) -> None:
        """Add the elements from ``starts`` to ``ends`` of an array; at the ``top`` that is one for each row."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if array.null_count:
            self._values(np.asarray(array.is_valid()).astype(np.uint8), starts, ends, top)
            array = pc.fill_null(array, _nothing(array.type))
        kind = array.type
        if pa.types.is_string(kind) or pa.types.is_binary(kind):
            _, buffer, data = array.buffers()
            held = np.frombuffer(buffer, np.int32) if buffer is not None and len(array) else _ZERO
            offsets = held[array.offset : array.offset + len(array) + 1] if len(array) else _ZERO
            self._values(np.diff(offsets).astype("<i4"), starts, ends, top)
            content = memoryview(data) if data is not None else memoryview(b"")
            self._pieces.append(_pieces(content, offsets[starts], offsets[ends]))
        elif pa.types.is_struct(kind):
            for values in array.flatten():
                self.add(values, starts, ends, top=top)
        elif pa.types.is_map(kind) or pa.types.is_list(kind):
            offsets = np.asarray(array.offsets)
            self._values(np.diff(offsets).astype("<i4"), starts, ends, top)
            inner = (array.keys, array.items) if pa.types.is_map(kind) else (array.values,)
            for values in inner:
                self.add(values, offsets[starts].astype(np.int64), offsets[ends].astype(np.int64), top=False)
        elif pa.types.is_fixed_size_list(kind):
            self.add(array.flatten(), starts * kind.list_size, ends * kind.list_size, top=False)
        else:
            values = array.to_numpy(zero_copy_only=False)
            if values.dtype.hasobject:
                raise TypeError(f"a column of type {kind} has no digest by row")
            self._values(values.astype(values.dtype.newbyteorder("<"), copy=False), starts, ends, top)

    def _values(self, values: NDArray[Any], starts: Places, ends: Places, top: bool) -> None:
        width = values.dtype.itemsize
        if top:
            self._even.append(np.ascontiguousarray(values).view(np.uint8).reshape(self._rows, width))
        else:
            self._pieces.append(_pieces(memoryview(values.tobytes()), starts * width, ends * width))


_ZERO = np.zeros(1, np.int32)


def _pieces(content: memoryview, starts: NDArray[Any], ends: NDArray[Any]) -> list[memoryview]:
    return [content[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]


def _nothing(kind: pa.DataType) -> Any:
    import pyarrow as pa

    if pa.types.is_nested(kind):
        raise TypeError(f"a column of type {kind} with nulls has no digest by row")
    return pa.scalar("" if pa.types.is_string(kind) else b"" if pa.types.is_binary(kind) else 0, kind)
