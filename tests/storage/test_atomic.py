"""Files are whole or absent, and a refusal of the machine is told in the user's words."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from m4corpus.storage import atomic
from m4corpus.storage.atomic import fresh_directory, machine_refused, replacing, write_bytes, write_json

WRITERS = 4


def write_often(path: Path, letter: int, barrier: Any, said: Any) -> None:
    """Writes a file many times when all others do, and says what went wrong."""
    barrier.wait()
    try:
        for _ in range(25):
            write_bytes(path, bytes([letter]) * 500_000)
        said.put("")
    except OSError as error:
        said.put(repr(error))


def written_elsewhere(path: Path) -> None:
    """An empty file, by a process of its own."""
    script = f"import pathlib, m4corpus.storage.atomic as a; a.write_bytes(pathlib.Path({str(path)!r}), b'')"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_writes_and_makes_the_directory(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "b.json", {"z": 1, "a": "é"})
    assert (tmp_path / "a" / "b.json").read_text(encoding="utf-8") == '{\n  "a": "é",\n  "z": 1\n}\n'
    assert names(tmp_path / "a") == ["b.json"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_an_error_leaves_nothing_new(tmp_path: Path, error: type[BaseException]) -> None:
    def fails() -> None:
        with replacing(tmp_path / "file") as temporary:
            temporary.write_bytes(b"half")
            raise error

    with pytest.raises(error):
        fails()
    assert names(tmp_path) == []


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"old")

    def fails() -> None:
        with replacing(tmp_path / "file") as temporary:
            temporary.write_bytes(b"half")
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        fails()
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_a_block_that_writes_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "file"):
        pass
    assert names(tmp_path) == []


def test_a_reader_never_sees_a_part(tmp_path: Path) -> None:
    path, contents = tmp_path / "file", [b"a" * 200_000, b"b" * 300_000]
    write_bytes(path, contents[0])
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(40):
        write_bytes(path, contents[turn % 2])
    done.set()
    reader.join()
    assert seen <= set(contents)


def test_killed_while_writing_leaves_the_old_file_and_the_next_write_succeeds(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    script = (
        "import sys, time; from pathlib import Path; from m4corpus.storage.atomic import replacing\n"
        f"with replacing(Path({str(path)!r})) as t: t.write_bytes(b'half'); print('in', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert child.stdout is not None
    assert child.stdout.readline() == b"in\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert path.read_bytes() == b"old"
    assert len(names(tmp_path)) == 2
    # What is left goes with the first file that another process writes there, whichever that is.
    written_elsewhere(path)
    assert path.read_bytes() == b""
    assert names(tmp_path) == ["file"]


def test_several_processes_write_one_file_at_once(tmp_path: Path) -> None:
    processes = get_context("spawn")
    barrier, said = processes.Barrier(WRITERS), processes.Queue()
    writers = [
        processes.Process(target=write_often, args=(tmp_path / "file", letter, barrier, said)) for letter in b"abcd"
    ]
    for writer in writers:
        writer.start()
    assert [said.get(timeout=60) for _ in writers] == [""] * WRITERS
    for writer in writers:
        writer.join()
    assert len(set((tmp_path / "file").read_bytes())) == 1
    assert names(tmp_path) == ["file"]


def test_a_temporary_file_stays_while_its_writer_does(tmp_path: Path) -> None:
    with replacing(tmp_path / "one") as temporary:
        temporary.write_bytes(b"whole")
        written_elsewhere(tmp_path / "other")
    assert names(tmp_path) == ["one", "other"]


def test_what_another_machine_left_long_ago_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tmp_path / ".m4-0123abcd-1-0123abcd.tmp"
    for name in (theirs.name, ".m4-mine.tmp", ".other.tmp"):
        (tmp_path / name).touch()
    write_bytes(tmp_path / "file", b"")
    assert theirs.exists(), "it may be written right now"
    atomic._tidied.cache_clear()
    later = time.time() + 30 * 24 * 3600
    monkeypatch.setattr(atomic.time, "time", lambda: later)
    write_bytes(tmp_path / "file", b"")
    assert names(tmp_path) == [".m4-mine.tmp", ".other.tmp", "file"]


def test_fresh_directory_is_empty(tmp_path: Path) -> None:
    (tmp_path / "d" / "deep").mkdir(parents=True)
    (tmp_path / "d" / "deep" / "old").touch()
    assert names(fresh_directory(tmp_path / "d")) == []


def test_a_full_disk_is_told() -> None:
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError) as caught:  # noqa: PT011
        full.write(b"x")
    failure = machine_refused(caught.value)
    assert failure is not None
    assert failure.exit_code == 6
    assert "no space" in failure.message
    assert "resumes" in failure.hint


def test_a_full_disk_under_a_part_writer_is_told() -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("a", pa.string())])
    rows = pa.record_batch({"a": [os.urandom(500_000).hex()]}, schema=schema)
    with pytest.raises(OSError) as caught, pq.ParquetWriter("/dev/full", schema) as writer:  # noqa: PT011
        writer.write_batch(rows)
    failure = machine_refused(caught.value)
    assert failure is not None
    assert "no space" in failure.message


def test_a_limit_on_file_size_is_told(tmp_path: Path) -> None:
    failure = machine_refused(OSError(errno.EFBIG, "File too large", str(tmp_path / "part")))
    assert failure is not None
    assert str(tmp_path / "part") in failure.message


def test_other_errors_are_not_the_machine() -> None:
    assert machine_refused(OSError(errno.ENOENT, "no such file")) is None
    assert machine_refused(OSError("text only")) is None
