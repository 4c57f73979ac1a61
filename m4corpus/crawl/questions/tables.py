"""Rows of the tables questions come from: CSV, JSONL, JSON or Parquet files, here or on the Hub."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from m4corpus.crawl.questions.hub import SCHEME, hub_files
from m4corpus.errors import UserError
from m4corpus.ledger import Fail
from m4corpus.storage.digests import file_digest

FORMATS = (".csv", ".jsonl", ".parquet")
#: Longest line of JSONL, in bytes.
MAX_LINE = 10_000_000
#: Longest cell of CSV, in characters.
_MAX_CELL = 1_000_000


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file on this machine, and the name it goes by in plans and messages: never a path of this machine."""

    name: str
    path: Path

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of its bytes."""
        return file_digest(self.path)


def table_files(spec: str, base: Path) -> list[TableFile]:
    """The files ``spec`` names: a path relative to ``base``, or ``hf://datasets/owner/name[@revision][/path]``."""
    if spec.startswith(SCHEME):
        return [TableFile(name, path) for name, path in hub_files(spec, FORMATS)]
    path = base / Path(spec)
    if not path.is_file():
        raise UserError(f"there is no table {spec}", hint="Give a file, relative to the recipe, or hf://datasets/...")
    return [TableFile(Path(spec).name, path)]


def read_rows(file: TableFile, columns: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[str, Any]]:
    """Place (``file:number``, rows counted from 1) and row of each row: a dict of ``columns`` and those ``optional``
    ones that are there, or the ``Fail`` that says what is wrong with it.

    ``Name|name`` is a column of either spelling, the first in the result. Raises :class:`UserError` where a column is
    missing or the file is no table.
    """
    suffix = file.path.suffix.lower()
    readers = {".csv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, ".json": _json, ".parquet": _parquet}
    if suffix not in readers:
        raise UserError(f"{file.name}: cannot tell a table's format from '{suffix}'", hint="Use .csv, .jsonl, .parquet")
    rows = readers[suffix](file, columns, optional)
    for number, row in enumerate(rows, 1):
        yield f"{file.name}:{number}", row if isinstance(row, Fail) else _picked(row, columns, optional)


def _picked(row: dict[str, Any], columns: Sequence[str], optional: Sequence[str]) -> dict[str, Any] | Fail:
    picked: dict[str, Any] = {}
    for column in [*columns, *optional]:
        name, there = column.split("|")[0], _spelling(column, row)
        if there is not None:
            picked[name] = row[there]
        elif column in columns:
            return Fail("missing-field", f"field={name}")
    return picked


def _spelling(column: str, there: Container[str]) -> str | None:
    return next((name for name in column.split("|") if name in there), None)


def _check(file: TableFile, columns: Sequence[str], there: Sequence[str]) -> None:
    lacking = [repr(column.split("|")[0]) for column in columns if _spelling(column, there) is None]
    if lacking:
        raise UserError(
            f"{file.name} has no column {', '.join(lacking)}",
            hint=f"It has: {', '.join(map(repr, there[:20]))}{' ...' if len(there) > 20 else ''}.",
        )


def _wanted(columns: Sequence[str], optional: Sequence[str], there: Container[str]) -> list[str]:
    spellings = [_spelling(column, there) for column in [*columns, *optional]]
    return [name for name in spellings if name is not None]


def _csv(file: TableFile, columns: Sequence[str], optional: Sequence[str]) -> Iterator[dict[str, Any] | Fail]:
    # Bytes that are not UTF-8 become lone surrogates, which tell the rows they are in.
    text = file.path.read_bytes().decode("utf-8-sig", "surrogateescape")
    rows = iter(_cells(text))
    header = next(rows, None)
    if not isinstance(header, list):
        raise UserError(f"{file.name} has no header row")
    if len(set(header)) < len(header):
        header = _joined(file, header, next(rows, None))
    _check(file, columns, header)
    wanted = _wanted(columns, optional, header)
    for cells in rows:
        if isinstance(cells, Fail):
            yield cells
        elif len(cells) != len(header):
            yield Fail("bad-row", f"cells={len(cells)} columns={len(header)}")
        else:
            row = dict(zip(header, cells, strict=True))
            broken = [name for name in wanted if not _is_text(row[name])]
            yield Fail("invalid-utf8", f"field={broken[0]}") if broken else row


def _cells(text: str) -> list[list[str] | Fail]:
    """The cells of each line that is not blank."""
    rows: list[list[str] | Fail] = []
    limit = csv.field_size_limit(_MAX_CELL)
    try:
        reader = csv.reader(io.StringIO(text, newline=""))
        while True:
            try:
                rows.append(next(reader))
            except StopIteration:
                return [row for row in rows if row]
            except csv.Error as error:
                rows.append(Fail("bad-row", str(error)))
    finally:
        csv.field_size_limit(limit)


def _joined(file: TableFile, header: list[str], second: list[str] | Fail | None) -> list[str]:
    """Header that takes two rows, as WorldCuisines' locations have it: ``English_<CUISINE>``."""
    if not isinstance(second, list) or len(second) != len(header):
        raise UserError(f"{file.name}: several columns have the same name")
    joined = [f"{upper}_{lower}" if lower else upper for upper, lower in zip(header, second, strict=True)]
    if len(set(joined)) < len(joined):
        raise UserError(f"{file.name}: several columns have the same name")
    return joined


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _jsonl(file: TableFile, columns: Sequence[str], optional: Sequence[str]) -> Iterator[dict[str, Any] | Fail]:
    from m4corpus.sources.jsonl import objects

    with file.path.open("rb") as stream:
        rows = [row for row in objects(stream, MAX_LINE) if row is not None]
    yield from _objects(file, rows, columns)


def _json(file: TableFile, columns: Sequence[str], optional: Sequence[str]) -> Iterator[dict[str, Any] | Fail]:
    try:
        value = json.loads(file.path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file.name} is no JSON: {error}", hint="Is it JSONL? Then name it .jsonl.") from None
    if not isinstance(value, list):
        raise UserError(f"{file.name} holds a {type(value).__name__}, no list of records")
    yield from _objects(file, [_record(row) for row in value], columns)


def _record(row: Any) -> dict[str, Any] | Fail:
    from m4corpus.sources.jsonl import refuse_surrogates

    if not isinstance(row, dict):
        return Fail("not-an-object", f"a {type(row).__name__}")
    try:
        refuse_surrogates(row)
    except Fail as fault:
        return fault
    return row


def _objects(file: TableFile, rows: list[dict[str, Any] | Fail], columns: Sequence[str]) -> list[dict[str, Any] | Fail]:
    names = dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row)
    if names:
        _check(file, columns, list(names))
    return rows


def _parquet(file: TableFile, columns: Sequence[str], optional: Sequence[str]) -> Iterator[dict[str, Any] | Fail]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file.path, page_checksum_verification=True) as table:
            names = list(table.schema_arrow.names)
            _check(file, columns, names)
            for batch in table.iter_batches(columns=_wanted(columns, optional, names), use_threads=False):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        # An error of the disk has a number; pyarrow's own complaints about the content have none.
        if isinstance(error, OSError) and error.errno:
            raise
        raise UserError(f"{file.name} is no sound Parquet file: {str(error).splitlines()[0][:200]}") from None
