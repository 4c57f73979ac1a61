"""How a vector is kept in a column: as it is, in half precision, in 8-bit numbers with a scale, or by its signs.

The type of a column says which, so whoever reads one needs no more than the column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from m4corpus.embed.postprocess.config import Quantisation

    Floats = NDArray[np.float32]


def vector_type(dimension: int, quantise: Quantisation = "none") -> pa.DataType:
    """Arrow type of a column of vectors of ``dimension`` numbers; binary takes a multiple of 8."""
    import pyarrow as pa

    if quantise == "binary":
        return pa.list_(pa.field("item", pa.uint8(), nullable=False), dimension // 8)
    if quantise == "int8":
        codes = pa.list_(pa.field("item", pa.int8(), nullable=False), dimension)
        fields = [pa.field("codes", codes, nullable=False), pa.field("scale", pa.float32(), nullable=False)]
        return pa.struct(fields)
    number = pa.float16() if quantise == "float16" else pa.float32()
    return pa.list_(pa.field("item", number, nullable=False), dimension)


def pack(vectors: Floats, quantise: Quantisation = "none") -> pa.Array:
    """The column of vectors ``(n, dimension)``.

    int8: each number is ``code * scale``, ``scale`` being the vector's largest number over 127, so the error is at most
    half of it. binary: a bit for every number, 1 where it is not negative, the first in the highest bit.
    """
    import numpy as np
    import pyarrow as pa

    kind = vector_type(vectors.shape[1], quantise)
    if quantise == "binary":
        bits = np.packbits(vectors >= 0, axis=1)
        return pa.FixedSizeListArray.from_arrays(pa.array(bits.ravel()), type=kind)
    if quantise == "int8":
        largest = np.abs(vectors).max(axis=1)
        scales = (np.where(largest > 0, largest, 1) / 127).astype(np.float32)
        codes = np.clip(np.rint(vectors / scales[:, None]), -127, 127).astype(np.int8)
        columns = [pa.FixedSizeListArray.from_arrays(pa.array(codes.ravel()), type=kind.field("codes").type)]
        return pa.StructArray.from_arrays([*columns, pa.array(scales)], fields=list(kind))
    numbers = vectors.ravel().astype(np.float16 if quantise == "float16" else np.float32, copy=False)
    return pa.FixedSizeListArray.from_arrays(pa.array(numbers), type=kind)


def unpack(column: pa.Array) -> Floats:
    """The vectors of a column as float32 ``(n, dimension)``, up to what packing lost; binary ones have length 1."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_fixed_size_list(column.type) and pa.types.is_uint8(column.type.value_type):
        bits = np.unpackbits(np.asarray(column.flatten()).reshape(len(column), -1), axis=1)
        result: Floats = (bits.astype(np.float32) * 2 - 1) / np.float32(np.sqrt(bits.shape[1]))
        return result
    if pa.types.is_struct(column.type):
        codes, scales = column.field("codes"), column.field("scale")
        numbers = np.asarray(codes.flatten(), dtype=np.float32).reshape(len(column), -1)
        result = numbers * np.asarray(scales, dtype=np.float32)[:, None]
        return result
    return np.asarray(column.flatten(), dtype=np.float32).reshape(len(column), -1)
