"""What ``publish`` and ``pull`` show while they work."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from m4corpus.cli.output import bytes_text

#: Seconds between two lines in a log.
_INTERVAL = 30.0
_BYTES = ("upload", "pull")


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A reporter ``(what, done, total)``: one line that moves on a terminal, a line now and then in a log.

    The Hub client's own bars are for terminals alone.
    """
    from huggingface_hub.utils import disable_progress_bars  # type: ignore[attr-defined]

    terminal = sys.stderr.isatty()
    if not terminal:
        disable_progress_bars()
    shown = [time.monotonic()]

    def report(what: str, done: int, total: int) -> None:
        if not total:
            click.echo(what, err=True)
            return
        say = bytes_text if what in _BYTES else "{:,}".format
        line = f"{what}: {say(done)} of {say(total)}"
        if terminal:
            click.echo(f"\r\033[K{line}", nl=False, err=True)
        elif time.monotonic() - shown[0] >= _INTERVAL:
            shown[0] = time.monotonic()
            click.echo(line, err=True)

    try:
        yield report
    finally:
        if terminal:
            click.echo("\r\033[K", nl=False, err=True)
