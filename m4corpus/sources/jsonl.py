"""JSONL, byte by byte: every line is a record or a failure, and a bad one costs no other."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

from m4corpus.ledger import Fail
from m4corpus.records import Page
from m4corpus.sources.charset import decode_strictly
from m4corpus.sources.compressed import decompressed
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.failure import Failure
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.rows import page_of_record
from m4corpus.sources.slices import Slice
from m4corpus.sources.streams import InputFile

#: Deepest nesting of a record, in levels: far below what would exhaust the stack of any later step.
MAX_DEPTH = 100

_BOM = b"\xef\xbb\xbf"
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_SKIP = 1 << 16


def read_jsonl(source: SourceConfig, file: SourceFile, stream: InputFile) -> Iterator[Page | Failure]:
    """One page a line; raises ``Fail`` for what concerns the file as a whole, after all its sound lines."""
    for number, record in records(file, stream, source.max_bytes):
        yield _item(source, file, number, record)


def read_jsonl_slice(
    source: SourceConfig, file: SourceFile, stream: InputFile, part: Slice
) -> Iterator[Page | Failure]:
    """As :func:`read_jsonl`, for a slice of its lines."""
    for number, record in sliced_records(stream, part, source.max_bytes):
        yield _item(source, file, number, record)


def _item(source: SourceConfig, file: SourceFile, number: int, record: dict[str, Any] | Fail) -> Page | Failure:
    locator, fallback = f"{file.path}:{number}", f"{file.source}:{file.path}#{number}"
    if isinstance(record, Fail):
        return Failure.of(record, fallback, locator)
    return page_of_record(source, file, record, fallback, locator)


def records(file: SourceFile, stream: InputFile, limit: int) -> Iterator[tuple[int, dict[str, Any] | Fail]]:
    """Number (from 1) of each line that is not blank, with its object or what is wrong with it.

    Raises ``Fail``: ``empty-file``, ``truncated-archive``, ``corrupt-archive``, ``changed-while-reading``.
    """
    number, found = 0, False
    content: io.BufferedReader | None = None
    try:
        # Held until the file is verified: a reader that is dropped closes what it reads from.
        content = decompressed(stream, file.path)
        for record in objects(content, limit):
            number += 1
            if record is not None:
                found = True
                yield number, record
    except Fail as fault:
        stream.verify()  # a file that changed is no corrupt archive
        raise Fail(fault.slug, f"{fault.detail}; complete lines before that: {number}") from None
    stream.verify()
    if not found:
        raise Fail("empty-file", f"bytes={file.size}")


def sliced_records(stream: InputFile, part: Slice, limit: int) -> Iterator[tuple[int, dict[str, Any] | Fail]]:
    """As :func:`records`, for a slice of the lines of an uncompressed file."""
    content = stream.window(part.start, part.end)
    for number, record in enumerate(objects(content, limit, first=part.start == 0), part.before + 1):
        if record is not None:
            yield number, record


def objects(content: io.BufferedReader, limit: int, *, first: bool = True) -> Iterator[dict[str, Any] | Fail | None]:
    """For each line its object, what is wrong with it, or None where it is blank.

    ``first`` tells whether the content begins a file, where a byte order mark may stand.
    """
    for line in lines(content, limit):
        if isinstance(line, Fail):
            first = False
            yield line
            continue
        if first:
            line = line.removeprefix(_BOM)
            first = False
        if line.isspace() or not line:
            yield None
            continue
        try:
            value: dict[str, Any] | Fail = parse_object(line)
        except Fail as fault:
            value = fault
        yield value


def lines(content: io.BufferedReader, limit: int) -> Iterator[bytes | Fail]:
    """Lines split at line feeds; one over ``limit`` bytes is skipped in bounded memory and becomes a ``Fail``."""
    while line := content.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line
            continue
        size = len(line)
        while part := content.readline(_SKIP):
            size += len(part)
            if part.endswith(b"\n"):
                size -= 1
                break
        yield Fail("too-large", f"bytes={size} limit={limit}")


def parse_object(line: bytes) -> dict[str, Any]:
    """The JSON object of one line.

    Raises ``Fail``: ``invalid-utf8``, ``invalid-json``, ``duplicate-keys`` (of which JSON does not say which counts),
    ``lone-surrogates`` (which no UTF-8 can hold), ``not-an-object``.
    """
    text = decode_strictly(line)
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise Fail("invalid-json", f"{error.msg.removesuffix(' at')} at character {error.pos}") from None
    except RecursionError:
        raise Fail("invalid-json", f"nested deeper than {MAX_DEPTH} levels") from None
    except ValueError:  # Python's bound on the digits of an integer
        raise Fail("invalid-json", "a number of too many digits") from None
    if not isinstance(value, dict):
        raise Fail("not-an-object", f"a {type(value).__name__}")
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _deeper(value, MAX_DEPTH):
        raise Fail("invalid-json", f"nested deeper than {MAX_DEPTH} levels")
    if _SURROGATE_ESCAPE.search(line):
        refuse_surrogates(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Fail("duplicate-keys", f"key={twice}")
    return value


def _deeper(value: Any, depth: int) -> bool:
    """Whether ``value`` nests more than ``depth`` levels, found level by level and not by recursion."""
    level = [value]
    for _ in range(depth + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def refuse_surrogates(record: dict[str, Any]) -> None:
    """Raise ``Fail("lone-surrogates")`` for a JSON object that UTF-8 cannot hold."""
    for key, value in record.items():
        try:
            json.dumps([key, value], ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise Fail("lone-surrogates", f"field={key}") from None
