"""Files that are either whole or absent: temporary name, fsync, rename, fsync of the directory."""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from m4corpus.errors import EnvironmentFailure

_REFUSALS = {
    errno.ENOSPC: ("no space left on the device", "Free some space, then run the same command: it resumes."),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, then run the same command: it resumes."),
    errno.EFBIG: ("the file would exceed the largest size allowed here", "Raise the limit (ulimit -f)."),
    errno.EROFS: ("the file system is read-only", "Choose a writable directory with --workdir."),
    errno.EACCES: ("permission denied", "Choose a directory you may write to with --workdir, or change its rights."),
    errno.ENOTDIR: ("a part of the path is a file", "Choose another directory with --workdir."),
    errno.EPERM: ("operation not permitted", "Choose a directory you may write to with --workdir."),
}


def machine_refused(error: OSError) -> EnvironmentFailure | None:
    """The user's form of an operation refused by the machine (full disk, quota, rights), or None for other errors."""
    if error.errno not in _REFUSALS:
        return None
    what, hint = _REFUSALS[error.errno]
    return EnvironmentFailure(f"cannot use{f' {error.filename}' if error.filename else ''}: {what}", hint)


#: A temporary file: where and by which process it is written.
_TEMPORARY = re.compile(r"\.m4-([0-9a-f]{8})-([0-9]+)-[0-9a-f]{8}\.tmp")
#: Seconds after which a temporary file that nobody touched is taken for left behind, whoever wrote it.
_FORGOTTEN = 7 * 24 * 3600.0


@cache
def _machine() -> str:
    """Tells whether a process id of another process means anything here: it does in one name space of one machine."""
    try:
        names = os.readlink("/proc/self/ns/pid")  # noqa: PTH115  (what it names is no path)
    except OSError:
        names = ""
    return sha256(f"{platform.node()} {names}".encode()).hexdigest()[:8]


@cache
def _tidied(directory: Path, process: int) -> None:
    """Remove what writers that were killed left in a directory: once for each process that writes there, because a
    directory may hold very many files."""
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            found = _TEMPORARY.fullmatch(entry.name)
            if found is None:
                continue
            # It may have gone by itself in between.
            with suppress(OSError):
                changed = entry.stat(follow_symlinks=False).st_ctime
                ended = found[1] == _machine() and not _runs(int(found[2]))
                if ended or time.time() - changed > _FORGOTTEN:
                    Path(entry.path).unlink()


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is somebody else's
        return True
    return True


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, renamed over it durably when the block ends without an error.

    It is the writer's own: of several that write the same file at once, the last one's stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _tidied(path.parent, os.getpid())
    temporary = path.with_name(f".m4-{_machine()}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        sync(temporary)
        os.replace(temporary, path)  # noqa: PTH105  (the atomic call, by its own name)
        sync(path.parent)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write a small file atomically and durably."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def json_bytes(value: Any) -> bytes:
    """The one form in which JSON files are written: indented, keys sorted, a line feed at the end."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, as :func:`json_bytes`."""
    write_bytes(path, json_bytes(value))


def sync(path: Path) -> None:
    """Flush a file or directory to stable storage."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(directory: Path) -> None:
    """Flush every file and directory below ``directory``: before a record says that the work in it is done."""
    for path in [directory, *directory.rglob("*")]:
        sync(path)


def link_or_copy(source: Path, target: Path) -> None:
    """Put the same bytes at ``target``, as a second name of the file where the file system allows that.

    For finished files of artifacts alone, which nobody writes to.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # Renaming one name of a file to another of the same file would do nothing.
    target.unlink(missing_ok=True)
    with replacing(target) as temporary:
        try:
            os.link(source, temporary)
        except OSError:  # another file system, one without links, or too many of them
            shutil.copyfile(source, temporary)


def fresh_directory(path: Path) -> Path:
    """An empty directory at ``path``, whatever an interrupted run left there."""
    if path.exists():
        shutil.rmtree(path)
    path.mkdir(parents=True)
    return path
