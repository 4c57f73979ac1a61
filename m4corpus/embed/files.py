"""Files a model consists of, and their digests, computed once a process."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from m4corpus.errors import UserError
from m4corpus.storage.digests import file_digest

#: Path, size, times of change (nanoseconds) and inode of a file: equal as long as its content is.
State = tuple[str, int, int, int, int]

#: Seconds since its last change after which a file that changes again shows it by its times: the coarsest clock of
#: the file systems in use ticks every two.
SETTLED = 2.0

_digests: dict[State, str] = {}


def content_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes, taken from memory where the file has not changed since it was last read."""
    state = file_state(path)
    if state in _digests:
        return _digests[state]
    settled = time.time() - path.stat().st_ctime >= SETTLED
    digest = file_digest(path)
    if settled:
        _digests[state] = digest
    return digest


def file_state(path: Path) -> State:
    """What tells, without reading it, that a file is no longer what it was."""
    status = path.stat()
    return str(path.absolute()), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def files_below(directory: Path) -> Iterator[Path]:
    """Every file of a model directory, hidden ones too: also those of directories it has links to, which whoever loads
    the model reads as well. A link to a directory that it lies in is not followed."""
    above: dict[str, frozenset[str]] = {str(directory): frozenset()}
    for place, directories, names in os.walk(directory, followlinks=True):
        around = above.pop(place) | {os.path.realpath(place)}
        directories[:] = sorted(name for name in directories if os.path.realpath(Path(place, name)) not in around)
        above.update((os.path.join(place, name), around) for name in directories)  # noqa: PTH118  (as os.walk does)
        yield from (path for name in sorted(names) if (path := Path(place, name)).is_file())


def model_files(directory: Path) -> dict[str, Path]:
    """Every file of a model directory but hidden ones, by its path within, in order; :class:`UserError` when none."""
    files = {path.relative_to(directory).as_posix(): path for path in files_below(directory)}
    visible = sorted(name for name in files if not any(part.startswith(".") for part in name.split("/")))
    if not visible:
        raise UserError(f"encoder: the directory '{directory}' is empty", "Give the directory of a saved model.")
    return {name: files[name] for name in visible}
