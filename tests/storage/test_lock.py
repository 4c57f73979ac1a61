"""One run at a time; the second is told who has the directory; a killed holder lets go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from m4corpus.errors import LockedError
from m4corpus.storage.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from m4corpus.storage.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def holder(directory: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        started = time.monotonic()
        with pytest.raises(LockedError) as caught, locked(tmp_path):
            pytest.fail("two holders")
        assert time.monotonic() - started < 5
        assert f"process {process.pid} on " in caught.value.message
        assert str(tmp_path) in caught.value.message
        assert caught.value.exit_code == 3
        assert "--workdir" in caught.value.hint
        # The refused one must not have taken away the holder's name.
        assert f'"pid": {process.pid}' in (tmp_path / "lock.json").read_text()


def test_free_after_the_holder_ends(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        process.communicate("\n", timeout=10)
        assert process.returncode == 0
        with locked(tmp_path):
            pass
    assert not (tmp_path / "lock.json").exists()


def test_free_after_kill_9(tmp_path: Path) -> None:
    with holder(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with locked(tmp_path):
            assert f'"pid": {os.getpid()}' in (tmp_path / "lock.json").read_text()


def test_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), locked(tmp_path):
        raise RuntimeError
    with locked(tmp_path):
        pass


def test_twice_in_one_process(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(LockedError, match=f"process {os.getpid()}"), locked(tmp_path):
        pytest.fail("two holders")


def test_other_directories_are_free(tmp_path: Path) -> None:
    with locked(tmp_path / "a"), locked(tmp_path / "b"):
        pass
