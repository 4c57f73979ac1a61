"""``verify``, which is ``snapshot verify``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from m4corpus.cli import options
from m4corpus.cli.output import echo_json, table

if TYPE_CHECKING:
    from m4corpus.snapshot import Snapshot

#: Documents made again when no number is given.
SAMPLE = 20


@click.command()
@options.snapshot
@click.option("--quick", is_flag=True, help="Manifests and sizes alone: seconds, whatever the size.")
@click.option(
    "--rebuild",
    type=click.IntRange(min=1),
    is_flag=False,
    flag_value=SAMPLE,
    metavar="[N]",
    help=f"Make N documents ({SAMPLE}) again from their source and compare them at every stage; written last or as "
    "--rebuild=N.",
)
@click.option(
    "--recipe",
    type=click.Path(path_type=Path),
    help="With --rebuild: the recipe, for where the sources lie now; else where they lay when it was made.",
)
@options.encoder_path
@options.trust_remote_code
@options.workdir
@options.as_json
def verify(
    snapshot: str,
    quick: bool,
    rebuild: int | None,
    recipe: Path | None,
    encoder_path: Path | None,
    trust_remote_code: bool,
    workdir: Path,
    as_json: bool,
) -> None:
    """Read every byte SNAPSHOT is made of and compare it with the recorded digests and counts; compare the rows of
    every stage with the ledger, with the stage before and with the index.

    Exits with code 4 and names each damaged file when anything differs. The encoder is loaded for --rebuild alone.

    \b
    Examples:
      m4corpus verify quickstart
      m4corpus verify quickstart@v1 --quick
      m4corpus verify quickstart --rebuild=50       # 50 documents, from their pages to their vectors
    """
    from m4corpus.errors import IntegrityError
    from m4corpus.snapshot import open_snapshot
    from m4corpus.snapshot import verify as problems_of

    if quick and rebuild:
        raise click.UsageError("--quick and --rebuild exclude each other")
    given = {"--recipe": recipe, "--encoder-path": encoder_path, "--trust-remote-code": trust_remote_code}
    if not rebuild and any(given.values()):
        raise click.UsageError(f"{next(name for name in given if given[name])} is for --rebuild alone")
    opened = open_snapshot(snapshot, workdir, trust_remote_code, encoder_path)
    if rebuild:
        _rebuild(opened, rebuild, recipe, as_json)
        return

    def watch(stage: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\033[Kverify: {stage}", nl=False, err=True)

    problems = list(dict.fromkeys(problems_of(opened, quick=quick, watch=watch)))
    if sys.stderr.isatty():
        click.echo("\r\033[K", nl=False, err=True)
    if as_json:
        echo_json({"snapshot": opened.name, "quick": quick, "sound": not problems, "problems": problems})
    if problems:
        raise IntegrityError(
            "\n".join([f"{opened.name} is damaged:", *problems]),
            "Delete the damaged artifact's directory and run the recipe again: it rebuilds only that.",
        )
    if not as_json:
        click.echo(f"{opened.name} is sound" + (" (manifests and sizes; files were not read)" if quick else ""))


def _rebuild(snapshot: Snapshot, count: int, recipe: Path | None, as_json: bool) -> None:
    """A line for each document; differences end in exit code 4, and nothing but missing sources in 2."""
    from m4corpus.errors import IntegrityError, UserError
    from m4corpus.rebuild import DIFFERS, GONE, OK, rebuild

    done = rebuild(snapshot, count, recipe)
    counts = {outcome: done.count(outcome) for outcome in (OK, DIFFERS, GONE)}
    if as_json:
        echo_json(
            {
                "snapshot": snapshot.name,
                "counts": counts,
                "documents": [
                    {"id": r.id, "outcome": r.outcome, "stage": r.stage, "detail": r.detail} for r in done.results
                ],
                "notes": done.notes,
            }
        )
    else:
        table(["document", "outcome", "stage", "detail"], [[r.id, r.outcome, r.stage, r.detail] for r in done.results])
        click.echo(", ".join(f"{number} {outcome}" for outcome, number in counts.items()))
        for note in done.notes:
            click.echo(f"note: {note}", err=True)
    if counts[DIFFERS]:
        raise IntegrityError(
            f"{counts[DIFFERS]} of {len(done.results)} documents of {snapshot.name} come out otherwise today",
            "The notes name packages and models that are others now; else the artifact of that stage is damaged, or "
            "a stage is not deterministic: m4corpus verify tells which.",
        )
    if done.results and counts[GONE] == len(done.results):
        raise UserError(
            f"no source of {snapshot.name} is there any more, so nothing was proven",
            "Say where the sources lie now: --recipe FILE.",
        )
