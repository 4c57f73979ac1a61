"""Query files: JSON Lines with an id and a text each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from m4corpus.errors import UserError


@dataclass(frozen=True)
class Query:
    """One query; ``language`` groups scores and is empty when the file does not say."""

    id: str
    text: str
    language: str = ""


def read_queries(path: Path) -> list[Query]:
    """Read ``{"id": ..., "text": ..., "language": ...}`` lines; raises :class:`UserError` naming the line at fault."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read queries {path}: {error}") from None
    queries: dict[str, Query] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            query = Query(str(row["id"]), str(row["text"]), str(row.get("language", "")))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(
                f"{path}:{number} is not a query", 'Each line is {"id": "q1", "text": "...", "language": "en"}.'
            ) from None
        if query.id in queries:
            raise UserError(f"{path}:{number}: query id {query.id!r} appears twice", "Give every query an id of its own.")
        queries[query.id] = query
    if not queries:
        raise UserError(f"{path} holds no queries")
    return list(queries.values())
