from __future__ import annotations

from pathlib import Path

import pytest

from m4corpus.errors import IntegrityError, UserError
from m4corpus.identify.fasttext_model import LanguageModel
from m4corpus.identify.resources import model_path, read_settings, verify_model


def test_the_carried_model_is_the_one_named() -> None:
    verify_model(model_path(), read_settings().sha256)
    assert model_path().stat().st_size < 5_000_000


def test_one_flipped_byte_is_refused_at_load(tmp_path: Path) -> None:
    content = bytearray(model_path().read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "model.ftz").write_bytes(content)
    with pytest.raises(IntegrityError, match="sha256"):
        LanguageModel(tmp_path / "model.ftz")
    with pytest.raises(UserError, match="no language model"):
        LanguageModel(tmp_path / "missing.ftz")
