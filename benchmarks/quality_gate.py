"""Pinned floors of the quality measures, and the verdict on a run: values and files in, rows and files out.

The floors file holds ``floors`` (a number for each measure) and their ``history``: a list of changes, each with its
``date``, its ``reason`` and the ``floors`` it set (null lets go of one). The floors must be what the history adds up
to, so one that was edited alone is refused. Nothing hinders who edits both, but then a reviewer reads the reason.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

#: A floor is pinned this far below the value it was measured at, or by the weight of one text where that is more.
MARGIN = 0.005

OK, FAIL, NO_FLOOR, MISSING, SKIPPED = "OK", "FAIL", "NO FLOOR", "MISSING", "SKIPPED"
#: Verdicts that fail the gate: also what nobody pinned, and what was pinned and is no longer measured.
FAILING = (FAIL, NO_FLOOR, MISSING)
#: The reason recorded with raised floors.
RAISED = "raised to a run's values less the margin"


class FloorsError(Exception):
    """The floors file is not what the gate wrote, or a change of it is not allowed."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A value between 0 and 1, higher is better, and the number of texts it rests on."""

    value: float
    texts: int


#: The measures of a run, by name.
Measures = dict[str, Measure]


@dataclass(frozen=True, slots=True)
class Change:
    """Floors set on a day (ISO 8601) for a reason; None lets go of a measure."""

    date: str
    reason: str
    floors: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Floors:
    """All changes of the floors, oldest first, and what they add up to."""

    history: tuple[Change, ...] = ()
    now: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    measure: str
    value: float | None
    floor: float | None
    verdict: str


def within(measure: str, groups: Iterable[str]) -> bool:
    """Whether a measure is of one of the groups, which are the first parts of its name."""
    return any(measure.startswith(f"{group}/") for group in groups)


def is_detail(measure: str) -> bool:
    """Whether the measure is a part of another one (of one language, say): shown only when asked for or failing."""
    return "/F1/" in measure or "/R@1/" in measure


def judged(measured: Measures, floors: Floors, skipped: Mapping[str, str]) -> list[Row]:
    """A row for every measure and every floor, by name; ``skipped`` are groups with the reason."""
    rows = []
    for name in sorted(measured.keys() | floors.now.keys()):
        value = measured[name].value if name in measured else None
        floor = floors.now.get(name)
        if value is None:
            verdict = SKIPPED if within(name, skipped) else MISSING
        elif floor is None:
            verdict = NO_FLOOR
        else:
            verdict = OK if value >= floor else FAIL
        rows.append(Row(name, value, floor, verdict))
    return rows


def passes(rows: Iterable[Row], skipped: Mapping[str, str], require: bool) -> bool:
    """Whether nothing fails; with ``require`` nothing may have been skipped for want of its data either."""
    return not any(row.verdict in FAILING for row in rows) and not (require and skipped)


def pinned(measure: Measure) -> float:
    """The floor for a measure: its value less the margin, rounded down to three digits."""
    margin = max(MARGIN, 1 / max(1, measure.texts))
    return max(0.0, math.floor((measure.value - margin) * 1000 + 1e-9) / 1000)


def raised(floors: Floors, measured: Measures, today: date) -> Floors:
    """Floors for what has none, and higher ones where the run allows; none sinks."""
    changes: dict[str, float | None] = {
        name: pinned(measure)
        for name, measure in sorted(measured.items())
        if name not in floors.now or pinned(measure) > floors.now[name]
    }
    return _with(floors, Change(today.isoformat(), RAISED, changes)) if changes else floors


def lowered(floors: Floors, name: str, value: float | None, reason: str, today: date) -> Floors:
    """One floor lowered, or with None let go of. Raises :class:`FloorsError` without a reason or a lower value."""
    if not reason.strip():
        raise FloorsError(f"lowering {name} needs a reason")
    if name not in floors.now:
        raise FloorsError(f"{name} has no floor")
    if value is not None and not 0 <= value < floors.now[name]:
        raise FloorsError(f"the floor of {name} is {floors.now[name]}: {value} is not between 0 and that")
    return _with(floors, Change(today.isoformat(), reason.strip(), {name: value}))


def read(path: Path) -> Floors:
    """The floors of a file; none where there is no file. Raises :class:`FloorsError`."""
    if not path.is_file():
        return Floors()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FloorsError(f"{path.name} is no JSON: {error}") from None
    if not isinstance(content, dict) or content.keys() != {"floors", "history"}:
        raise FloorsError(f"{path.name} must hold floors and history, and nothing else")
    if not isinstance(content["history"], list):
        raise FloorsError("history must be a list of changes")
    floors = Floors()
    for number, entry in enumerate(content["history"], 1):
        floors = _with(floors, _change(entry, number))
    if content["floors"] != floors.now:
        edited = sorted(_differing(content["floors"], floors.now))
        raise FloorsError(
            f"floors that their history does not give: {', '.join(edited) or 'floors is no object'}. Change floors "
            "with --raise-floors, or with --lower and --reason."
        )
    return floors


def write(path: Path, floors: Floors) -> None:
    """Write a file that :func:`read` takes."""
    history = [{"date": c.date, "reason": c.reason, "floors": dict(c.floors)} for c in floors.history]
    content = {"floors": dict(sorted(floors.now.items())), "history": history}
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def _with(floors: Floors, change: Change) -> Floors:
    now = dict(floors.now)
    for name, value in change.floors.items():
        if value is None:
            now.pop(name, None)
        else:
            now[name] = value
    return Floors((*floors.history, change), now)


def _change(entry: Any, number: int) -> Change:
    """An entry of the history; it must have its date and its reason, and floors between 0 and 1."""
    where = f"entry {number} of the history"
    if not isinstance(entry, dict) or entry.keys() != {"date", "reason", "floors"}:
        raise FloorsError(f"{where} must hold date, reason and floors, and nothing else")
    if not isinstance(entry["reason"], str) or not entry["reason"].strip():
        raise FloorsError(f"{where} gives no reason")
    try:
        date.fromisoformat(entry["date"])
    except (TypeError, ValueError):
        raise FloorsError(f"{where} has no date") from None
    if not isinstance(entry["floors"], dict) or not all(map(_is_floor, entry["floors"].values())):
        raise FloorsError(f"{where} has floors that are no numbers between 0 and 1")
    return Change(entry["date"], entry["reason"], entry["floors"])


def _is_floor(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1)


def _differing(found: Any, expected: Mapping[str, float]) -> set[str]:
    if not isinstance(found, dict):
        return set()
    return {name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)}
