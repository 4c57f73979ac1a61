"""Query files: JSON Lines with an id and a text each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from m4corpus.errors import UserError


@dataclass(frozen=True)
class Query:
    """One query; ``language`` groups scores and is empty when the file does not say."""

    id: str
    text: str
    language: str = ""


def read_queries(path: Path) -> list[Query]:
    """Read ``{"id": ..., "text": ..., "language": ...}`` lines; raises :class:`UserError` naming the line at fault."""
    queries: dict[str, Query] = {}
    for number, line in numbered_lines(path, "queries"):
        try:
            query = _query(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise UserError(
                f"{path}:{number} is not a query", 'Each line is {"id": "q1", "text": "...", "language": "en"}.'
            ) from None
        if query.id in queries:
            raise UserError(
                f"{path}:{number}: query id {query.id!r} appears twice", "Give every query an id of its own."
            )
        queries[query.id] = query
    if not queries:
        raise UserError(f"{path} holds no queries")
    return list(queries.values())


def numbered_lines(path: Path, what: str) -> Iterator[tuple[int, str]]:
    """The lines of a text file that hold something, with their numbers from 1; raises :class:`UserError`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {what} {path}: {error}") from None
    # Not splitlines, which also cuts at separators that may stand within a JSON string.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line


def _query(row: dict[str, Any]) -> Query:
    """The query of a parsed line; raises an error of any common kind when it is none."""
    identifier, text, language = row["id"], row["text"], row.get("language") or ""
    if type(identifier) is int:
        identifier = str(identifier)
    for value in (identifier, text, language):
        value.encode()  # refuses other types than str, and half surrogate pairs
    if not identifier or not text.strip():
        raise ValueError("empty")
    return Query(identifier, text, language)
