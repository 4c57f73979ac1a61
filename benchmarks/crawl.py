#!/usr/bin/env python3
"""Crawling real MediaWiki wikis on this machine: m4corpus and the reference's way, over the same questions."""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from measure import MIB, Machine, markdown
from wikicrawls import Crawled, fetch, observed, reference, replay
from wikiquestions import add_pages, dish_names, names_of, support, write_dishes, write_titles

#: As fast as the wikis can: nobody else uses them.
FAST: dict[str, float] = {"concurrency": 8, "per_second": 10_000, "total_per_second": 10_000}
#: Requests a second of the polite comparison.
POLITE = 5.0
#: Requests that are answered with 503, one after the other, in the comparison with refusals.
REFUSED = 20
#: Times the larger crawl is the smaller one, in the table of memory.
FACTOR = 4


def versus(theirs: Crawled, ours: Crawled, *others: Crawled) -> str:
    """Both crawls; what one of them, or one of the others that asked the same, found and this one did not is lost."""
    everything = frozenset[tuple[str, str]]().union(*(run.work.found for run in (theirs, ours, *others)))
    rows = [
        [run.crawler, run.requests, run.work.seconds, run.rate, run.work.pages, run.again, len(run.work.found),
         len(everything - run.work.found), run.share(run.php), run.share(run.work.cpu), round(run.ceiling),
         theirs.work.seconds / run.work.seconds, run.rate / theirs.rate]
        for run in (theirs, ours)
    ]  # fmt: skip
    headers = ["crawler", "requests", "s", "requests/s", "pages", "fetched again", "answers", "lost", "PHP", "client",
               "PHP's limit, requests/s", "time: times as fast", "rate: times as high"]  # fmt: skip
    return markdown(headers, rows)


def from_archive(runs: list[Crawled]) -> str:
    """Runs beside the first, which had nothing yet."""
    rows = [
        [run.crawler, run.requests, run.work.pages, run.work.seconds, run.work.pages / run.work.seconds,
         runs[0].work.seconds / run.work.seconds]
        for run in runs
    ]  # fmt: skip
    return markdown(["run", "requests", "pages", "s", "pages/s", "times as fast"], rows)


def memory_table(small: Crawled, large: Crawled) -> str:
    """Peaks of a crawl and of one :data:`FACTOR` times as large."""
    row = [small.crawler, small.work.pages, large.work.pages, small.work.peak // MIB, large.work.peak // MIB,
           large.work.peak / small.work.peak, large.rate]  # fmt: skip
    headers = [
        "crawler",
        "pages 1x",
        f"{FACTOR}x",
        "peak 1x, MiB",
        f"{FACTOR}x, MiB",
        "ratio",
        f"requests/s, {FACTOR}x",
    ]
    return markdown(headers, [row])


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Fewer questions and pages: whether it runs, not how fast.")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Also write the numbers to "
              "this file.")  # fmt: skip
def main(quick: bool, json_path: Path | None) -> None:
    """Start wikis in six languages (MediaWiki 1.39; needs PHP), ask them for dishes and their categories in the manner
    of WorldCuisines, and compare. Each crawl is in a process of its own. Works in a temporary directory.
    """
    machine = Machine.here()
    setup = support("mediawiki_setup")
    try:
        with support("wikis").running() as wikis, tempfile.TemporaryDirectory(prefix="m4corpus-bench-") as folder:
            benchmark = _Benchmark(wikis, Path(folder), quick)
            report = benchmark.report()
    except setup.Unavailable as reason:
        raise click.ClickException(f"no MediaWiki: {reason}") from None
    click.echo(f"{machine.lines()}\n{report}")
    if json_path:
        record = {"machine": asdict(machine), "runs": {name: _as_dict(run) for name, run in benchmark.runs.items()}}
        json_path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


class _Benchmark:
    """The comparisons, in the order of the report; ``runs`` by name."""

    def __init__(self, wikis: Any, folder: Path, quick: bool) -> None:
        self.runs: dict[str, Crawled] = {}
        self._wikis = wikis
        self._folder = folder
        self._quick = quick
        names = dish_names(wikis)
        some = names[:: 40 if quick else 20]
        self._many = write_dishes(folder / "many", wikis, names[::8] if quick else names, **FAST)
        self._few = write_dishes(folder / "few", wikis, some, **FAST)
        manners = {"concurrency": 2, "per_second": POLITE, "total_per_second": POLITE}
        self._polite = write_dishes(folder / "polite", wikis, some, **manners)

    def report(self) -> str:
        """Everything, as Markdown."""
        many, few = (f"{len(names_of(recipe))} questions" for recipe in (self._many, self._few))
        parts = {
            f"As fast as the wikis answer, {many}": self._fast(),
            f"At {POLITE:g} requests a second, {few}": self._slow(),
            f"The first {REFUSED} requests refused (503, Retry-After: 1), {few}": self._refused(),
            "The first of these crawls of m4corpus once more": self._again(),
            "Memory": self._memory(),
        }
        return "\n".join(f"{title}:\n\n{table}" for title, table in parts.items())

    def _fast(self) -> str:
        return versus(
            self._run("fast", "reference", reference, self._many, 0.0),
            self._run("fast", "m4corpus", fetch, self._many, self._folder / "fast"),
        )

    def _slow(self) -> str:
        return versus(
            self._run("polite", "reference", reference, self._polite, POLITE),
            self._run("polite", "m4corpus", fetch, self._polite, self._folder / "slow"),
        )

    def _refused(self) -> str:
        with self._wikis.refusing(REFUSED):
            theirs = self._run("refused", "reference", reference, self._few, 0.0)
        with self._wikis.refusing(REFUSED):
            ours = self._run("refused", "m4corpus", fetch, self._few, self._folder / "refused")
        return versus(theirs, ours, self.runs["polite: reference"], self.runs["polite: m4corpus"])

    def _again(self) -> str:
        work = self._folder / "fast"
        runs = [self.runs["fast: m4corpus"], self._run("again", "finished: nothing to do", fetch, self._many, work)]
        [manifest] = work.rglob("manifest.json")
        manifest.unlink()
        runs.append(self._run("again", "all fetched, pages not written", fetch, self._many, work))
        runs.append(self._run("again", "replay from the archive", replay, self._many, work))
        return from_archive(runs)

    def _memory(self) -> str:
        size = 50 if self._quick else 500
        titles = add_pages(self._wikis, size * FACTOR)
        small, large = (
            self._run(
                f"memory, {times}x", "m4corpus", fetch, self._titles(titles[: size * times]), self._folder / f"{times}x"
            )
            for times in (1, FACTOR)
        )
        return memory_table(small, large)

    def _titles(self, titles: list[str]) -> Path:
        return write_titles(self._folder / f"titles-{len(titles)}", self._wikis, titles, **FAST)

    def _run(self, what: str, crawler: str, *work: Any) -> Crawled:
        click.echo(f"{what}: {crawler}", err=True)
        done = self.runs[f"{what}: {crawler}"] = observed(self._wikis, crawler, *work)
        return done


def _as_dict(run: Crawled) -> dict[str, Any]:
    data = asdict(run)
    work = data.pop("work")
    return {**data, **work, "found": len(work["found"]), "pages": run.work.pages}


if __name__ == "__main__":
    sys.exit(main())
