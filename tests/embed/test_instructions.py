"""Instructions: one for each of the 42, in its own script, in the query's language or in English, and on record."""

from __future__ import annotations

import unicodedata

import pytest

from m4corpus import languages
from m4corpus.embed.carried.use import UseMultilingual
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import fingerprint
from m4corpus.embed.instructions import instruction, instructions
from m4corpus.embed.prompts import Prompts
from m4corpus.errors import UserError
from m4corpus.identify.script import dominant_script

TEMPLATE = "Instruct: {instruction}\nQuery: {text}"


def test_every_language_has_one_in_its_own_script() -> None:
    for language in languages.languages():
        found = instruction(language.code)
        assert found.language.startswith(language.code), language.name
        assert dominant_script(found.text).code in language.scripts, language.name
    texts = [found.text for found in instructions().values()]
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert 10 < len(text) <= 100
        assert unicodedata.is_normalized("NFC", text)
        assert "{" not in text


def test_doubts_about_wording_are_on_record() -> None:
    doubtful = {key for key, found in instructions().items() if not found.sure}
    assert {"min", "src", "gaz", "kin", "ibo", "yor"} <= doubtful
    assert "eng" not in doubtful


@pytest.mark.parametrize("name", ["zh-yue", "Cantonese", "yue", "yue_Hant"])
def test_a_language_is_found_under_any_of_its_names(name: str) -> None:
    assert instruction(name).language == "yue"


def test_the_script_of_a_query_decides_where_a_language_has_two() -> None:
    assert instruction("nan").language == "nan"
    assert instruction("nan-Hant").language == "nan_Hani"
    assert instruction("nan_Hani").language == "nan_Hani"
    assert instruction("zh-Hant").language == "cmn_Hant"
    assert instruction("zh").language == "cmn"


@pytest.mark.parametrize("unknown", ["", "de", "xx", "no such language"])
def test_english_stands_in(unknown: str) -> None:
    assert instruction(unknown).language == "eng"
    assert instruction("ja", "english").language == "eng"


def test_a_query_is_preceded_by_its_instruction() -> None:
    native, english = Prompts(TEMPLATE, instruction="native"), Prompts(TEMPLATE)
    assert native.for_query("{text}?", "ja") == f"Instruct: {instruction('ja').text}\nQuery: {{text}}?"
    assert (
        native.for_query("kite") == english.for_query("kite", "ja") == f"Instruct: {instruction('').text}\nQuery: kite"
    )
    assert native.for_passage("kite") == "kite"


def test_languages_belong_to_queries_one_by_one() -> None:
    encoder = UseMultilingual(EncoderConfig(query_prompt=TEMPLATE, instruction="native"))
    asked = encoder.queries(["a", "b"], ["sw", ""])
    assert asked == [encoder.prompts.for_query("a", "sw"), encoder.prompts.for_query("b")]
    assert asked == [encoder.queries(["a"], ["swh"])[0], encoder.queries(["b"])[0]]
    with pytest.raises(ValueError, match="zip"):
        encoder.queries(["a", "b"], ["sw"])


def test_what_queries_are_told_is_part_of_the_fingerprint() -> None:
    options = [{}, {"query_prompt": TEMPLATE}, {"query_prompt": TEMPLATE, "instruction": "native"}]
    configs = [EncoderConfig(**some) for some in options]  # type: ignore[arg-type]
    assert len({fingerprint(config) for config in configs}) == 3
    identity = UseMultilingual(configs[2]).identity()
    assert identity["instruction"] == "native"
    assert len(identity["instructions"]) == 64
    assert "instruction" not in UseMultilingual(configs[0]).identity()
    english = EncoderConfig(query_prompt=TEMPLATE, instruction="english")
    assert UseMultilingual(english).identity() == UseMultilingual(configs[1]).identity()


def test_an_instruction_nobody_reads_is_a_mistake() -> None:
    with pytest.raises(UserError, match="has no effect"):
        UseMultilingual(EncoderConfig(instruction="native"))
    with pytest.raises(UserError, match="which is for queries"):
        Prompts(passage="{instruction} {text}")
