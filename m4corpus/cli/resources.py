"""``resources``."""

from __future__ import annotations

import click


@click.group()
def command() -> None:
    """The model files the package carries."""


@command.command()
def check() -> None:
    """Compare every carried file with its recorded SHA-256."""
    from m4corpus.embed.carried.student import checked
    from m4corpus.identify.resources import model_path, read_settings, verify_model

    verify_model(model_path(), read_settings().sha256)
    click.echo(f"{model_path().name}: as recorded")
    click.echo(f"{checked().name}: as recorded")
