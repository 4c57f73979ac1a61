"""Presets: sound data, filled into a recipe, never in the way of what it says itself, and no guess where facts lack."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from m4corpus import languages
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.coverage import claimed, covers, uncovered, warning
from m4corpus.embed.encoder import NAMED, fingerprint, load, provenance
from m4corpus.embed.presets import preset_of, presets, resolved
from m4corpus.embed.prompts import PLAIN, Prompts
from m4corpus.embed.stage import encoder_config
from m4corpus.errors import UserError
from m4corpus.recipe import Recipe
from m4corpus.stages import build

ISSUED = (
    "multilingual-e5-small", "multilingual-e5-base", "multilingual-e5-large", "multilingual-e5-large-instruct",
    "bge-m3", "gte-multilingual-base", "labse", "paraphrase-multilingual-minilm-l12-v2", "mdenseon",
    "jina-embeddings-v5-text-nano", "jina-embeddings-v3", "nllb-e5", "indic-sbert", "mme5-mllama-11b-instruct",
    "b3-qwen2-7b", "static-similarity-mrl-multilingual-v1",
)  # fmt: skip


def test_every_model_that_was_asked_for_is_there() -> None:
    assert set(presets()) == set(ISSUED)
    assert not set(presets()) & set(NAMED)


@pytest.mark.parametrize("name", ISSUED)
def test_a_preset_is_sound(name: str) -> None:
    preset = presets()[name]
    assert preset.model is None or re.fullmatch(r"[\w.-]+/[\w.-]+", preset.model)
    assert preset.revision is None or re.fullmatch("[0-9a-f]{40}", preset.revision)
    assert preset.code_revision is None or (preset.code and re.fullmatch("[0-9a-f]{40}", preset.code_revision))
    assert preset.source
    assert preset.notes
    assert preset.weights in (None, "safetensors", "pickle")
    Prompts(preset.query_prompt or PLAIN, preset.passage_prompt or PLAIN)
    known = {language.code: language.scripts for language in languages.languages()}
    for label in preset.languages or ():
        code, script = label.split("_")
        assert script in known[code], label
    assert sorted(set(preset.languages or ())) == sorted(preset.languages or ())


def test_a_preset_fills_in_what_the_recipe_leaves_open() -> None:
    config = resolved(EncoderConfig(name="multilingual-e5-small"))
    assert config.name == "intfloat/multilingual-e5-small"
    assert config.revision == presets()["multilingual-e5-small"].revision
    assert (config.query_prompt, config.passage_prompt) == ("query: {text}", "passage: {text}")
    assert resolved(config) == config
    own = EncoderConfig(name="multilingual-e5-small", revision="0" * 40, query_prompt="frage: {text}")
    assert (resolved(own).revision, resolved(own).query_prompt) == ("0" * 40, "frage: {text}")
    assert resolved(own).passage_prompt == "passage: {text}"


def test_what_is_recorded_is_the_model_and_not_the_name() -> None:
    preset = EncoderConfig(name="multilingual-e5-small")
    assert provenance(preset) == provenance(resolved(preset))
    assert fingerprint(preset) == fingerprint(resolved(preset))
    assert provenance(preset)["options"]["query_prompt"] == "query: {text}"


def test_a_recipe_runs_with_what_the_preset_stands_for(tmp_path: Path) -> None:
    recipe = Recipe(
        name="r",
        read={"sources": [{"name": "a", "format": "text", "path": "."}]},  # type: ignore[arg-type]
        embed={"encoder": {"name": "multilingual-e5-small"}},  # type: ignore[arg-type]
    )
    stage: Any = build("embed", recipe, tmp_path, tmp_path)
    assert stage.config.encoder == resolved(recipe.embed.encoder)


def test_a_revision_that_was_never_verified_has_to_be_given() -> None:
    with pytest.raises(UserError, match="needs a revision: none could be verified") as error:
        resolved(EncoderConfig(name="b3-qwen2-7b", trust_remote_code=True))
    assert "commit hash" in error.value.hint
    given = EncoderConfig(name="b3-qwen2-7b", trust_remote_code=True, revision="a" * 40)
    assert resolved(given).revision == "a" * 40


def test_a_model_nobody_published_is_not_made_up() -> None:
    with pytest.raises(UserError, match="no published weights") as error:
        load(EncoderConfig(name="nllb-e5"))
    assert "directory" in error.value.hint


def test_code_of_a_model_is_not_trusted_by_its_preset() -> None:
    with pytest.raises(UserError, match="brings Python code of its own") as error:
        fingerprint(EncoderConfig(name="jina-embeddings-v3"))
    assert "trust_remote_code: true" in error.value.hint
    trusting = resolved(EncoderConfig(name="jina-embeddings-v3", trust_remote_code=True))
    assert (trusting.query_task, trusting.passage_task) == ("retrieval.query", "retrieval.passage")


@pytest.mark.parametrize("name", ["gte-multilingual-base", "jina-embeddings-v3"])
def test_code_of_another_repository_has_a_commit_of_its_own(name: str) -> None:
    known = presets()[name].code_revision
    assert resolved(EncoderConfig(name=name, trust_remote_code=True)).code_revision == known
    assert provenance(EncoderConfig(name=name, trust_remote_code=True))["options"]["code_revision"] == known
    own = EncoderConfig(name=name, trust_remote_code=True, code_revision="0" * 40)
    assert resolved(own).code_revision == "0" * 40
    without = EncoderConfig(name="multilingual-e5-small", trust_remote_code=True)
    assert resolved(without).code_revision == ""


def test_a_directory_of_that_name_is_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labse").mkdir()
    assert resolved(EncoderConfig(name="labse")) == EncoderConfig(name="labse")
    assert preset_of(EncoderConfig(name="labse")) is None


def test_a_name_close_to_a_preset_is_pointed_out() -> None:
    with pytest.raises(UserError, match="did you mean 'multilingual-e5-small'"):
        load(EncoderConfig(name="multilingual-e5-smal"))


def test_languages_an_encoder_does_not_claim() -> None:
    config = EncoderConfig(name="multilingual-e5-small")
    counts = {"eng_Latn": 90, "yor_Latn": 6, "hin_Latn": 3, "cmn_Hani": 1, "und": 5}
    assert uncovered(config, counts) == {"yor_Latn": 6, "hin_Latn": 3}
    told = warning(config, counts)
    assert told is not None
    assert "Yoruba, yor_Latn (6), Hindi, hin_Latn (3)" in told
    assert warning(config, {"eng_Latn": 90}) is None
    assert warning(resolved(config), counts) is not None, "the model's own id means the preset"


def test_who_claims_nothing_is_not_held_to_it(tmp_path: Path) -> None:
    assert claimed(EncoderConfig(name="nllb-e5")) is None
    assert claimed(EncoderConfig(name=str(tmp_path))) is None
    assert warning(EncoderConfig(name="nllb-e5"), {"min_Latn": 3}) is None
    assert "hin_Deva" not in (claimed(EncoderConfig(name="use-multilingual")) or ())


def test_chinese_characters_are_one_script_and_latin_letters_are_not() -> None:
    assert covers(["cmn_Hans"], "cmn_Hant")
    assert covers(["nan_Hani"], "nan_Hant")
    assert not covers(["nan_Hani"], "nan_Latn")
    assert not covers(["arb_Arab"], "arz_Arab")


@pytest.mark.parametrize("name", ["gte-multilingual-base", "jina-embeddings-v3"])
def test_a_model_named_by_its_hub_id_borrows_the_same_code(name: str) -> None:
    """As recipes name it, and snapshots from before there was an option for that."""
    preset = presets()[name]
    model, revision = preset.model or "", preset.revision or ""
    pinned = EncoderConfig(name=model, revision=revision, trust_remote_code=True)
    assert resolved(pinned).code_revision == preset.code_revision
    assert encoder_config({"config": asdict(pinned)}, True).code_revision == preset.code_revision
    assert resolved(pinned).query_prompt is None, "nothing else is filled in"
    for other in ({"revision": "0" * 40}, {"trust_remote_code": False}):
        assert resolved(replace(pinned, **other)).code_revision == ""
    assert resolved(replace(pinned, code_revision="0" * 40)).code_revision == "0" * 40
