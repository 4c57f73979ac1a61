"""Options several commands share."""

from __future__ import annotations

from pathlib import Path

import click

#: Where artifacts go unless told otherwise.
WORKDIR = Path("work")

recipe = click.argument("recipe", type=click.Path(path_type=Path))

workdir = click.option(
    "--workdir",
    type=click.Path(path_type=Path, file_okay=False),
    default=WORKDIR,
    show_default=True,
    envvar="M4CORPUS_WORKDIR",
    help="Directory that holds artifacts, snapshots and caches.",
)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")

snapshot = click.argument("snapshot")

languages = click.option(
    "--lang",
    "languages",
    multiple=True,
    metavar="CODE",
    help="Only answers in this language (any of its codes or names: ja, jpn, zh-yue, Swahili); repeat for several.",
)

trust_remote_code = click.option(
    "--trust-remote-code", is_flag=True, help="Let Python code that comes with the snapshot's encoder run here."
)

encoder_path = click.option(
    "--encoder-path",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the model lies, for a snapshot whose encoder is a model directory; its files are compared with the "
    "recorded digest.",
)

limit = click.option(
    "--limit",
    type=click.IntRange(min=1),
    help="A trial of at most this many inputs, kept apart: its snapshot is NAME-trial.",
)
