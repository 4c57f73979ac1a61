"""A published corpus, and a Hub of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_uploads import UploadHub, uploading
from release_work import REPOSITORY, TOKEN, build

from m4corpus.release.layout import Release
from m4corpus.release.make import Options, make
from m4corpus.snapshot import Snapshot
from m4corpus.sources import hubrequests


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """The small corpus. Tests must not change its work directory."""
    return build(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="session")
def release(snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Release]:
    """The small corpus as a release, and where it lies. Tests must not change it."""
    workdir = tmp_path_factory.mktemp("release")
    return make(snapshot, workdir, Options(REPOSITORY), None, lambda what, done, total: None)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[UploadHub]:
    """A Hub that takes uploads, to which this process speaks with a token."""
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    with uploading(UploadHub(token=TOKEN)) as served:
        monkeypatch.setattr(constants, "ENDPOINT", served.endpoint)
        template = f"{served.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr(hubrequests, "WAIT", 0.001)
        yield served


@pytest.fixture
def elsewhere(hub: UploadHub, tmp_path: Path) -> dict[str, str]:
    """The environment of another process that speaks to the same Hub."""
    import os

    return {
        **os.environ,
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HOME": str(tmp_path / "hf-home"),
        "HF_TOKEN": TOKEN,
    }
