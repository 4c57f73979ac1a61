"""kill -9 and full disks during create, tag and gc: old versions stay whole, and the same command ends it."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from snapshot_work import RECIPE, artifact, labelled, made

from m4corpus.snapshot import Snapshot, create, open_snapshot
from m4corpus.snapshot.layout import Home
from m4corpus.storage.artifact import Artifact

SCRIPT = Path(__file__).parents[1] / "support" / "dies_at_each_change.py"


def third(workdir: Path) -> dict[str, Artifact]:
    """Artifacts of a version that was not made yet."""
    documents = [labelled("x"), labelled("y")]
    roots = {stage: workdir / "made" / f"{stage}-new" for stage in ("read", "dedup", "chunk", "embed")}
    return {s: artifact(root, s, [] if s == "chunk" else documents, 1) for s, root in roots.items()}


def filled(workdir: Path) -> list[Snapshot]:
    found = []
    for count in (1, 2):
        found.append(made(workdir, [labelled(f"d{n}") for n in range(count)]))
        os.utime(found[-1].directory / "manifest.json", (count, count))
    Home(workdir / "snapshots" / "made").set_tag("v1", found[0].manifest["version"])
    return found


@pytest.mark.parametrize(("what", "least"), [("create", 6), ("tag", 2), ("gc", 15)])
def test_killed_before_any_change_of_the_file_system(tmp_path: Path, what: str, least: int) -> None:
    filled(tmp_path / "work")
    if what == "create":
        third(tmp_path / "work")
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "work", what], capture_output=True, text=True, timeout=250, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > least


def m4corpus(workdir: Path, *arguments: str, largest: int | None = None) -> subprocess.CompletedProcess[str]:
    """The command; ``largest`` is the size in bytes beyond which its files are refused."""
    limit = None if largest is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    return subprocess.run(
        [sys.executable, "-m", "m4corpus", "snapshot", *arguments, "--workdir", str(workdir)],
        capture_output=True, text=True, timeout=240, check=False, preexec_fn=limit,
    )  # fmt: skip


def test_a_tag_that_cannot_be_written_stays_what_it_was(tmp_path: Path) -> None:
    one, two = filled(tmp_path)
    done = m4corpus(tmp_path, "tag", "made", "v1", "--force", largest=4)
    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr
    assert open_snapshot("made@v1", tmp_path).name == one.name
    assert m4corpus(tmp_path, "tag", "made", "v1", "--force").returncode == 0
    assert open_snapshot("made@v1", tmp_path).name == two.name


@contextmanager
def small_disk(path: Path, size: str) -> Iterator[Path]:
    """A file system of its own; skips the test where mounting is not allowed."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a file system")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def fill(path: Path) -> None:
    """Take every byte that is left."""
    with path.open("wb", buffering=0) as stream:
        for size in (65536, 4096, 512, 1):
            try:
                while True:
                    stream.write(b"x" * size)
            except OSError:
                continue


def test_a_full_disk_during_create_tag_and_gc(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "2m") as disk:
        work = disk / "work"
        one, two = filled(work)
        stages = third(work)
        Home(work / "snapshots" / "made").set_tag("later", two.manifest["version"])
        fill(disk / "ballast")
        with pytest.raises(OSError, match="space"):
            create(work, "made", RECIPE, stages)
        assert open_snapshot("made", work).name == two.name
        assert m4corpus(work, "tag", "made", "v1", "--force").returncode == 6
        assert open_snapshot("made@v1", work).name == one.name
        assert len(Home(work / "snapshots" / "made").versions()) == 2
        # What makes room needs none.
        assert m4corpus(work, "tag", "made", "v1", "--delete").returncode == 0
        done = m4corpus(work, "gc", "--drop", one.name, "--yes")
        assert done.returncode == 0, done.stderr
        assert "freed" in done.stdout
        (disk / "ballast").unlink()
        assert create(work, "made", RECIPE, third(work)).name in Home(work / "snapshots" / "made").versions()
        assert open_snapshot("made@later", work).name == two.name
