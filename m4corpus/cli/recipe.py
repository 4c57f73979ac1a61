"""``recipe check`` and ``recipe keys``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_origin

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
    from m4corpus.recipe import Recipe

    rows = [row for row in _rows(Recipe, "") if section is None or row[0].split(".")[0] == section]
    if not rows:
        raise click.UsageError(f"a recipe has no section '{section}'")
    table(["key", "default", "meaning"], rows)


def _rows(section: Any, prefix: str) -> Iterator[list[str]]:
    """Key, default and meaning of every option of a config class and the classes within it."""
    from m4corpus.recipe import section_of

    for name, option in section.__pydantic_fields__.items():
        inner = section_of(option.annotation)
        if inner is not None:
            yield from _rows(inner, f"{prefix}{name}{'[]' if get_origin(option.annotation) is list else ''}.")
        else:
            default = "(required)" if option.is_required() else repr(option.get_default(call_default_factory=True))
            yield [prefix + name, default, option.description or ""]
