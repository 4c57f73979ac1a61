"""Pulls that are interrupted: they go on, and what was there before stays as it was."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hub_uploads import UploadHub
from release_work import REPOSITORY, Made, answers, build, changed, documents, tree

from m4corpus.errors import EnvironmentFailure, UserError
from m4corpus.release import pull as pulling
from m4corpus.release.make import Options, make
from m4corpus.release.publish import publish
from m4corpus.release.pull import pull
from m4corpus.release.stores import HubStore, LocalStore
from m4corpus.snapshot import Snapshot, open_snapshot, verify
from m4corpus.sources import hubrequests


def test_a_killed_pull_goes_on(hub: UploadHub, release: Made, tmp_path: Path, elsewhere: dict[str, str]) -> None:
    publish(*release, REPOSITORY)
    hub.slow = 0.05
    command = [sys.executable, "-m", "m4corpus", "pull", REPOSITORY, "--workdir", str(tmp_path / "work")]
    running = subprocess.Popen(command, env=elsewhere, stderr=subprocess.DEVNULL)
    home = tmp_path / "work" / "snapshots" / "small"
    deadline = time.monotonic() + 60
    while len(list(home.rglob("*.parquet"))) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    here = [p for p in home.rglob("*.parquet") if ".pull" not in p.parts]
    assert here
    assert not (home / "latest").exists()
    with pytest.raises(UserError):
        open_snapshot("small", tmp_path / "work")
    hub.slow = 0
    done = pull(HubStore(REPOSITORY, ""), tmp_path / "work")
    assert done.files <= len(release[1].files) - len(here)
    assert list(verify(open_snapshot("small", tmp_path / "work"))) == []


def test_a_full_disk_leaves_the_old_version_as_it_was(
    snapshot: Snapshot, release: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(LocalStore(release[0]), tmp_path / "work")
    id = next(one.id for one in documents() if one.language == "swh")
    edited = changed(documents(), id, lambda one: replace(one, text=one.text + "\n\nNa zaidi."))
    root, newer = make(build(tmp_path / "new", edited), tmp_path / "new", Options(REPOSITORY), None, lambda *_: None)
    home = tmp_path / "work" / "snapshots" / "small"
    old = tree(home / release[1].version)
    code = (
        "import resource, sys; from pathlib import Path; from m4corpus.release.pull import pull;"
        "from m4corpus.release.stores import LocalStore; import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000));"
        "pull(LocalStore(Path(sys.argv[1])), Path(sys.argv[2]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), str(tmp_path / "work")], capture_output=True, text=True, check=False
    )
    assert done.returncode
    assert "File too large" in done.stderr
    assert tree(home / release[1].version) == old
    assert (home / "latest").read_text() == release[1].version
    assert answers(open_snapshot("small", tmp_path / "work")) == answers(snapshot)
    pull(LocalStore(root), tmp_path / "work")
    assert open_snapshot("small", tmp_path / "work").manifest["version"] == newer.version
    assert tree(home / release[1].version) == old


def test_a_broken_transfer_is_taken_up(hub: UploadHub, release: Made, tmp_path: Path) -> None:
    publish(*release, REPOSITORY)
    large = [f.path for f in release[1].files if f.size > hub.lfs][:3]
    hub.faults = [(large[0], 9000), (large[1], -503), (large[2], 100)]
    pull(HubStore(REPOSITORY, ""), tmp_path)
    assert hub.faults == []
    assert list(verify(open_snapshot("small", tmp_path))) == []


def test_a_hub_in_trouble(hub: UploadHub, release: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(*release, REPOSITORY)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    hub.resolve_faults = [503, 500, 429, 503]
    pull(HubStore(REPOSITORY, ""), tmp_path)
    assert hub.resolve_faults == []
    store = HubStore(REPOSITORY, "")
    monkeypatch.setattr(hubrequests, "RETRIES", 1)
    hub.resolve_faults = [503] * 100
    # Not "there is no release": that would be another matter.
    with pytest.raises(EnvironmentFailure, match="503"):
        pull(store, tmp_path / "other")


def test_the_list_of_files_is_asked_for_once(hub: UploadHub, release: Made) -> None:
    publish(*release, REPOSITORY)
    store = HubStore(REPOSITORY, "")
    hub.requests.clear()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: store.files(), range(4)))
    assert len(found[0]) > 1
    assert sum("/tree/" in request.path for request in hub.requests) == 1


def test_a_part_that_is_whole_is_not_fetched_again(release: Made, tmp_path: Path) -> None:
    file = release[1].files[0]
    staging = tmp_path / pulling.STAGING
    staging.mkdir()
    shutil.copy(release[0] / file.path, staging / f"{file.sha256}.part")
    nowhere = LocalStore(tmp_path / "nothing")
    pulling._fetch(nowhere, file, release[1], tmp_path, staging)
    assert (tmp_path / file.path).read_bytes() == (release[0] / file.path).read_bytes()


def test_the_beginning_of_a_file_is_not_fetched_again(release: Made, tmp_path: Path) -> None:
    file = max(release[1].files, key=lambda f: f.size)
    staging = tmp_path / "snapshots" / "small" / release[1].version / pulling.STAGING
    staging.mkdir(parents=True)
    content = (release[0] / file.path).read_bytes()
    for begun in (content[:5000], b"rubbish" * 100, content + b"too long"):
        (staging / f"{file.sha256}.part").write_bytes(begun)
        pulling._fetch(LocalStore(release[0]), file, release[1], staging.parent, staging)
        assert (staging.parent / file.path).read_bytes() == content
        (staging.parent / file.path).unlink()
