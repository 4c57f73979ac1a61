#!/usr/bin/env python3
"""Speed and memory of every stage on real pages, and the same steps done by reference libraries."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
from corpora import GUIDE, GUIDE_RECIPE, help_slice, require
from measure import MIB, Machine, markdown
from references import Comparison, compare
from runs import WholeRun, run_recipe

from m4corpus.pipeline import Pipeline

#: LibreOffice help as read here: folder names of the languages, and pages of each.
HELP_LANGUAGES = ["en-US", "es", "ja", "ru"]
HELP_PAGES = 400
#: Pages that the cleaning comparison takes from a corpus.
CLEANED = 400
#: Sizes for --quick: pages of the guide, pages of help in each language, pages cleaned.
QUICK_GUIDE, QUICK_HELP, QUICK_CLEANED = 160, 40, 80


@dataclass(frozen=True)
class Result:
    """One corpus: how its run went, and how its steps compare."""

    corpus: str
    run: WholeRun
    comparisons: list[Comparison]

    def tables(self) -> str:
        """Both as Markdown."""
        return f"## {self.corpus}\n\n{stage_table(self.run)}\n{comparison_table(self.comparisons)}"

    def as_dict(self) -> dict[str, Any]:
        """Both as JSON."""
        return {
            "corpus": self.corpus,
            "seconds": self.run.seconds,
            "stages": [asdict(stage) for stage in self.run.stages],
            "comparisons": [{**asdict(c), "ratio": c.ratio} for c in self.comparisons],
        }


def stage_table(run: WholeRun) -> str:
    """One row for each stage, and the whole."""
    rows: list[list[Any]] = [
        [
            s.stage, s.inputs, s.unit, s.outputs, s.seconds, f"{s.seconds / run.seconds:.0%}", s.inputs / s.seconds,
            s.megabytes / s.seconds, s.tree // MIB, s.process // MIB,
        ]
        for s in run.stages
    ]  # fmt: skip
    whole = run.stages[0]
    rows.append(
        [
            "all", whole.inputs, whole.unit, run.stages[-1].outputs, run.seconds, "100%", whole.inputs / run.seconds,
            whole.megabytes / run.seconds, max(s.tree for s in run.stages) // MIB,
            max(s.process for s in run.stages) // MIB,
        ]
    )  # fmt: skip
    headers = ["stage", "in", "unit", "out", "s", "share", "in/s", "MB/s", "peak MiB, all", "peak MiB, one process"]
    return markdown(headers, rows)


def comparison_table(comparisons: list[Comparison]) -> str:
    """One row for each reference."""
    headers = ["step (one core)", "unit", "n", "m4corpus/s", "reference", "reference/s", "ratio", "m4corpus gives",
               "reference gives"]  # fmt: skip
    return markdown(
        headers,
        [
            [c.step, c.unit, c.count, c.ours, c.reference, c.theirs, c.ratio, c.ours_yield, c.reference_yield]
            for c in comparisons
        ],
    )


def measure(corpus: str, recipe: Path, workdir: Path, workers: int, cleaned: int, limit: int | None = None) -> Result:
    """Run a recipe from nothing, then compare its steps over what it left."""
    click.echo(f"{corpus}:", err=True)
    run = run_recipe(recipe, workdir / "work", workers, limit)
    click.echo("  references", err=True)
    pipeline = Pipeline.from_file(recipe, workdir / "work", limit)
    return Result(corpus, run, list(compare(pipeline, workdir / "references", cleaned)))


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="A small slice of each corpus: about a minute instead of several.")
@click.option("--workers", "-w", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default="all cores",
              help="Worker processes of the run; the comparisons use one core.")  # fmt: skip
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Also write the numbers to "
              "this file.")  # fmt: skip
def main(quick: bool, workers: int, json_path: Path | None) -> None:
    """Measure every stage on the installation guide and on a slice of LibreOffice help (fetch both first with
    real_data.py). Prints Markdown; works in a temporary directory of its own.
    """
    # One thread on both sides of a comparison; libraries read these when they are loaded.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    require(GUIDE)
    machine = Machine.here()
    cleaned = QUICK_CLEANED if quick else CLEANED
    pages = QUICK_HELP if quick else HELP_PAGES
    with tempfile.TemporaryDirectory(prefix="m4corpus-bench-") as folder:
        root = Path(folder)
        guide = measure(
            "Debian installation guide", GUIDE_RECIPE, root / "guide", workers, cleaned, QUICK_GUIDE if quick else None
        )
        recipe = help_slice(root / "slice", HELP_LANGUAGES, pages)
        name = f"LibreOffice help: {', '.join(HELP_LANGUAGES)}, {pages} pages each"
        results = [guide, measure(name, recipe, root / "help", workers, cleaned)]
    click.echo(f"{machine.lines()}\nRun with {workers} workers.\n")
    click.echo("\n".join(result.tables() for result in results))
    if json_path:
        record = {"machine": asdict(machine), "workers": workers, "corpora": [r.as_dict() for r in results]}
        json_path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
