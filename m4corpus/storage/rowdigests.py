"""Digests of single rows, taken from Arrow columns without making Python objects of them.

Equal rows of one schema have equal digests wherever they lie, in whatever batch (but beside nulls, where they may have
others); what is hashed can be cut back into the row in one way only, as every length goes before what it is the length
of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
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
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = batch.num_rows
    if not rows:
        return []
    cut = _Cut(rows, hashlib.blake2b(schema_form(batch.schema), digest_size=SIZE).digest())
    # Every array is cut where the next one of its kind begins, so one set of places says where the rows are.
    places = np.arange(rows + 1, dtype=np.int64)
    for column in batch.columns:
        cut.add(column, places)
    pieces = cut.all()
    if besides is not None:
        pieces.append(pa.array(besides, pa.large_binary()))
    whole = pc.binary_join_element_wise(*pieces, pa.scalar(b"", pa.large_binary()))
    _, offsets, data = whole.buffers()
    content = memoryview(data) if data is not None else memoryview(b"")
    ends = np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + rows + 1].tolist()
    return [hashlib.blake2b(content[start:end], digest_size=size).digest() for start, end in pairwise(ends)]


class _Cut:
    """Collects the bytes of each of some rows, in pieces; ``head`` goes before them."""

    def __init__(self, rows: int, head: bytes) -> None:
        self._rows = rows
        # Values of one width are laid side by side, which makes one piece of them; lengths are among these, so that
        # every one goes before what it is the length of.
        self._even = [np.broadcast_to(np.frombuffer(head, np.uint8), (rows, len(head)))]
        self._pieces: list[pa.Array] = []

    def all(self) -> list[pa.Array]:
        """The pieces, arrays of bytes with a value for every row."""
        side_by_side = np.concatenate(self._even, axis=1)
        width = side_by_side.shape[1]
        return [_pieces(side_by_side, np.arange(self._rows + 1) * width), *self._pieces]

    def add(self, array: pa.Array, places: Places, *, top: bool = True) -> None:
        """Add the elements of an array, those of row n between ``places`` n and n + 1; at the ``top`` that is one for
        each row."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if array.null_count:
            self._values(np.asarray(array.is_valid()).astype(np.uint8), places, top)
            array = pc.fill_null(array, _nothing(array.type))
        kind = array.type
        if pa.types.is_string(kind) or pa.types.is_binary(kind):
            _, buffer, data = array.buffers()
            held = np.frombuffer(buffer, np.int32) if buffer is not None and len(array) else _ZERO
            offsets = held[array.offset : array.offset + len(array) + 1] if len(array) else _ZERO
            self._values(np.diff(offsets).astype("<i4"), places, top)
            self._pieces.append(_pieces(data, offsets[places]))
        elif pa.types.is_struct(kind):
            for values in array.flatten():
                self.add(values, places, top=top)
        elif pa.types.is_map(kind) or pa.types.is_list(kind):
            offsets = np.asarray(array.offsets)
            self._values(np.diff(offsets).astype("<i4"), places, top)
            inner = (array.keys, array.items) if pa.types.is_map(kind) else (array.values,)
            for values in inner:
                self.add(values, offsets[places].astype(np.int64), top=False)
        elif pa.types.is_fixed_size_list(kind):
            self.add(array.flatten(), places * kind.list_size, top=False)
        else:
            values = array.to_numpy(zero_copy_only=False)
            if values.dtype.hasobject:
                raise TypeError(f"a column of type {kind} has no digest by row")
            self._values(values.astype(values.dtype.newbyteorder("<"), copy=False), places, top)

    def _values(self, values: NDArray[Any], places: Places, top: bool) -> None:
        width = values.dtype.itemsize
        if top:
            self._even.append(np.ascontiguousarray(values).view(np.uint8).reshape(self._rows, width))
        else:
            self._pieces.append(_pieces(values, places * width))


_ZERO = np.zeros(1, np.int32)


def _pieces(content: pa.Buffer | NDArray[Any] | None, ends: NDArray[Any]) -> pa.Array:
    """Bytes cut at ``ends``, one more than there are pieces; nothing is copied."""
    import pyarrow as pa

    data = pa.py_buffer(b"" if content is None else content)
    places = pa.py_buffer(np.ascontiguousarray(ends, np.int64))
    return pa.Array.from_buffers(pa.large_binary(), len(ends) - 1, [None, places, data])


def _nothing(kind: pa.DataType) -> Any:
    import pyarrow as pa

    if pa.types.is_nested(kind):
        raise TypeError(f"a column of type {kind} with nulls has no digest by row")
    return pa.scalar("" if pa.types.is_string(kind) else b"" if pa.types.is_binary(kind) else 0, kind)
