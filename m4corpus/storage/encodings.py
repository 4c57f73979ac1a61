"""How columns are laid out in a Parquet file, where the format's own choice does not suit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def encodings(schema: pa.Schema) -> dict[str, Any]:
    """Arguments of :class:`pyarrow.parquet.ParquetWriter` for parts of a schema.

    Without dictionaries: texts, and numbers of vectors, hardly ever repeat, what does repeat compresses as well without
    them, and to try takes a sixth of the time of writing texts and most of that of vectors. With the first bytes of all
    numbers of vectors side by side, then the second ones and so on, those of the exponents compress. Vectors of 8-bit
    numbers alone have a dictionary, which takes a quarter of the 32 bits in which the format stores these.
    """
    import pyarrow as pa

    vectors = list(_vectors(schema))
    return {
        "use_dictionary": [path for path, kind in vectors if pa.types.is_integer(kind)],
        "use_byte_stream_split": [path for path, kind in vectors if pa.types.is_floating(kind)],
    }


def _vectors(fields: Any, within: str = "") -> Iterator[tuple[str, pa.DataType]]:
    """Paths in the file, and types, of the numbers of lists of a fixed size."""
    import pyarrow as pa

    for field in fields:
        if pa.types.is_fixed_size_list(field.type):
            yield f"{within}{field.name}.list.element", field.type.value_type
        elif pa.types.is_struct(field.type):
            yield from _vectors(field.type, f"{within}{field.name}.")
