"""How far a running phase is: each task keeps a small counter file, the parent adds them up.

Files work alike for every executor that shares a file system; they are advisory and never part of an artifact.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

#: Seconds between two writes of a task's counter.
INTERVAL = 0.25


class Progress:
    """Counter of one task."""

    def __init__(self, directory: Path, rank: int) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / f"{rank:05d}"
        self._done = 0
        self._written = 0.0

    def advance(self, amount: int = 1) -> None:
        """Count finished inputs; the file follows at most every :data:`INTERVAL` seconds."""
        self._done += amount
        if time.monotonic() - self._written >= INTERVAL:
            self.flush()

    def flush(self) -> None:
        """Write the counter now."""
        self._written = time.monotonic()
        with suppress(OSError):
            temporary = self._path.with_suffix(".tmp")
            temporary.write_text(str(self._done), encoding="ascii")
            os.replace(temporary, self._path)  # noqa: PTH105


def total(directory: Path) -> int:
    """Inputs finished by all tasks that report in ``directory``."""
    result = 0
    for path in directory.glob("[0-9]*[0-9]"):
        with suppress(OSError, ValueError):
            result += int(path.read_text(encoding="ascii"))
    return result
