"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click

# Zero-width joiner and non-joiner: letters of several scripts need them.
_JOINERS = "\u200c\u200d"


def echo_json(value: Any) -> None:
    """One JSON value on stdout."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def bytes_text(size: int) -> str:
    """A number of bytes as people say it: ``1.4 MB``."""
    from rich.filesize import decimal

    return decimal(size)


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table on stdout, numbers aligned to the right; nothing is cut off or folded when stdout is not a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    wide = Console(highlight=False, width=10_000)
    drawn = Table(
        box=box.SIMPLE_HEAD if console.is_terminal else None,
        pad_edge=False,
        padding=(0, 1 if console.is_terminal else 2, 0, 0),
        show_edge=False,
    )
    for index, header in enumerate(headers):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        drawn.add_column(header, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(_cell(value) for value in row))
    if console.is_terminal:
        console.print(drawn)
        return
    with wide.capture() as captured:
        wide.print(drawn)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def printable(text: str) -> str:
    """Text from documents without what steers a terminal or turns the writing direction of what follows it."""
    return "".join(c for c in text if c.isprintable() or c.isspace() or c in _JOINERS)


def _cell(value: Any) -> str:
    from rich.markup import escape

    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else escape(printable(str(value)))
