"""Labelled texts a variety classifier is trained on, read from JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from m4corpus import languages as registry
from m4corpus.errors import UserError
from m4corpus.identify.varieties.groups import language_of


@dataclass(frozen=True, slots=True)
class Example:
    """A text, the BCP-47 tag of its variety, and its group: texts that share one are never split between training and
    test, because they are alike (a template, a document, an author)."""

    text: str
    label: str
    group: str


def read_examples(path: Path, text: str, label: str, group: str) -> list[Example]:
    """The examples of a JSON Lines file, from the fields so named; blank lines are skipped.

    Labels are ids or BCP-47 tags of varieties; ids become tags. Raises :class:`UserError` with the line's number for a
    line that is no JSON object, lacks a field, or has an unknown label.
    """
    examples = []
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}", "Give a JSON Lines file.") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            row = _row(line, f"{path}:{number}")
            values = [_field(row, name, f"{path}:{number}") for name in (text, label, group)]
            examples.append(Example(values[0], _tag(values[1], f"{path}:{number}"), values[2]))
    return examples


def check_examples(examples: Sequence[Example]) -> None:
    """Raise :class:`UserError` unless there are two labels at least, each in two groups at least."""
    groups: dict[str, set[str]] = {}
    for example in examples:
        groups.setdefault(example.label, set()).add(example.group)
    if len(groups) < 2:
        raise UserError(f"a classifier needs two labels, and the data has {len(groups)}", "Check --label.")
    for label, found in sorted(groups.items()):
        if len(found) < 2:
            raise UserError(
                f"all texts labelled {label} are of one group, so that none can be held out",
                "Name with --group a field that tells apart texts that are alike: a template, a document, an author.",
            )


def _row(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise UserError(f"{where} is not JSON", "Each line is one JSON object, in UTF-8.") from error
    if not isinstance(row, dict):
        raise UserError(f"{where} is not a JSON object", "Each line is one JSON object, in UTF-8.")
    return row


def _field(row: dict[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        known = ", ".join(sorted(row)) or "none"
        raise UserError(f"{where} has no text or number in the field {name!r}", f"Its fields: {known}.")
    return str(value)


def _tag(label: str, where: str) -> str:
    known = registry.resolve_variety(label)
    if known is not None:
        return known.bcp47
    if not language_of(label):
        raise UserError(
            f"{where}: the label {label!r} is no variety of a language of the registry",
            "Labels are ids or BCP-47 tags: id_casual, es-MX, fr-x-formal. `m4corpus languages` lists them.",
        )
    return label
