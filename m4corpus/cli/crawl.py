"""``crawl``: fetch what a recipe asks for, see how it goes, replay it, export it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from m4corpus.cli import options
from m4corpus.cli.output import bytes_text, echo_json, table

if TYPE_CHECKING:
    from m4corpus.crawl.program import Watch
    from m4corpus.crawl.questions.estimate import Estimate
    from m4corpus.crawl.run import Crawl, CrawlResult
    from m4corpus.crawl.status import CrawlStatus
    from m4corpus.pipeline import Reporter

#: What each step of a crawl counts.
UNITS = {"questions": "questions", "pins": "pages", "pages": "pages", "images": "queries", "sites": "pages"}

number = click.option(
    "--crawl", "number", type=click.IntRange(min=1), metavar="N", help="Which crawl; the newest unless told."
)


class _Group(click.Group):
    """A group whose first command needs no name: ``crawl RECIPE`` is ``crawl run RECIPE``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Fetch what a recipe's crawl section asks for, politely, and keep every response.

    `m4corpus crawl RECIPE` is short for `m4corpus crawl run RECIPE`. A crawl that was stopped or killed resumes with
    the same command and fetches nothing twice. When it is finished, `m4corpus run RECIPE` builds the corpus from it.

    \b
    Examples:
      m4corpus crawl recipes/worldcuisines.yaml --dry-run
      m4corpus crawl recipes/worldcuisines.yaml
      m4corpus crawl status recipes/worldcuisines.yaml
      m4corpus crawl replay recipes/worldcuisines.yaml
      m4corpus crawl export recipes/worldcuisines.yaml --out m4rag-data
    """


@command.command(short_help="Crawl what RECIPE asks for, or go on with it.")
@options.recipe
@options.workdir
@click.option("--dry-run", is_flag=True, help="Say how many requests it takes and how long; send none.")
@click.option("--again", is_flag=True, help="Begin a new crawl: articles nobody edited are taken from the last one.")
@click.option("--retry", is_flag=True, help="Ask once more for what failed for reasons that may have passed.")
@options.as_json
def run(recipe: Path, workdir: Path, dry_run: bool, again: bool, retry: bool, as_json: bool) -> None:
    """Crawl what RECIPE asks for, or go on with a crawl that was stopped."""
    from m4corpus.cli.report import reporter

    crawl = _crawl(recipe, workdir)
    if dry_run:
        estimate = crawl.estimate()
        if as_json:
            echo_json(estimate.as_dict())
        else:
            _print_estimate(estimate)
        return
    with reporter() as report:
        result = crawl.run(watching(report), again=again, retry=retry)
    if as_json:
        echo_json(_result(result))
    else:
        _print_result(result, recipe)


@command.command(short_help="Show how far a crawl is, also while it runs.")
@options.recipe
@options.workdir
@number
@click.option("--requests", is_flag=True, help="List every failed request, a line each.")
@click.option(
    "--ledger",
    "outcome",
    type=click.Choice(["failed", "dropped"]),
    help="Of a finished crawl: list these pages, searches and addresses, a line each.",
)
@options.as_json
def status(recipe: Path, workdir: Path, number: int | None, requests: bool, outcome: str | None, as_json: bool) -> None:
    """Show how far a crawl of RECIPE is: requests by kind, rates, errors, time left. It may be running meanwhile."""
    from m4corpus.crawl.frontier import Frontier
    from m4corpus.crawl.status import status as read_status
    from m4corpus.errors import UserError
    from m4corpus.ledger import entries
    from m4corpus.storage.artifact import Artifact

    crawl = _crawl(recipe, workdir)
    found = crawl.find(number)
    if requests:
        with Frontier(found.frontier, read_only=True) as frontier:
            failures = [(row.kind, row.url, row.slug, row.detail) for row in frontier.failures()]
        _list(("kind", "address", "reason", "detail"), failures, as_json)
        return
    if outcome:
        if not found.finished:
            raise UserError(
                f"{found.path} is not finished: its ledger is written at the end",
                "Run `m4corpus crawl` again to finish it; --requests lists what failed so far.",
            )
        artifact = Artifact.open(found.path)
        rows = [e for e in entries(artifact.directory, artifact.ledger()) if e.outcome == outcome]
        _list(("id", "place", outcome, "detail"), [(e.id, e.locator, e.slug, e.detail) for e in rows], as_json)
        return
    told = read_status(found)
    if as_json:
        echo_json(told.as_dict())
    else:
        _print_status(told)


@command.command(short_help="Do a crawl again from its archive alone.")
@options.recipe
@options.workdir
@number
@options.as_json
def replay(recipe: Path, workdir: Path, number: int | None, as_json: bool) -> None:
    """Do a crawl of RECIPE again from its archive, without the network, and compare the digests.

    Of a crawl that has only plan.json and warc/ left, this makes frontier and pages anew.
    """
    from m4corpus.cli.report import reporter
    from m4corpus.errors import IntegrityError

    crawl = _crawl(recipe, workdir)
    with reporter() as report:
        result = crawl.replay(watching(report), number)
    if as_json:
        echo_json({"crawl": result.crawl.path.name, "logical": result.logical, "same": result.same})
    elif result.same:
        click.echo(f"{result.crawl.path.name}: the archive gives the same pages, digest {result.logical}")
    if not result.same:
        raise IntegrityError(
            f"{result.crawl.path}: the archive gives other pages (digest {result.logical}) than the crawl "
            f"({result.expected})",
            "Another version of m4corpus may have crawled it; else its files were changed.",
        )


@command.command(short_help="Write a crawl in the form of M4-RAG's data.")
@options.recipe
@options.workdir
@number
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Directory to write to.")
@click.option("--images", is_flag=True, help="Also write the images themselves, where the crawl fetched them.")
@options.as_json
def export(recipe: Path, workdir: Path, number: int | None, out: Path, images: bool, as_json: bool) -> None:
    """Write a finished crawl of RECIPE in the form of M4-RAG's own data.

    For each set of questions: articles.jsonl, question_article.jsonl and, with images, images.jsonl and
    question_images.jsonl. Article ids are md5("{pageid}_{edition}") as there.
    """
    from m4corpus.crawl.export import export as write

    crawl = _crawl(recipe, workdir)
    found = crawl.find(number)
    written = write(found.path, out)
    files = crawl.export_images(found, out) if images else {}
    if as_json:
        told: dict[str, Any] = {plan: asdict(counts) for plan, counts in written.items()}
        echo_json({**told, "image_files": files} if images else told)
    else:
        rows = [[plan, of.questions, of.articles, of.images, of.failed.total()] for plan, of in written.items()]
        table(["plan", "questions", "articles", "images", "failed"], rows)
        if images:
            table(["images", "count"], sorted(files.items()))
        click.echo(f"written to {out}")


def _crawl(recipe: Path, workdir: Path) -> Crawl:
    from m4corpus.crawl.run import Crawl
    from m4corpus.recipe import load

    return Crawl(load(recipe), recipe.resolve().parent, workdir)


def _list(columns: Sequence[str], rows: Sequence[Sequence[str]], as_json: bool) -> None:
    if as_json:
        echo_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        table(columns, rows)


def span(hours: float) -> str:
    """A length of time as one says it."""
    if hours >= 1:
        return f"{hours:,.1f} hours"
    minutes = round(hours * 60)
    return f"{minutes} minute{'s' if minutes > 1 else ''}" if minutes else "less than a minute"


def watching(report: Reporter) -> Watch:
    """Lets a reporter hear how far a crawl is."""

    def watch(step: str, done: int, total: int) -> None:
        report.progress("crawl", step, done, total, UNITS.get(step, "pages"))

    return watch


def _result(result: CrawlResult) -> dict[str, Any]:
    counters = result.counters
    return {
        "crawl": str(result.crawl.path),
        "logical": result.artifact.logical,
        "fetched": counters.fetched,
        "reused": counters.reused,
        "failed": counters.failed,
        "seconds": round(result.seconds, 3),
        **result.artifact.counts.as_dict(),
    }


def _print_result(result: CrawlResult, recipe: Path) -> None:
    from m4corpus.crawl.status import may_pass

    counts = result.artifact.counts
    if not result.seconds:
        click.echo(f"{result.crawl.path} is finished; --again begins a new one")
    rows: list[list[Any]] = [["pages", counts.outputs]]
    rows += [[f"dropped: {rule}", n] for rule, n in sorted(counts.dropped.items())]
    rows += [[f"failed: {reason}", n] for reason, n in sorted(counts.failed.items())]
    table(["outcome", "count"], rows)
    if result.seconds:
        fetched, reused = result.counters.fetched, result.counters.reused
        click.echo(f"{fetched:,} requests sent, {reused:,} answers were there already, {result.seconds:.1f} s")
    if counts.failed and may_pass(result.crawl):
        click.echo("some of it failed for reasons that may have passed: --retry asks again")
    if conditioned := result.artifact.info["conditioned_on_answers"]:
        click.echo(f"note: pages were searched for with the right answers of {', '.join(conditioned)}")
    click.echo(f"digest {result.artifact.logical}")
    click.echo(f"next: m4corpus run {recipe}")


def _print_status(told: CrawlStatus) -> None:
    state = "finished" if told.finished else f"unfinished, begun {told.started}"
    click.echo(f"{told.crawl}: {state}")
    fetched, reached = told.pages
    pages = f"{fetched:,} pages" if told.finished else f"pages {fetched:,} of {reached:,} found so far"
    click.echo(f"questions {told.questions[0]:,} of {told.questions[1]:,}, {pages}")
    states = ("done", "pending", "failed")
    table(["requests", *states], [[kind, *(of.get(s, 0) for s in states)] for kind, of in told.requests.items()])
    if told.failures:
        table(
            ["failed", "reason", "count"],
            [[kind, slug, n] for kind, of in told.failures.items() for slug, n in of.items()],
        )
    if told.troubles:
        table(["host", "tried again after", "times", "seconds waited"], [list(row) for row in told.troubles])
    click.echo(f"{bytes_text(told.bytes)} fetched, {told.per_second:.1f} answers/s over the last minutes")
    if told.seconds_left is not None:
        click.echo(f"about {span(told.seconds_left / 3600)} left")


def _print_estimate(estimate: Estimate) -> None:
    for plan, questions in estimate.questions.items():
        click.echo(f"{plan}: {questions:,} questions")
    if estimate.rejected:
        click.echo(f"{estimate.rejected:,} rows of the tables are not asked; the crawl's ledger says why")
    rows = [[c.kind, c.number.least, c.number.expected, c.number.most] for c in estimate.counts]
    total, reference = estimate.requests, estimate.reference.requests
    rows.append(["all requests", total.least, total.expected, total.most])
    rows.append(["M4-RAG's scripts", reference.least, reference.expected, reference.most])
    table(["requests", "at least", "expected", "at most"], rows)
    for count in estimate.counts:
        if count.assumption:
            click.echo(f"{count.kind}: {count.assumption}")
    least, expected, most = estimate.hours
    click.echo(f"{span(expected)} expected, {span(least)} at least, {span(most)} at most ({estimate.bound})")
    click.echo(
        f"M4-RAG's scripts: {span(estimate.reference.hours)} one request after another, "
        f"{span(estimate.reference.same_rate_hours)} at the same rate as here"
    )
    click.echo("nothing was sent")
