"""``run``, ``plan`` and ``status``."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from m4corpus.cli import options
from m4corpus.cli.output import echo_json, table
from m4corpus.stagenames import STAGES

if TYPE_CHECKING:
    from m4corpus.ledger import Entry


@click.command()
@options.recipe
@options.workdir
@click.option("--workers", "-w", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default="all cores",
              help="Worker processes. The result does not depend on it.")  # fmt: skip
@click.option("--executor", type=click.Choice(["local"]), default="local", show_default=True, help="Where tasks run.")
@click.option("--stage", type=click.Choice(STAGES), help="Run this stage alone; the ones before it must be built.")
@click.option("--from", "first", type=click.Choice(STAGES), help="Start here; the stages before it must be built.")
@click.option("--until", "last", type=click.Choice(STAGES), help="Stop after this stage.")
@options.limit
@click.option("--strict", is_flag=True, help="Exit with code 5 when any input was quarantined.")
@options.as_json
def run(
    recipe: Path,
    workdir: Path,
    workers: int,
    executor: str,
    stage: str | None,
    first: str | None,
    last: str | None,
    limit: int | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Run RECIPE: bring every stage up to date, then write a snapshot.

    Stages whose inputs, options and resources are unchanged are taken from the work directory. A run that was
    interrupted resumes from its finished parts. Inputs that cannot be processed are quarantined and counted.

    \b
    Examples:
      m4corpus run recipes/quickstart.yaml
      m4corpus run recipes/quickstart.yaml --until dedup --workers 4
      m4corpus run recipes/quickstart.yaml --stage chunk
      m4corpus run recipes/quickstart.yaml --limit 20     # a quick trial
    """
    if stage and (first or last):
        raise click.UsageError("--stage cannot be combined with --from or --until")
    from m4corpus.cli.report import print_run, reporter
    from m4corpus.errors import QuarantineError
    from m4corpus.pipeline import Pipeline

    pipeline = Pipeline.from_file(recipe, workdir, limit)
    with reporter() as report:
        result = pipeline.run(
            first=stage or first or STAGES[0],
            last=stage or last or STAGES[-1],
            workers=workers,
            executor=executor,
            reporter=report,
        )
    ledger = _again("status", recipe, workdir, limit, "--ledger", "failed")
    if as_json:
        echo_json(result.as_dict())
    else:
        print_run(result, ledger)
    if strict and result.quarantined:
        raise QuarantineError(
            f"{result.quarantined} inputs were quarantined", f"Everything else was built. List them: {ledger}"
        )


@click.command()
@options.recipe
@options.workdir
@options.limit
@options.as_json
def plan(recipe: Path, workdir: Path, limit: int | None, as_json: bool) -> None:
    """Say which stages of RECIPE are cached, which would run or resume, and why. Runs nothing.

    A stage that runs takes the rows of inputs that have not changed from an earlier artifact, where its options,
    models and libraries are the same; `plan` names that artifact, and counts what is new, changed and gone wherever
    that can be told before the stages ahead have run. To see it for a later stage, run the ones before it first.
    Of a recipe that is being run it says what is there so far.

    \b
    Examples:
      m4corpus plan recipes/quickstart.yaml
      m4corpus run recipes/quickstart.yaml --until read && m4corpus plan recipes/quickstart.yaml
    """
    from m4corpus.pipeline import Pipeline

    pipeline = Pipeline.from_file(recipe, workdir, limit)
    steps = pipeline.plan()
    if as_json:
        echo_json([step.as_dict() for step in steps])
    else:
        rows = [[s.stage, s.state, f"{s.why}{f'{chr(10)}{s.forecast}' if s.forecast else ''}", s.donor, s.directory]
                for s in steps]  # fmt: skip
        table(["stage", "state", "why", "reuses rows of", "artifact"], rows)
    for text in pipeline.warnings():
        click.echo(f"warning: {text}", err=True)


@click.command()
@options.recipe
@options.workdir
@options.limit
@click.option("--ledger", "outcome", type=click.Choice(["failed", "dropped"]), help="List these inputs, a line each.")
@options.as_json
def status(recipe: Path, workdir: Path, limit: int | None, outcome: str | None, as_json: bool) -> None:
    """Show what RECIPE has built so far: counts of every stage, drops by rule, failures by reason; languages.

    \b
    Examples:
      m4corpus status recipes/quickstart.yaml
      m4corpus status recipes/quickstart.yaml --ledger failed
    """
    from m4corpus.cli.report import artifact_rows, print_artifacts, print_languages
    from m4corpus.ledger import entries
    from m4corpus.pipeline import Pipeline
    from m4corpus.snapshot.summary import chunk_counts, document_counts

    pipeline = Pipeline.from_file(recipe, workdir, limit)
    artifacts = pipeline.status()
    if not artifacts:
        click.echo(f"nothing is built in {pipeline.root} yet", err=True)
    if outcome:
        found = [(a.stage, e) for a in artifacts for e in entries(a.directory, a.ledger()) if e.outcome == outcome]
        if as_json:
            echo_json(
                [{"stage": s, "id": e.id, "locator": e.locator, outcome: e.slug, "detail": e.detail} for s, e in found]
            )
        else:
            table(["stage", "input", outcome, "detail"], [[s, _place(e), e.slug, e.detail] for s, e in found])
    elif as_json:
        echo_json(artifact_rows(artifacts))
    else:
        print_artifacts(artifacts)
        built = {artifact.stage: artifact for artifact in artifacts}
        if "dedup" in built:
            chunks = chunk_counts(built["chunk"]) if "chunk" in built else {}
            print_languages({**document_counts(built["dedup"]), **chunks})


def _place(entry: Entry) -> str:
    """An input by its id, and where it was found unless the id says so."""
    return entry.id if entry.locator in entry.id else f"{entry.id} ({entry.locator})"


def _again(command: str, recipe: Path, workdir: Path, limit: int | None, *arguments: str) -> str:
    """A command line over the same recipe and work directory, to be copied."""
    words = ["m4corpus", command, str(recipe), *arguments]
    words += ["--workdir", str(workdir)] if workdir != options.WORKDIR else []
    words += ["--limit", str(limit)] if limit else []
    return shlex.join(words)
