"""Rows as they are published: by language, and in types every reader of Parquet knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from m4corpus.errors import IntegrityError
from m4corpus.identify.labels import label_of
from m4corpus.release.layout import is_label
from m4corpus.storage.digests import text_digest

if TYPE_CHECKING:
    import pyarrow as pa

#: What of a document or chunk is published where its text is not.
DOCUMENT_IDS = (
    "id", "source", "locator", "url", "revision", "fetched_at", "licence", "language_hint", "language", "script",
    "language_confidence", "variety",
)  # fmt: skip
CHUNK_IDS = (
    "id", "document_id", "index", "start", "end", "tokens", "language", "script", "language_confidence", "variety",
    "url", "revision", "licence", "source",
)  # fmt: skip


def conform(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows with the columns of ``schema``; those an artifact of an earlier version lacks are empty or zero.

    Raises :class:`IntegrityError` for rows of a later version, whose columns would be lost.
    """
    import pyarrow as pa

    for batch in batches:
        if batch.schema.equals(schema):
            yield batch
            continue
        if unknown := set(batch.schema.names) - set(schema.names):
            raise IntegrityError(f"rows have columns of a newer m4corpus: {', '.join(sorted(unknown))}", "Upgrade it.")
        columns = [
            batch.column(field.name).cast(field.type)
            if field.name in batch.schema.names
            else pa.array([_nothing(field.type)] * len(batch), field.type)
            for field in schema
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _nothing(kind: pa.DataType) -> Any:
    import pyarrow as pa

    if pa.types.is_string(kind):
        return ""
    return [] if pa.types.is_nested(kind) else 0


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """The schema with maps as lists of ``{key, value}``, which `datasets` reads where it knows no maps."""
    import pyarrow as pa

    def plain(field: pa.Field) -> pa.Field:
        if not pa.types.is_map(field.type):
            return field
        entry = pa.struct([pa.field("key", field.type.key_type), pa.field("value", field.type.item_type)])
        return pa.field(field.name, pa.list_(entry), nullable=field.nullable)

    return pa.schema([plain(field) for field in schema])


def plain_rows(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Rows in the form of :func:`plain_schema`."""
    import pyarrow as pa

    columns = []
    for field in schema:
        column = batch.column(field.name)
        if pa.types.is_map(column.type):
            entries = pa.StructArray.from_arrays([column.keys, column.items], fields=list(field.type.value_type))
            column = pa.ListArray.from_arrays(column.offsets, entries, type=field.type)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def ids_schema(schema: pa.Schema, names: tuple[str, ...]) -> pa.Schema:
    """The schema of what identifies a record: some of its columns, the digest of its text and its length."""
    import pyarrow as pa

    kept = [schema.field(name) for name in names if name in schema.names]
    digest = pa.field("text_digest", pa.string(), nullable=False)
    return pa.schema([*kept, digest, pa.field("characters", pa.int32(), nullable=False)])


def ids_rows(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Rows in the form of :func:`ids_schema`. ``text_digest`` is BLAKE2b-128 (hex) of the text's UTF-8 form."""
    import pyarrow as pa

    texts = batch.column("text").to_pylist()
    made: dict[str, Any] = {
        "text_digest": [text_digest(text).hex() for text in texts],
        "characters": [len(text) for text in texts],
    }
    columns = [
        pa.array(made[field.name], field.type) if field.name in made else batch.column(field.name) for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def labels_of(batch: pa.RecordBatch) -> list[str]:
    """The label of each row; raises :class:`IntegrityError` for one that cannot name a folder."""
    columns = (batch.column(name).to_pylist() for name in ("language", "script"))
    found = [label_of(language, script) for language, script in zip(*columns, strict=True)]
    for one in set(found):
        if not is_label(one):
            raise IntegrityError(f"{one[:80]!r} is no label of a language and script")
    return found


class Take:
    """Hands out rows of a stream of batches in numbers of the taker's choosing."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._ahead: pa.RecordBatch | None = None

    def __call__(self, count: int) -> pa.Table:
        """The next ``count`` rows; fewer at the end."""
        import pyarrow as pa

        taken: list[pa.RecordBatch] = []
        while count:
            batch = self._ahead if self._ahead is not None else next(self._batches, None)
            if batch is None:
                break
            taken.append(batch.slice(0, count))
            self._ahead = batch.slice(count) if len(batch) > count else None
            count -= len(taken[-1])
        return pa.Table.from_batches(taken) if taken else pa.table({})
