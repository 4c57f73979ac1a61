"""``rehydrate``."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from m4corpus.cli import options
from m4corpus.cli.output import echo_json, table
from m4corpus.cli.transfer import progress

if TYPE_CHECKING:
    from m4corpus.crawl.questions.estimate import Estimate
    from m4corpus.rehydrate import Rehydration, Result


@click.command()
@click.argument("release", metavar="RELEASE")
@click.option("--lang", "languages", multiple=True, metavar="CODE",
              help="Only documents in this language (any of its codes or names); repeat for several.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N",
              help="Only N of the documents that can be fetched, the same ones every time.")  # fmt: skip
@click.option("--dry-run", is_flag=True,
              help="Say how many requests go to which host and how long it takes; send none to any wiki.")  # fmt: skip
@click.option("--contact", default="",
              help="Mail or web address at which operators reach you, sent with every request; else the environment "
              "variable M4CORPUS_CONTACT.")  # fmt: skip
@click.option("--per-second", type=click.FloatRange(min=0, min_open=True), metavar="N",
              help="Requests started in a second to one host, at most; 5 unless told.")  # fmt: skip
@click.option("--allow-private", multiple=True, metavar="NETWORK",
              help="A private network that may be fetched from (127.0.0.1/32); repeat for several.")  # fmt: skip
@click.option("--allow-missing", is_flag=True, help="End with 0 although documents did not come back.")
@click.option("--allow-differing", is_flag=True, help="End with 0 although texts came back otherwise.")
@click.option("--again", is_flag=True, help="Begin anew although an unfinished run fetched other documents.")
@click.option("--workers", "-w", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default="all cores",
              help="Processes that run the recipe's stages.")  # fmt: skip
@options.workdir
@options.as_json
def rehydrate(
    release: str,
    languages: tuple[str, ...],
    limit: int | None,
    dry_run: bool,
    contact: str,
    per_second: float | None,
    allow_private: tuple[str, ...],
    allow_missing: bool,
    allow_differing: bool,
    again: bool,
    workers: int,
    workdir: Path,
    as_json: bool,
) -> None:
    """Bring back the texts of RELEASE, which was published as ids alone: fetch every revision it names from its wiki,
    run its recipe over them up to dedup, and compare each text with the recorded digest.

    RELEASE is a name or directory it was pulled to, or what `m4corpus pull` takes: owner/name@version, a directory,
    an address such as s3://bucket/folder. The wikis are asked as `m4corpus crawl` asks them: one revision a request,
    politely, with your contact. Stopped or killed, the same command goes on and fetches nothing twice.

    A document is OK, it differs, it is gone (the revision was deleted), it failed (could not be fetched; run the
    command again where that may have passed), or it is not-rehydratable: it came from files or from a web site, which
    keeps no old versions. Rules that look at the whole corpus (templates, duplicates) see the release's documents
    alone, without those that were dropped when it was made. Everything is listed in datasets/NAME@VERSION/ of the
    work directory: report.json, documents.jsonl, and recipe.yaml, with which `m4corpus run` makes chunks, vectors and
    the index.

    Ends with 5 when documents are missing (gone, failed, not-rehydratable), with 4 when texts differ.

    \b
    Examples:
      m4corpus rehydrate me/dishes@3f2a90c11b7d --dry-run
      m4corpus rehydrate me/dishes@3f2a90c11b7d --contact you@university.edu
      m4corpus rehydrate dishes --lang sw --limit 100          # pulled before
      m4corpus run work/datasets/dishes@3f2a90c11b7d/recipe.yaml
    """
    from m4corpus.crawl.client import user_agent
    from m4corpus.crawl.config import PolitenessConfig
    from m4corpus.rehydrate import Rehydration, find

    if not dry_run:
        # Before anything is pulled: without a contact nothing can be fetched.
        user_agent(contact)
    manners: dict[str, Any] = {"contact": contact, "allow_private": list(allow_private)}
    if per_second is not None:
        together = max(per_second, PolitenessConfig().total_per_second)
        manners["politeness"] = {"per_second": per_second, "total_per_second": together}
    with progress() as report:
        found = find(release, workdir, languages, report)
    work = Rehydration(found, workdir, manners, limit)
    if dry_run:
        estimate, counts = work.estimate()
        for note in work.notes:
            click.echo(f"note: {note}", err=True)
        if as_json:
            total: Counter[str] = sum(counts.values(), Counter())
            echo_json({"release": found.name, "to_fetch": total.pop("", 0), **total, **_asked(estimate)})
        else:
            _print_estimate(estimate, counts)
        return
    result = _run(work, workers, again)
    if as_json:
        echo_json({**result.report, "folder": str(result.folder), "recipe_file": str(result.recipe)})
    else:
        _print(result)
    _judge(result, allow_missing=allow_missing, allow_differing=allow_differing)


def _run(work: Rehydration, workers: int, again: bool) -> Result:
    from m4corpus.cli.crawl import watching
    from m4corpus.cli.report import reporter

    with reporter() as follow:

        def report(what: str, done: int, total: int) -> None:
            if total:
                follow.progress("release", what, done, total, "documents")
            else:
                click.echo(what, err=True)

        return work.run(report, watching(follow), follow, workers=workers, again=again)


def _asked(estimate: Estimate) -> dict[str, Any]:
    return {"requests": estimate.requests.expected, "hosts": estimate.hosts, "hours": round(estimate.hours[1], 4)}


def _print_estimate(estimate: Estimate, counts: dict[str, Counter[str]]) -> None:
    from m4corpus.cli.crawl import span
    from m4corpus.rehydrate.records import LEFT_OUT, NOT

    table(
        ["language", "to fetch", NOT, LEFT_OUT],
        [[label, found[""], found[NOT], found[LEFT_OUT]] for label, found in counts.items()],
    )
    table(["host", "requests"], [[host, number] for host, number in estimate.hosts.items()])
    if estimate.requests.expected:
        click.echo(f"{estimate.requests.expected:,} requests, {span(estimate.hours[1])} ({estimate.bound})")
    click.echo("no wiki was asked")


def _print(result: Result) -> None:
    from m4corpus.rehydrate.records import DIFFERS, OUTCOMES

    report = result.report
    rows = [[label, *(found.get(o, 0) for o in OUTCOMES)] for label, found in report["languages"].items()]
    table(["language", *OUTCOMES], [*rows, ["all", *(report["documents"][o] for o in OUTCOMES)]])
    reasons = [[outcome, why, n] for outcome, found in report["reasons"].items() for why, n in found.items()]
    if reasons:
        table(["outcome", "reason", "documents"], reasons)
    for note in report["notes"]:
        click.echo(f"note: {note}", err=True)
    if report["documents"][DIFFERS] and not report["notes"]:
        click.echo(
            "note: no tool is another than it was, so the wikis show these revisions otherwise now (their templates or "
            "their software changed), or a rule over the whole corpus saw other documents",
            err=True,
        )
    click.echo(f"every document: {result.folder / 'documents.jsonl'}", err=True)
    click.echo(f"chunks, vectors and index: m4corpus run {result.recipe}", err=True)


def _judge(result: Result, *, allow_missing: bool, allow_differing: bool) -> None:
    """Raise what the command ends with."""
    from m4corpus.errors import IntegrityError, QuarantineError

    listed = f"{result.folder / 'documents.jsonl'} lists them."
    if result.missing and not allow_missing:
        raise QuarantineError(
            f"{result.missing:,} documents of {result.report['release']} did not come back",
            f"{listed} --allow-missing ends with 0 all the same.",
        )
    if result.differing and not allow_differing:
        raise IntegrityError(
            f"{result.differing:,} documents of {result.report['release']} came back with another text",
            f"{listed} --allow-differing ends with 0 all the same.",
        )
