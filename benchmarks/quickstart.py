"""Times the quickstart recipe from nothing and again, and scores the offline encoder on its queries.

Languages are grouped by whether the Universal Sentence Encoder was trained on them or a close relative, or they are
the student's.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import click
from measure import Machine, markdown

import m4corpus
from m4corpus.embed.carried.use import LANGUAGES
from m4corpus.evaluate import evaluate, read_qrels
from m4corpus.evaluate.metrics import MEASURES, Qrels
from m4corpus.languages import get
from m4corpus.retrieve.queries import Query, read_queries
from m4corpus.retrieve.runs import retrieve

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data" / "quickstart"
COVERED, OTHER = "the teacher's languages", "the student's languages"
#: Chunks looked at for each query: enough to rank every document.
DEPTH = 2000


@click.command(help=__doc__)
@click.option("--workers", default=2, show_default=True, help="Worker processes.")
def main(workers: int) -> None:
    machine = Machine.here()
    with tempfile.TemporaryDirectory() as workdir:
        seconds = []
        for _ in range(2):
            started = time.monotonic()
            result = m4corpus.run(ROOT / "recipes" / "quickstart.yaml", workdir, workers=workers)
            seconds.append(time.monotonic() - started)
        if result.snapshot is None:
            raise click.ClickException("the recipe ended without a snapshot")
        snapshot = m4corpus.open_snapshot(result.snapshot)
        # Labels such as jpn_Jpan. Min Nan is covered in Han script only, and most of its pages and queries are Latin.
        covered = {label[:3] for label in LANGUAGES} - {"nan"}
        queries = [
            Query(q.id, q.text, COVERED if get(q.language).code in covered else OTHER)
            for q in read_queries(DATA / "queries.jsonl")
        ]
        qrels = read_qrels(DATA / "qrels.txt")
        everything = evaluate(retrieve(snapshot, queries, DEPTH), qrels)
        foreign = [query for query in queries if not query.id.startswith("en-")]
        english = _in_english(qrels)
        crossing = evaluate(retrieve(snapshot, foreign, DEPTH, ["eng"]), english)
        rows = [
            [name, group, report.queries[group], *(scores[m] for m in MEASURES)]
            for name, report in (("any language", everything), ("English", crossing))
            for group, scores in report.scores.items()
        ]
        click.echo(machine.lines())
        click.echo(f"\nFirst run {seconds[0]:.1f} s, again {seconds[1]:.1f} s, {workers} workers.\n")
        click.echo(markdown(["answers in", "queries in", "queries", *MEASURES], rows))


def _in_english(qrels: Qrels) -> Qrels:
    """The judgements on English documents alone: about one for each query."""
    pages = map(json.loads, (DATA / "pages.jsonl").read_text(encoding="utf-8").splitlines())
    english = {page["id"] for page in pages if page["language"] == "en"}
    return {query: {doc: r for doc, r in judged.items() if doc in english} for query, judged in qrels.items()}


if __name__ == "__main__":
    main()
