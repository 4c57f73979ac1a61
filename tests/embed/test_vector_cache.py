"""The cache of vectors: sound vectors come back, damaged ones never do, and many processes may share it."""

from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from m4corpus.embed.cache import VectorCache


def vectors(count: int, dimension: int = 4) -> dict[bytes, np.ndarray]:
    return {i.to_bytes(16, "big"): np.full(dimension, i + 0.5, dtype=np.float32) for i in range(count)}


def test_what_is_stored_comes_back(tmp_path: Path) -> None:
    stored = vectors(1200)
    with VectorCache(tmp_path / "sub" / "v.sqlite", 4) as cache:
        assert cache.get(list(stored)) == {}
        cache.put(stored)
    with VectorCache(tmp_path / "sub" / "v.sqlite", 4) as cache:
        found = cache.get([*stored, b"unknown"])
    assert {key: v.tobytes() for key, v in found.items()} == {key: v.tobytes() for key, v in stored.items()}


def test_the_first_vector_stays(tmp_path: Path) -> None:
    with VectorCache(tmp_path / "v.sqlite", 4) as cache:
        cache.put({b"k": np.ones(4, np.float32)})
        cache.put({b"k": np.ones(4, np.float32)})
        assert cache.get([b"k"])[b"k"].tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE vectors SET vector = x'0000803f0000803f0000803f00008040'",
        "UPDATE vectors SET vector = x'0000803f'",
        "UPDATE vectors SET checksum = x'00'",
        "UPDATE vectors SET key = x'6c'",
    ],
)
def test_a_damaged_vector_is_not_used_but_replaced(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "v.sqlite"
    with VectorCache(path, 4) as cache:
        cache.put({b"k": np.ones(4, np.float32)})
    with sqlite3.connect(path) as connection:
        connection.execute(damage)
    with VectorCache(path, 4) as cache:
        assert cache.get([b"k", b"l"]) == {}
        cache.put({b"k": np.ones(4, np.float32)})
        assert cache.get([b"k"])[b"k"].tolist() == [1, 1, 1, 1]


def test_a_file_that_is_no_database_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    path.write_bytes(b"no database at all" * 500)
    with VectorCache(path, 4) as cache:
        assert cache.get([b"k"]) == {}
        cache.put({b"k": np.ones(4, np.float32)})
        assert list(cache.get([b"k"])) == [b"k"]


def test_a_file_damaged_inside_never_yields_a_wrong_vector(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    stored = vectors(3000, dimension=32)
    for start in (5000, 20_000, 100_000):
        path.unlink(missing_ok=True)
        with VectorCache(path, 32) as cache:
            cache.put(stored)
        content = bytearray(path.read_bytes())
        content[start : start + 4096] = b"\xa5" * 4096
        path.write_bytes(content)
        with VectorCache(path, 32) as cache:
            found = cache.get(list(stored))
            assert all(found[key].tobytes() == stored[key].tobytes() for key in found)
            cache.put(stored)
            cache.put(stored)
            assert all(v.tobytes() == stored[key].tobytes() for key, v in cache.get(list(stored)).items())


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    code = (
        "import sys, numpy as np\nfrom pathlib import Path\nfrom m4corpus.embed.cache import VectorCache\n"
        "first = int(sys.argv[2])\n"
        "with VectorCache(Path(sys.argv[1]), 4) as cache:\n"
        "    for i in range(first, first + 300, 10):\n"
        "        cache.put({str(j).encode(): np.full(4, j, np.float32) for j in range(i, i + 10)})\n"
        "        assert cache.get([str(i).encode()])\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(path), str(first)]) for first in (0, 100, 200, 300)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0, 0]
    with VectorCache(path, 4) as cache:
        found = cache.get([str(i).encode() for i in range(600)])
    assert len(found) == 600
    assert all(v[0] == int(key) for key, v in found.items())


def test_a_busy_cache_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("m4corpus.embed.cache.PATIENCE", 0.05)
    path = tmp_path / "v.sqlite"
    with VectorCache(path, 4) as cache, sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        cache.put({b"k": np.ones(4, np.float32)})
        other.execute("COMMIT")
        assert cache.get([b"k"]) == {}


def test_a_full_disk_is_the_machines_refusal(tmp_path: Path) -> None:
    """SQLite's own limit on pages stands in for the disk: it refuses with the same code."""
    path = tmp_path / "v.sqlite"
    with VectorCache(path, 512) as cache:
        cache._connection.execute("PRAGMA max_page_count = 20")
        with pytest.raises(OSError, match="full") as error:
            cache.put(vectors(400, dimension=512))
        assert error.value.errno == errno.ENOSPC
        assert error.value.filename == str(path)


def test_a_directory_one_may_not_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        VectorCache(tmp_path / "file" / "v.sqlite", 4)
    (tmp_path / "v.sqlite").mkdir()
    with pytest.raises(OSError, match="unable to open") as error:
        VectorCache(tmp_path / "v.sqlite", 4)
    assert error.value.errno == errno.EACCES
