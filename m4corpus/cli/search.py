"""``search``, ``retrieve`` and ``evaluate``."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from m4corpus.cli import options
from m4corpus.cli.output import echo_json, printable, table

_depth = click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="Chunks for each query.")
_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@options.snapshot
@click.argument("text", default="")
@click.option("--image", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="Ask with an image too, or alone; for encoders that take images.")  # fmt: skip
@click.option("--query-lang", default="", metavar="CODE",
              help="Language of TEXT, for encoders that are told what to do in it.")  # fmt: skip
@options.languages
@_depth
@options.workdir
@options.trust_remote_code
@options.encoder_path
@options.as_json
def search(
    snapshot: str,
    text: str,
    image: Path | None,
    query_lang: str,
    languages: tuple[str, ...],
    k: int,
    workdir: Path,
    trust_remote_code: bool,
    encoder_path: Path | None,
    as_json: bool,
) -> None:
    """Search SNAPSHOT (a directory, NAME or NAME@VERSION) for TEXT, written in any language the encoder knows.

    \b
    Examples:
      m4corpus search quickstart "how is flatbread baked"
      m4corpus search quickstart "凧はどうやって揚げるの" --lang en -k 3
      m4corpus search dishes "with noodles" --image soup.jpg
    """
    from m4corpus.images import read_image
    from m4corpus.snapshot import open_snapshot

    content = read_image(image) if image else None
    opened = open_snapshot(snapshot, workdir, trust_remote_code, encoder_path)
    hits = opened.search(text, k, languages or None, query_lang, content)
    if as_json:
        echo_json(
            [
                {
                    "rank": rank, "score": round(hit.score, 6), "row": hit.row, "chunk_id": hit.chunk.id,
                    "document_id": hit.chunk.document_id, "title": hit.chunk.title, "headings": hit.chunk.headings,
                    "language": hit.chunk.language, "script": hit.chunk.script, "variety": hit.chunk.variety,
                    "flags": hit.chunk.flags, "url": hit.chunk.url, "revision": hit.chunk.revision,
                    "text": hit.chunk.text, "image": hit.chunk.image,
                }
                for rank, hit in enumerate(hits, 1)
            ]
        )  # fmt: skip
        return
    for rank, hit in enumerate(hits, 1):
        # The first heading is often the title again.
        where = " > ".join(dict.fromkeys([hit.chunk.title, *hit.chunk.headings]))
        click.echo(f"{rank:>3}  {hit.score:.3f}  {hit.chunk.language}_{hit.chunk.script}  {printable(where)}")
        click.echo(f"     {_snippet(printable(hit.chunk.text))}")
        click.echo(f"     {printable(hit.chunk.url or hit.chunk.document_id)}")
    if len(hits) < k:
        click.echo(" ".join([f"{len(hits)} chunks in all", *(f"in {code}" for code in languages)]), err=True)


@click.command()
@options.snapshot
@click.argument("queries", type=_file)
@click.option("--out", type=_file, help="M4-RAG's retrieval file (JSON), as its inference code reads it.")
@click.option("--trec", type=_file, help="TREC run file over documents.")
@options.languages
@_depth
@options.workdir
@options.trust_remote_code
@options.encoder_path
def retrieve(
    snapshot: str,
    queries: Path,
    out: Path | None,
    trec: Path | None,
    languages: tuple[str, ...],
    k: int,
    workdir: Path,
    trust_remote_code: bool,
    encoder_path: Path | None,
) -> None:
    """Retrieve k chunks from SNAPSHOT for each line of QUERIES: {"id": ..., "text": ..., "language": ...}.

    \b
    Example:
      m4corpus retrieve quickstart data/quickstart/queries.jsonl -k 100 --out run.json --trec run.trec
    """
    from m4corpus.retrieve.queries import read_queries
    from m4corpus.retrieve.runs import m4rag_writer, trec_writer
    from m4corpus.retrieve.runs import retrieve as retrieve_
    from m4corpus.snapshot import open_snapshot

    if out is None and trec is None:
        raise click.UsageError("say where to write: --out FILE (M4-RAG), --trec FILE, or both")
    opened = open_snapshot(snapshot, workdir, trust_remote_code, encoder_path)
    asked = read_queries(queries)
    with ExitStack() as stack:
        writers = []
        if out is not None:
            writers.append(stack.enter_context(m4rag_writer(out)))
        if trec is not None:
            writers.append(stack.enter_context(trec_writer(trec, opened.name)))
        with click.progressbar(
            retrieve_(opened, asked, k, languages or None), len(asked), "retrieve", file=sys.stderr
        ) as run:
            for query, hits in run:
                for write in writers:
                    write(query, hits)
    click.echo(f"{len(asked)} queries -> {', '.join(str(p) for p in (out, trec) if p)}", err=True)


@click.command()
@options.snapshot
@click.argument("queries", type=_file)
@click.argument("qrels", type=_file)
@options.languages
@click.option("-k", type=click.IntRange(min=1), default=300, show_default=True, help="Chunks looked at for each query.")
@options.workdir
@options.trust_remote_code
@options.encoder_path
@options.as_json
def evaluate(
    snapshot: str,
    queries: Path,
    qrels: Path,
    languages: tuple[str, ...],
    k: int,
    workdir: Path,
    trust_remote_code: bool,
    encoder_path: Path | None,
    as_json: bool,
) -> None:
    """Score SNAPSHOT on QUERIES (JSON Lines) against QRELS (TREC): nDCG@10, recall and MRR for each query language.

    Scores are of documents: a document ranks where its best chunk does.
    """
    from m4corpus.evaluate import evaluate as evaluate_
    from m4corpus.evaluate import read_qrels
    from m4corpus.evaluate.metrics import MEASURES
    from m4corpus.retrieve.queries import read_queries
    from m4corpus.retrieve.runs import retrieve as retrieve_
    from m4corpus.snapshot import open_snapshot

    judgements = read_qrels(qrels)
    opened = open_snapshot(snapshot, workdir, trust_remote_code, encoder_path)
    run = retrieve_(opened, read_queries(queries), k, languages or None)
    report = evaluate_(run, judgements)
    if as_json:
        echo_json({"queries": report.queries, "scores": report.scores, "unjudged": report.unjudged})
        return
    rows = [[group, report.queries[group], *(scores[m] for m in MEASURES)] for group, scores in report.scores.items()]
    table(["language", "queries", *MEASURES], rows)
    if report.unjudged:
        click.echo(f"{report.unjudged} queries have no judgements and were left out", err=True)


def _snippet(text: str, width: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else line[: width - 1] + "…"
