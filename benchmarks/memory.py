#!/usr/bin/env python3
"""Peak memory of a run over a corpus, and over one ten times as large: it should not grow."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from corpora import shuffled_guide
from measure import MIB, Machine, markdown
from runs import StageRun, WholeRun, run_recipe

#: Times the larger corpus is the smaller one.
FACTOR = 10


def memory_table(small: WholeRun, large: WholeRun) -> str:
    """Peaks of both runs beside each other, for each stage and for the whole."""
    rows = [_row(a.stage, [a], [b]) for a, b in zip(small.stages, large.stages, strict=True)]
    rows.append(_row("all", small.stages, large.stages))
    headers = ["stage", "in 1x", f"in {FACTOR}x", "all processes 1x, MiB", f"{FACTOR}x, MiB", "ratio",
               "largest process 1x, MiB", f"{FACTOR}x, MiB", "ratio"]  # fmt: skip
    return markdown(headers, rows)


def _row(name: str, small: list[StageRun], large: list[StageRun]) -> list[Any]:
    row: list[Any] = [name, small[0].inputs, large[0].inputs]
    for peak in ("tree", "process"):
        before, after = (max(getattr(stage, peak) for stage in stages) for stages in (small, large))
        row += [before // MIB, after // MIB, after / before]
    return row


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--pages", type=click.IntRange(min=20), default=400, show_default=True,
              help="Pages of the smaller corpus, spread over the 19 languages of the installation guide.")  # fmt: skip
@click.option("--workers", "-w", type=click.IntRange(min=1), default=2, show_default=True, help="Worker processes.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Also write the numbers to "
              "this file.")  # fmt: skip
def main(pages: int, workers: int, json_path: Path | None) -> None:
    """Run all stages over PAGES shuffled pages of the installation guide (fetch it first with real_data.py) and over
    ten variations of each, and print the peak resident memory of both runs. Works in a temporary directory.
    """
    machine = Machine.here()
    runs = []
    with tempfile.TemporaryDirectory(prefix="m4corpus-bench-") as folder:
        for copies in (1, FACTOR):
            root = Path(folder) / f"{copies}x"
            click.echo(f"{copies}x:", err=True)
            runs.append(run_recipe(shuffled_guide(root / "corpus", pages, copies), root / "work", workers))
    click.echo(f"{machine.lines()}\nRun with {workers} workers.\n\n{memory_table(*runs)}")
    if json_path:
        record = {
            "machine": asdict(machine),
            "workers": workers,
            "runs": [[asdict(stage) for stage in run.stages] for run in runs],
        }
        json_path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
