"""Parquet, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from m4corpus.ledger import Fail
from m4corpus.records import Page
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.failure import Failure
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.rows import page_of_record
from m4corpus.sources.slices import Slice, targets
from m4corpus.sources.streams import InputFile

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows held at once.
_BATCH = 32


def read_parquet(source: SourceConfig, file: SourceFile, stream: InputFile) -> Iterator[Page | Failure]:
    """One page a row; raises ``Fail`` for the file: ``corrupt-parquet`` (after its sound rows), ``missing-field``,
    ``duplicate-keys``, ``empty-file``."""
    # The format is read from its end and back and forth, so the digest takes a reading of its own.
    stream.verify_ahead()
    empty = True
    for item in _items(source, file, stream):
        empty = False
        yield item
    stream.verify_unmodified()
    if empty:
        raise Fail("empty-file", "rows=0")


def parquet_slices(source: SourceConfig, file: SourceFile, stream: InputFile) -> list[Slice]:
    """Slices of whole row groups, none where the file is corrupt or lacks the text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not targets(file.size):
        return []
    try:
        with pq.ParquetFile(stream.rewind(), pre_buffer=False) as table:
            about = table.metadata
            _columns(source, table.schema_arrow.names)
            groups = [about.row_group(index) for index in range(about.num_row_groups)]
            sizes = [(group.num_rows, group.total_byte_size) for group in groups]
    except (pa.ArrowException, OSError, ValueError):
        return []  # reading it says why
    if not any(rows for rows, _ in sizes):
        return []
    return _grouped(sizes, file.size)


def read_parquet_slice(
    source: SourceConfig, file: SourceFile, stream: InputFile, part: Slice
) -> Iterator[Page | Failure]:
    """As :func:`read_parquet`, for a slice of its row groups."""
    yield from _items(source, file, stream, part)


def _grouped(sizes: list[tuple[int, int]], size: int) -> list[Slice]:
    """Slices of row groups with those numbers of rows and of bytes, as they are before compression."""
    total = max(1, sum(weight for _, weight in sizes))
    slices: list[Slice] = []
    start = before = rows = begin = weight = 0
    wanted = iter(targets(size))
    target = next(wanted, size)
    for index, (count, own) in enumerate(sizes, 1):
        rows, weight = rows + count, weight + own
        end = size if index == len(sizes) else size * weight // total
        if end >= target or index == len(sizes):
            slices.append(Slice(start, index, end - begin, before))
            start, before, begin = index, rows, end
            target = next((position for position in wanted if position > end), size)
    return slices


def _items(
    source: SourceConfig, file: SourceFile, stream: InputFile, part: Slice | None = None
) -> Iterator[Page | Failure]:
    number = part.before if part else 0
    for batch in _batches(source, stream, range(part.start, part.end) if part else None):
        for record in _rows(batch, source.fields.text):
            number += 1
            locator = f"{file.path}#{number}"
            if isinstance(record, Fail):
                yield Failure.of(record, f"{file.source}:{locator}", locator)
            else:
                yield page_of_record(source, file, record, f"{file.source}:{locator}", locator)


def _batches(source: SourceConfig, stream: InputFile, groups: range | None) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = 0
    try:
        with pq.ParquetFile(stream.rewind(), page_checksum_verification=True, pre_buffer=False) as table:
            columns = _columns(source, table.schema_arrow.names)
            chosen = None if groups is None else list(groups)
            for batch in table.iter_batches(_BATCH, row_groups=chosen, columns=columns, use_threads=False):
                yield batch
                rows += batch.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        # An error of the disk has a number; pyarrow's own complaints about the content have none.
        if isinstance(error, OSError) and error.errno:
            raise
        lines = str(error).splitlines() or [""]
        raise Fail("corrupt-parquet", f"{lines[0][:200]}; sound rows before that: {rows}") from None


def _columns(source: SourceConfig, names: list[str]) -> list[str]:
    """The columns worth decoding: those with a meaning and those kept as metadata."""
    meant = {getattr(source.fields, field.name) for field in fields(source.fields)}
    meant |= {source.language.removeprefix("field:"), *(name.split(".")[0] for name in meant)}
    if len(set(names)) != len(names):
        raise Fail("duplicate-keys", f"columns={','.join(sorted(names))}")
    if not {source.fields.text, source.fields.text.split(".")[0]} & set(names):
        raise Fail("missing-field", f"field={source.fields.text} columns={','.join(sorted(names))}")
    return [name for name in names if name in meant or any(fnmatchcase(name, glob) for glob in source.metadata)]


def _rows(batch: pa.RecordBatch, text: str) -> Iterator[dict[str, Any] | Fail]:
    names = batch.schema.names
    columns = [_values(column, strict=name == text) for name, column in zip(names, batch.columns, strict=True)]
    for row in range(batch.num_rows):
        record = {name: column[row] for name, column in zip(names, columns, strict=True)}
        fault = next((value for value in record.values() if isinstance(value, Fail)), None)
        yield record if fault is None else fault


def _values(column: pa.Array, strict: bool) -> list[Any]:
    """Python values of a column: text, integers and nested values as they are, other scalars as text."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.types as types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    try:
        if not (text or types.is_nested(kind) or types.is_integer(kind) or types.is_null(kind)):
            column = column if "binary" in str(kind) else pc.cast(column, pa.string())
        values: list[Any] = column.to_pylist()
        return [_plain(value, strict) for value in values] if types.is_nested(kind) or "binary" in str(kind) else values
    except (UnicodeDecodeError, pa.ArrowException, ValueError):
        return [_value(item, strict) for item in column]


def _value(item: pa.Scalar, strict: bool) -> Any:
    """One value, or what is wrong with it."""
    try:
        return _plain(item.as_py(), strict)
    except UnicodeDecodeError as error:
        if strict:
            return Fail("invalid-utf8", f"byte 0x{error.object[error.start]:02x} at offset {error.start}")
        return error.object.decode("utf-8", "backslashreplace")
    except (ValueError, ArithmeticError, LookupError) as error:
        return Fail("bad-field", str(error))


def _plain(value: Any, strict: bool = False) -> Any:
    """``value`` in terms of JSON: bytes as the text they hold, what JSON has no form for as text."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "strict" if strict else "backslashreplace")
    return value if value is None or isinstance(value, str | int | float) else str(value)
