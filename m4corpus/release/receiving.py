"""What arrives, written down as far as it was announced."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from m4corpus.errors import IntegrityError

_BLOCK = 1 << 20


class Readable(Protocol):
    """Anything bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""


def receive(stream: Readable, target: Path, most: int, what: str) -> int:
    """Append a stream to ``target``, which then has at most ``most`` bytes; how many were appended.

    Raises :class:`IntegrityError` for one that goes on, and removes ``target``: nobody knows what it is.
    """
    got, have = 0, target.stat().st_size if target.exists() else 0
    with target.open("ab") as out:
        while block := stream.read(min(_BLOCK, most - have - got + 1)):
            got += len(block)
            if have + got > most:
                break
            out.write(block)
    if have + got > most:
        target.unlink()
        raise too_long(what, most)
    return got


def too_long(what: str, most: int) -> IntegrityError:
    """What to raise for a file that is longer than was announced."""
    return IntegrityError(f"{what} is refused: it is longer than {most:,} bytes", "Nothing of it was kept.")
