"""``verify``."""

from __future__ import annotations

from pathlib import Path

import click

from m4corpus.cli import options
from m4corpus.cli.output import echo_json


@click.command()
@options.snapshot
@options.workdir
@options.as_json
def verify(snapshot: str, workdir: Path, as_json: bool) -> None:
    """Read every byte SNAPSHOT is made of and compare it with the recorded digests and counts.

    Exits with code 4 and names each damaged file when anything differs.
    """
    from m4corpus.errors import IntegrityError
    from m4corpus.snapshot import open_snapshot
    from m4corpus.snapshot import verify as problems_of

    opened = open_snapshot(snapshot, workdir)
    problems = list(problems_of(opened))
    if as_json:
        echo_json({"snapshot": opened.name, "sound": not problems, "problems": problems})
    if problems:
        raise IntegrityError(
            "\n".join([f"{opened.name} is damaged:", *problems]),
            "Delete the damaged artifact's directory and run the recipe again: it rebuilds only that.",
        )
    if not as_json:
        click.echo(f"{opened.name} is sound")
