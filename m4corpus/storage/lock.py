"""One run at a time in a work directory; the second says who holds it."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from m4corpus.errors import LockedError


@contextmanager
def locked(directory: Path, wait: float = 0.0) -> Iterator[None]:
    """Hold the directory's lock for the block; raises :class:`LockedError` when another process has it and keeps it
    for ``wait`` seconds.

    The operating system drops the lock when its holder dies, so a killed run never leaves a directory locked.
    """
    from filelock import FileLock, Timeout

    directory.mkdir(parents=True, exist_ok=True)
    holder = directory / "lock.json"
    lock = FileLock(directory / ".lock")
    try:
        lock.acquire(timeout=wait)
    except Timeout as error:
        raise LockedError(
            f"another run is using {directory}{_describe(holder)}",
            "Wait for it, stop it, or give this run a work directory of its own with --workdir.",
        ) from error
    try:
        who = {"pid": os.getpid(), "host": platform.node(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        # On a full disk nobody may be told, but what makes room must run.
        with suppress(OSError):
            holder.write_text(json.dumps(who), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _describe(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text(encoding="utf-8"))
        return f" (process {who['pid']} on {who['host']}, since {who['since']})"
    except (OSError, ValueError, KeyError):
        return ""
