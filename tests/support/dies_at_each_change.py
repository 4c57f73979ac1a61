"""Run a piece of work again and again, each time in a child that is killed one change of the file system later.

``python dies_at_each_change.py WORKDIR create|tag|gc``: the snapshot ``made`` of WORKDIR has two versions; every child
starts from a copy of it. Prints how many changes there were. An assertion ends it with an error.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from snapshot_work import RECIPE

from m4corpus.snapshot import create, open_snapshot
from m4corpus.snapshot.gc import plan, sweep
from m4corpus.snapshot.layout import Home
from m4corpus.storage.artifact import Artifact

_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "shutil.rmtree"}


def kill_at(count: int) -> None:
    """From now on SIGKILL takes this process just before its ``count``-th change."""
    left = count

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        writing = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if event in _CHANGES or writing:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def work(workdir: Path, what: str) -> None:
    home = Home(workdir / "snapshots" / "made")
    if what == "create":
        # The artifacts of a third version, which is not there yet.
        stages = {
            stage: Artifact.open(workdir / "made" / f"{stage}-new") for stage in ("read", "dedup", "chunk", "embed")
        }
        create(workdir, "made", RECIPE, stages, {"pages": "/somewhere"}, workdir)
    elif what == "tag":
        home.set_tag("v1", home.versions()[1], move=True)
    else:
        sweep(workdir, plan(workdir, drop=[f"made@{home.versions()[1]}"]))


def check(workdir: Path, kept: list[str]) -> None:
    """Whatever happened, the versions that were to stay are whole, and so is every other that exists."""
    home = Home(workdir / "snapshots" / "made")
    assert set(kept) <= set(home.versions())
    for name in ["made", "made@v1", *(f"made@{version}" for version in home.versions())]:
        snapshot = open_snapshot(name, workdir)
        for stage in snapshot.manifest["artifacts"]:
            assert not list(snapshot.artifact(stage).problems())


def main(workdir: Path, what: str) -> int:
    versions = Home(workdir / "snapshots" / "made").versions()
    kept = versions[:1] if what == "gc" else versions
    copy = workdir.with_name("copy")
    for count in range(1, 500):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(workdir, copy)
        child = os.fork()
        if not child:
            kill_at(count)
            work(copy, what)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            check(copy, kept)
            return count
        assert status == -signal.SIGKILL, status
        check(copy, kept)
        # Done again, it ends where it would have ended.
        again = os.fork()
        if not again:
            if what == "gc" and len(Home(copy / "snapshots" / "made").versions()) == 1:
                sweep(copy, plan(copy))
            else:
                work(copy, what)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(again, 0)[1]) == 0
        check(copy, kept)
        if what == "gc":
            assert len(list((copy / "made").iterdir())) == 4, sorted(p.name for p in (copy / "made").iterdir())
    raise AssertionError("it never ends")


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), sys.argv[2]))
