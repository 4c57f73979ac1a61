"""Publishing when the Hub, the network or the process gives way, or somebody else publishes too."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hub_uploads import UploadHub
from release_work import REPOSITORY, TOKEN, Made, published, tree

from m4corpus.errors import EnvironmentFailure, UserError
from m4corpus.release import publish as publishing
from m4corpus.release.publish import publish
from m4corpus.sources import hubrequests


def test_a_moment_of_trouble_is_waited_out(hub: UploadHub, release: Made) -> None:
    hub.upload_faults = [
        ("/repos/create", 503), ("/preupload/", 429), ("objects/batch", 500), ("^/lfs/", 503), ("^/lfs/", -500),
        ("/commit/", 429), ("/commit/", 502), ("/tag/", 503),
    ]  # fmt: skip
    hub.listing_faults = [503, 429]
    publish(*release, REPOSITORY)
    assert hub.upload_faults == []
    assert hub.listing_faults == []
    assert published(hub) == tree(release[0])


def test_an_answer_that_was_lost(hub: UploadHub, release: Made) -> None:
    """A commit is made, but its answer does not arrive: the next attempt finds it done."""
    real = hub.change
    lost = []

    def change(name: str, files: dict[str, bytes], message: str, branch: str = "main") -> str:
        sha = real(name, files, message, branch)
        if message.startswith("Add") and not lost:
            lost.append(sha)
            raise BrokenPipeError
        return sha

    hub.change = change  # type: ignore[method-assign]
    publish(*release, REPOSITORY)
    assert lost
    assert published(hub) == tree(release[0])
    assert len(hub.uploaded()) == len(set(hub.uploaded()))


def test_retry_after_is_honoured(hub: UploadHub, release: Made, monkeypatch: pytest.MonkeyPatch) -> None:

    waits: list[float] = []
    monkeypatch.setattr(hubrequests.time, "sleep", waits.append)
    hub.retry_after = "7"
    hub.upload_faults = [("/commit/", 429)]
    publish(*release, REPOSITORY)
    assert 7.0 in waits


def test_an_interrupted_upload_goes_on(hub: UploadHub, release: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "FILES", 10)
    hub.upload_faults = [("/commit/", 500)] * 40
    monkeypatch.setattr(hub, "fail_from", 3)
    with pytest.raises(EnvironmentFailure, match="500") as caught:
        publish(*release, REPOSITORY)
    assert "not sent again" in caught.value.hint
    assert "release.json" not in published(hub)
    assert published(hub)
    hub.upload_faults = []
    publish(*release, REPOSITORY)
    assert published(hub) == tree(release[0])
    assert len(hub.uploaded()) == len(set(hub.uploaded()))


def test_wherever_an_upload_ends_it_goes_on(hub: UploadHub, release: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "FILES", 12)
    monkeypatch.setattr(hubrequests, "RETRIES", 0)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    publish(*release, "me/whole")
    count = len(hub.sent())
    for number in range(0, count, 4):
        hub.requests.clear()
        hub.objects.clear()
        hub.stored.clear()
        name = f"me/broken-{number}"
        hub.refuse_after = number
        with pytest.raises(EnvironmentFailure):
            publish(*release, name)
        assert name not in hub.repos or "release.json" not in hub.files(name) or number >= count - 3
        hub.refuse_after = -1
        publish(*release, name)
        assert hub.files(name) == hub.files("me/whole")
        assert hub.branches[name][release[1].version] == hub.branches[name]["main"]
        assert len(hub.stored) == len(set(hub.stored))


def test_a_killed_upload_goes_on(hub: UploadHub, release: Made, elsewhere: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from m4corpus.release import publish as p;"
        "from m4corpus.release.layout import read_release; p.FILES = 8; root = Path(sys.argv[1]);"
        f"p.publish(root, read_release(root / 'release.json'), {REPOSITORY!r})"
    )
    hub.pause = 0.05
    running = subprocess.Popen([sys.executable, "-c", code, str(release[0])], env=elsewhere)
    deadline = time.monotonic() + 60
    while len(hub.uploaded()) < 8 and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert REPOSITORY in hub.repos
    assert "release.json" not in published(hub)
    hub.pause = 0
    publish(*release, REPOSITORY)
    assert published(hub) == tree(release[0])
    assert hub.branches[REPOSITORY][release[1].version] == hub.branches[REPOSITORY]["main"]


def test_a_concurrent_commit(hub: UploadHub, release: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "FILES", 9)
    done: list[int] = []

    def meddle(number: int) -> None:
        if number in (2, 5) and number not in done:
            done.append(number)
            files = {**hub.files(REPOSITORY), f"notes-{number}.txt": b"by somebody else"}
            hub.change(REPOSITORY, files, "Notes")

    hub.before_commit = meddle
    publish(*release, REPOSITORY)
    found = published(hub)
    assert done == [2, 5]
    assert {f"notes-{n}.txt" for n in done} <= found.keys()
    assert {path: found[path] for path in tree(release[0])} == tree(release[0])
    assert len(hub.uploaded()) == len(set(hub.uploaded()))


def test_somebody_who_never_stops_committing(hub: UploadHub, release: Made) -> None:
    hub.before_commit = lambda number: hub.change(REPOSITORY, {"x": str(number).encode()}, "x")
    with pytest.raises(EnvironmentFailure, match="somebody else"):
        publish(*release, REPOSITORY)


@pytest.mark.parametrize("status", [401, 500])
@pytest.mark.parametrize("where", ["/repos/create", "/preupload/", "objects/batch", "^/lfs/", "/commit/", "/tag/"])
def test_the_token_is_nowhere(
    hub: UploadHub, release: Made, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
    status: int, where: str,
) -> None:  # fmt: skip
    from huggingface_hub.utils import _http

    monkeypatch.setattr(hubrequests, "RETRIES", 1)
    monkeypatch.setattr(_http.time, "sleep", lambda seconds: None)
    caplog.set_level(logging.DEBUG)
    hub.echo = True
    hub.upload_faults = [(where, status)] * 200
    with pytest.raises((UserError, EnvironmentFailure)) as caught:
        publish(*release, REPOSITORY)
    assert caught.value.__cause__ is None
    assert TOKEN not in str(caught.value)
    assert TOKEN not in caplog.text
    assert not any(TOKEN.encode() in content for content in tree(release[0]).values())


def test_a_wrong_token(hub: UploadHub, release: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_" + "zZ9" * 12)
    with pytest.raises(UserError, match="401") as caught:
        publish(*release, REPOSITORY)
    assert "zZ9" not in str(caught.value)
    assert "hf auth login" in caught.value.hint
