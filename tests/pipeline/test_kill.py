"""kill -9 at a random moment of every stage; the rerun ends where an uninterrupted run ends, byte for byte."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from projects import bytes_of

STAGES = ("read", "clean", "identify", "filter", "dedup", "chunk", "embed", "index")


def strip_from(workdir: Path, stage: str) -> None:
    """Take away the artifacts of ``stage`` and everything after it, and what the vector cache remembers."""
    for later in STAGES[STAGES.index(stage) :]:
        for directory in workdir.glob(f"small/{later}-*"):
            shutil.rmtree(directory)
    shutil.rmtree(workdir / "snapshots", ignore_errors=True)
    shutil.rmtree(workdir / "cache", ignore_errors=True)


def workers_of(session: int) -> list[int]:
    """Live processes of a session, zombies left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def killed(built, workdir: Path, stage: str, delay: float) -> bool:
    """Run the recipe and kill -9 its parent process ``delay`` seconds into a stage; False when it was done before."""
    process = subprocess.Popen(
        built.project.command("run", built.project.recipe, "--workdir", workdir, "--workers", "2"),
        cwd=built.project.root, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while process.poll() is None and not list(workdir.glob(f"small/{stage}-*/work")):
        time.sleep(0.005)
    time.sleep(delay)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while workers_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not workers_of(process.pid), "workers outlived their parent"
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_a_stage_and_run_again(built, tmp_path: Path, stage: str) -> None:
    workdir = built.clone(tmp_path / "work")
    seconds = next(s["seconds"] for s in built.summary["stages"] if s["stage"] == stage)
    for attempt in range(1, 6):
        strip_from(workdir, stage)
        delay = random.SystemRandom().uniform(0, seconds / attempt)
        if killed(built, workdir, stage, delay):
            break
    else:
        pytest.fail(f"{stage} was always done before it could be killed")
    built.project.run(workdir, "--workers", "2")
    assert bytes_of(workdir) == bytes_of(built.workdir), f"killed {delay:.3f} s into {stage}"


def test_a_damaged_artifact_is_built_again_whatever_an_interrupted_run_left(built, tmp_path: Path) -> None:
    """Completion records that outlived the manifest must not pass the damaged files for finished work."""
    workdir = built.clone(tmp_path / "work")
    (chunks,) = workdir.glob("small/chunk-*")
    left = chunks / "work" / "chunk"
    left.mkdir(parents=True)
    for rank in range(4):
        (left / f"rank-{rank:05d}.json").write_text('{"parts": [], "ledger": [], "counts": {}, "info": {}}')
    part = chunks / "part-00001.parquet"
    content = part.read_bytes()
    part.unlink()
    part.write_bytes(content[:-100])
    states = {s["stage"]: s["state"] for s in built.project.run(workdir)["stages"]}
    assert states["chunk"] == "run"
    assert states["embed"] == "cached"
    assert bytes_of(workdir) == bytes_of(built.workdir)
