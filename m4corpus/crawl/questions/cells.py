"""Cells of tables that hold lists, written as JSON or as Python prints them. Nothing in a cell is ever run."""

from __future__ import annotations

import ast
import json
from typing import Any

from m4corpus.ledger import Fail

#: Longest cell that is parsed, in characters: far above the longest alias list, far below what hurts.
MAX_LITERAL = 100_000


def literal(value: Any, what: str) -> Any:
    """``value`` itself, or what it says where it is text. Raises ``Fail(f"bad-{what}")``."""
    if not isinstance(value, str):
        return value
    if len(value) > MAX_LITERAL:
        raise Fail(f"bad-{what}", f"characters={len(value)} limit={MAX_LITERAL}")
    for parse in (json.loads, ast.literal_eval):
        try:
            found = parse(value.strip())
            # What has this form can be stored: no half of a surrogate pair, no number of more digits than are printed.
            json.dumps(found, ensure_ascii=False, default=str).encode()
            return found
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            continue
    raise Fail(f"bad-{what}", f"neither JSON nor a Python literal: {value[:100]!r}")


def texts(value: Any, what: str) -> list[str]:
    """A list of texts. Raises ``Fail(f"bad-{what}")``."""
    items = literal(value, what)
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise Fail(f"bad-{what}", f"not a list of texts: {str(value)[:100]!r}")
    return list(items)


def text(row: dict[str, Any], name: str) -> str:
    """The text in a column, empty where there is none. Raises ``Fail("bad-field")`` for anything but text."""
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise Fail("bad-field", f"{name} is a {type(value).__name__}")
    return value.strip()
