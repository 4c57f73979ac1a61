#!/usr/bin/env python3
"""The quality gate: measures what m4corpus is good for, and fails when a measure is below its pinned floor.

Floors are kept in ``quality_floors.json`` beside this script, with the reason and the date of every change.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
from measure import markdown
from quality_data import Unavailable
from quality_gate import (
    FAILING,
    OK,
    SKIPPED,
    Floors,
    FloorsError,
    Measures,
    Row,
    is_detail,
    judged,
    lowered,
    passes,
    raised,
    read,
    within,
    write,
)

FLOORS = Path(__file__).with_name("quality_floors.json")
#: Measures of pages that are given by their folder, not fetched.
ANNOTATED = "extraction/annotated"
NOT_GIVEN = "no folder of annotated pages given (--extraction)"


def groups(extraction: Path | None) -> dict[str, Callable[[], Measures]]:
    """What is measured, by the first parts of the measures' names."""
    import quality_language as language
    import quality_text as text

    found: dict[str, Callable[[], Measures]] = {
        "identify/pages": language.identify_pages,
        "identify/queries": language.identify_queries,
        "identify/udhr": language.identify_udhr,
        "identify/guide": language.identify_guide,
        "variety/queries": language.variety_queries,
        "variety/pages": language.variety_pages,
        "variety/messages": language.variety_messages,
        "mixed": language.mixed_documents,
        "sentences/fixtures": text.sentence_fixtures,
        "sentences/udhr": text.sentence_udhr,
        "extraction/pages": text.extraction_pages,
        "extraction/wiki": text.extraction_wiki,
        "retrieval": text.retrieval,
        "retrieval/udhr": text.retrieval_udhr,
    }
    return found | ({ANNOTATED: text.extraction_annotated(extraction)} if extraction else {})


def measure_all(chosen: dict[str, Callable[[], Measures]]) -> tuple[Measures, dict[str, str]]:
    """The measures of a run, and the groups whose data cannot be had, with the reason."""
    measured: Measures = {}
    skipped: dict[str, str] = {}
    for name, group in chosen.items():
        started = time.monotonic()
        try:
            measured |= group()
        except Unavailable as reason:
            skipped[name] = str(reason)
        click.echo(f"  {name}: {time.monotonic() - started:.1f} s", err=True)
    return measured, skipped


def table(rows: list[Row], everything: bool) -> str:
    """The rows as Markdown; parts of other measures only if they fail, unless everything is asked for."""
    shown = [row for row in rows if row.verdict != SKIPPED]
    shown = [row for row in shown if everything or row.verdict != OK or not is_detail(row.measure)]
    cells = [[r.measure, _number(r.value), _number(r.floor), r.verdict] for r in shown]
    hidden = sum(row.verdict == OK for row in rows) - sum(row.verdict == OK for row in shown)
    more = f"\n{hidden} more measures, of single languages, scripts and markups, are OK: --all shows them.\n"
    return markdown(["measure", "value", "floor", ""], cells) + (more if hidden else "")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


@click.command(help=__doc__, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", "only", multiple=True, metavar="GROUP", help="Measure this group alone; repeat for several.")
@click.option("--extraction", type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="Measure extraction on this folder of annotated pages too: gold.json and pages/.")  # fmt: skip
@click.option("--require", is_flag=True, help="Fail when the data of a measure cannot be fetched.")
@click.option("--all", "everything", is_flag=True, help="Show the measures of single languages and scripts too.")
@click.option("--json", "output", type=click.Path(path_type=Path, dir_okay=False), help="Write the table here too.")
@click.option("--raise-floors", "raising", is_flag=True,
              help="Pin floors a margin below this run's values, where that is higher or there is none.")  # fmt: skip
@click.option("--lower", multiple=True, metavar="MEASURE=VALUE", help="Lower a floor and measure nothing; `none` lets "
              "go of it. Repeat for several.")  # fmt: skip
@click.option("--reason", default="", help="Why floors are lowered; recorded with the date.")
def main(
    only: tuple[str, ...],
    extraction: Path | None,
    require: bool,
    everything: bool,
    output: Path | None,
    raising: bool,
    lower: tuple[str, ...],
    reason: str,
) -> None:
    try:
        floors = read(FLOORS)
        if lower:
            for one in lower:
                floors = _lower(floors, one, reason)
            return
    except FloorsError as error:
        raise click.ClickException(str(error)) from None
    chosen = groups(extraction)
    if unknown := sorted(set(only) - chosen.keys()):
        raise click.UsageError(f"no such group: {', '.join(unknown)}; there are {', '.join(chosen)}")
    measured, skipped = measure_all({n: g for n, g in chosen.items() if not only or n in only})
    if raising:
        floors = raised(floors, measured, datetime.now(UTC).date())
        write(FLOORS, floors)
    unasked = {name: "not asked for (--only)" for name in chosen if only and name not in only}
    unasked |= {} if extraction else {ANNOTATED: NOT_GIVEN}
    rows = judged(measured, floors, skipped | unasked)
    click.echo(table(rows, everything))
    for name, why in sorted((skipped | unasked).items()):
        pinned = sum(within(row.measure, [name]) and row.floor is not None for row in rows)
        click.echo(f"SKIPPED {name} ({pinned} floors): {why}")
    passed = passes(rows, skipped, require)
    failing = sum(row.verdict in FAILING for row in rows)
    counts = f"{sum(row.verdict == OK for row in rows)} OK, {failing} failing, {len(skipped)} groups without data"
    click.echo(f"{'passed' if passed else 'FAILED'}: {counts}")
    if output is not None:
        _report(output, rows, skipped | unasked, passed)
    sys.exit(0 if passed else 1)


def _lower(floors: Floors, lower: str, reason: str) -> Floors:
    """Record one lower floor in the file; returns the floors from then on."""
    name, _, text = lower.rpartition("=")
    try:
        value = None if text == "none" else float(text)
    except ValueError:
        raise click.UsageError("--lower takes MEASURE=VALUE, VALUE being a number or `none`") from None
    after = lowered(floors, name, value, reason, datetime.now(UTC).date())
    write(FLOORS, after)
    click.echo(f"{name}: {floors.now[name]} is now {text}")
    return after


def _report(path: Path, rows: list[Row], skipped: dict[str, str], passed: bool) -> None:
    content = {
        "passed": passed,
        "skipped": skipped,
        "rows": [{"measure": r.measure, "value": r.value, "floor": r.floor, "verdict": r.verdict} for r in rows],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    os.environ.setdefault("LOGURU_LEVEL", "ERROR")
    main()
