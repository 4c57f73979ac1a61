"""``recipe check`` and ``recipe keys``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from m4corpus.cli import options
from m4corpus.cli.output import table


@click.group()
def command() -> None:
    """Check a recipe, or describe every key a recipe may have."""


@command.command()
@options.recipe
def check(recipe: Path) -> None:
    """Validate RECIPE without reading its sources."""
    from m4corpus.recipe import load

    click.echo(f"{recipe} is a valid recipe named '{load(recipe).name}'")


@command.command()
@click.argument("section", required=False)
def keys(section: str | None) -> None:
    """Every key with its default and meaning; SECTION (such as dedup) limits the list."""
    from pydantic import TypeAdapter

    from m4corpus.recipe import Recipe

    schema = TypeAdapter(Recipe).json_schema()
    rows = [row for row in _rows(schema, schema, "") if section is None or row[0].split(".")[0] == section]
    if not rows:
        raise click.UsageError(f"a recipe has no section '{section}'")
    table(["key", "default", "meaning"], rows)


def _rows(schema: dict[str, Any], node: dict[str, Any], prefix: str) -> Iterator[list[str]]:
    for name, prop in node.get("properties", {}).items():
        inner = _inner(schema, prop)
        if inner is not None:
            yield from _rows(schema, inner, f"{prefix}{name}{'[]' if prop.get('type') == 'array' else ''}.")
            continue
        default = "(required)" if name in node.get("required", []) else repr(prop.get("default", ""))
        yield [prefix + name, default, prop.get("description", "")]


def _inner(schema: dict[str, Any], prop: dict[str, Any]) -> dict[str, Any] | None:
    """The section a property refers to, directly or as the items of a list."""
    reference = prop.get("$ref") or prop.get("items", {}).get("$ref")
    return schema["$defs"][reference.rsplit("/", 1)[1]] if reference else None
