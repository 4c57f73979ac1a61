"""Two digests of the same data: *logical* (the rows, in order) and *byte* (the file that holds them).

The logical digest is the promise: it does not change with compression, row groups, batches or the Arrow version.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


# Made once: json.dumps would make one for every value.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def canonical_json(value: Any) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces, UTF-8."""
    return _CANONICAL.encode(value).encode()


def digest_of(value: Any) -> str:
    """SHA-256 (hex) of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def text_digest(text: str) -> bytes:
    """16-byte BLAKE2b digest of a text's UTF-8 form: the key of the vector cache and of exact duplicates."""
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def partition_of(key: str, partitions: int) -> int:
    """Stable partition of an id: depends on the id and the number of partitions only."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") % partitions


class LogicalDigest:
    """Streaming digest of Arrow batches that depends on their rows and schema alone.

    Every column keeps its own hashes, fed with the positions of its nulls, the lengths and the values of its rows in
    order, so the cuts between batches leave no trace. Columns are hashed without becoming Python objects; a type
    that has no such form raises :class:`TypeError`.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        # By place in the schema (names are hashed with it, and could look like places).
        self._streams: dict[str, Any] = {}
        self._seen: dict[str, int] = {}
        self._rows = 0

    def update(self, batch: pa.RecordBatch) -> None:
        """Add the rows of one batch."""
        if not batch.num_rows:
            return
        self._rows += batch.num_rows
        for place, column in enumerate(batch.columns):
            self._update(str(place), column)

    def hexdigest(self) -> str:
        """Digest of all rows so far (hex)."""
        summary = hashlib.sha256()
        summary.update(schema_form(self.schema))
        summary.update(self._rows.to_bytes(8, "little"))
        for path in sorted(self._streams):
            summary.update(path.encode())
            summary.update(self._streams[path].digest())
        return summary.hexdigest()

    def _feed(self, path: str, values: Any) -> None:
        if path not in self._streams:
            self._streams[path] = hashlib.blake2b(digest_size=32)
        self._streams[path].update(values)

    def _update(self, path: str, array: pa.Array) -> None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        seen = self._seen.get(path, 0)
        self._seen[path] = seen + len(array)
        if array.null_count:
            nulls = seen + np.flatnonzero(np.asarray(array.is_null()))
            self._feed(f"{path}?", nulls.astype("<i8").tobytes())
            array = array.drop_null()
        kind = array.type
        if pa.types.is_string(kind) or pa.types.is_binary(kind):
            self._feed(f"{path}#", np.asarray(pc.binary_length(array), dtype="<i4").tobytes())
            self._feed(path, _string_bytes(array))
        elif pa.types.is_struct(kind):
            for place, values in enumerate(array.flatten()):
                self._update(f"{path}.{place}", values)
        elif pa.types.is_map(kind):
            self._feed(f"{path}#", _lengths(array.offsets))
            entries = _between(array.offsets)
            self._update(f"{path}.key", array.keys.slice(*entries))
            self._update(f"{path}.value", array.items.slice(*entries))
        elif pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind):
            if pa.types.is_list(kind):
                self._feed(f"{path}#", _lengths(array.offsets))
            self._update(f"{path}[]", array.flatten())
        else:
            values = array.to_numpy(zero_copy_only=False)
            if values.dtype.hasobject:
                # Its bytes would be the addresses of Python objects.
                raise TypeError(f"a column of type {kind} has no logical digest")
            self._feed(path, values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())


def schema_form(schema: pa.Schema) -> bytes:
    """The columns of a schema, as they enter digests."""
    return canonical_json([[f.name, *_described(f)] for f in schema])


def _described(field: pa.Field) -> list[Any]:
    """Type and nullability, without the names Arrow and Parquet give to the insides of lists and maps."""
    import pyarrow as pa

    kind = field.type
    if pa.types.is_struct(kind):
        form: Any = ["struct", *([child.name, *_described(child)] for child in kind)]
    elif pa.types.is_map(kind):
        form = ["map", _described(kind.key_field), _described(kind.item_field)]
    elif pa.types.is_fixed_size_list(kind):
        form = ["list", kind.list_size, _described(kind.value_field)]
    elif pa.types.is_list(kind):
        form = ["list", _described(kind.value_field)]
    else:
        form = str(kind)
    return [form, field.nullable]


def _lengths(offsets: pa.Array) -> bytes:
    import numpy as np

    return np.diff(np.asarray(offsets)).astype("<i4").tobytes()


def _between(offsets: pa.Array) -> tuple[int, int]:
    first, last = offsets[0].as_py(), offsets[-1].as_py()
    return first, last - first


def _string_bytes(array: pa.Array) -> memoryview | bytes:
    """The concatenated values of a string or binary array without nulls, without copying."""
    import numpy as np

    _, offsets_buffer, data = array.buffers()
    if data is None or not len(array):
        return b""
    offsets = np.frombuffer(offsets_buffer, dtype=np.int32)[array.offset : array.offset + len(array) + 1]
    return memoryview(data)[int(offsets[0]) : int(offsets[-1])]
