"""Digests of files are computed once a process, as long as the files stay what they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from m4corpus.embed import files
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import fingerprint, provenance
from m4corpus.embed.files import model_files
from m4corpus.errors import UserError
from m4corpus.storage.digests import file_digest


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were hashed; files count as settled at once, and none is known before."""
    names: list[str] = []

    def watched(path: Path) -> str:
        names.append(path.name)
        return file_digest(path)

    monkeypatch.setattr(files, "file_digest", watched)
    monkeypatch.setattr(files, "SETTLED", 0.0)
    monkeypatch.setattr(files, "_digests", {})
    return names


def test_an_unchanged_file_is_hashed_once(tmp_path: Path, hashed: list[str]) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"kite")
    assert files.content_digest(path) == files.content_digest(path) == file_digest(path)
    assert hashed == ["weights"]


@pytest.mark.parametrize("restored", [False, True])
def test_a_changed_file_is_hashed_again(tmp_path: Path, hashed: list[str], restored: bool) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"kite")
    times = path.stat()
    before = files.content_digest(path)
    replacement = tmp_path / "other"
    replacement.write_bytes(b"fish")
    replacement.replace(path)
    if restored:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert files.content_digest(path) == file_digest(path) != before


def test_a_file_written_just_now_is_not_trusted_to_stay(
    tmp_path: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a tick of the file system's clock a second change leaves no trace."""
    monkeypatch.setattr(files, "SETTLED", 1000.0)
    path = tmp_path / "weights"
    path.write_bytes(b"kite")
    files.content_digest(path)
    files.content_digest(path)
    assert hashed == ["weights", "weights"]


def test_a_model_is_hashed_once_however_often_it_is_asked_for(tiny_model: Path, hashed: list[str]) -> None:
    for config in (EncoderConfig(), EncoderConfig(name=str(tiny_model))):
        assert fingerprint(config) == fingerprint(config)
    assert len(hashed) == len(set(hashed)) + hashed.count("config.json") - 1 > 3
    assert {"weights.npz", "sp.model", "model.safetensors"} <= set(hashed)


def test_hidden_files_are_no_part_of_a_model(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("x")
    with pytest.raises(UserError, match="is empty"):
        files.model_files(tmp_path)
    (tmp_path / "1_Pooling").mkdir()
    for name in ("b", "1_Pooling/config.json"):
        (tmp_path / name).write_text("{}")
    assert list(files.model_files(tmp_path)) == ["1_Pooling/config.json", "b"]


def test_files_of_a_directory_that_a_model_has_a_link_to(tmp_path: Path) -> None:
    model, weights = tmp_path / "model", tmp_path / "weights"
    (weights / "deep").mkdir(parents=True)
    (weights / "deep" / "w").write_bytes(b"one")
    model.mkdir()
    (model / "a").touch()
    (model / "linked").symlink_to(weights)
    (model / ".hidden").symlink_to(weights)
    # Links that lead back, by themselves and by way of another.
    (model / "round").symlink_to(model)
    (weights / "back").symlink_to(model)
    (model / "broken").symlink_to(tmp_path / "nowhere")
    assert list(model_files(model)) == ["a", "linked/deep/w"]
    encoder = EncoderConfig(name=str(model))
    before = provenance(encoder)["files"]
    (weights / "deep" / "w").write_bytes(b"two")
    assert provenance(encoder)["files"] != before
