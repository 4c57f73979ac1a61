from __future__ import annotations

import pytest

from m4corpus.identify.config import IdentifyConfig
from m4corpus.identify.decide import Decision, decide
from m4corpus.identify.labels import read_hint


def judge(probabilities: dict[str, float], hint: str = "", script: str = "Latn", cantonese: bool = False) -> Decision:
    return decide(probabilities, script, cantonese, read_hint(hint), IdentifyConfig())


def test_without_a_hint_the_best_label_decides() -> None:
    decision = judge({"ita": 0.9, "spa": 0.1})
    assert (decision.language, decision.agreement) == ("ita", "none")
    assert decision.confidence == pytest.approx(0.9)


def test_below_the_minimum_it_abstains() -> None:
    many = dict.fromkeys(("ita", "spa", "fra", "por", "cat"), 0.2)
    decision = judge(many)
    assert (decision.language, decision.confidence, decision.heard) == ("und", 0.0, "cat")


def test_labels_of_another_script_are_struck_out() -> None:
    decision = judge({"rus": 0.45, "amh": 0.41, "snd": 0.1}, script="Ethi")
    assert (decision.language, decision.confidence) == ("amh", 1.0)


def test_a_hint_tips_the_scale_between_relatives_but_does_not_pass_for_evidence() -> None:
    decision = judge({"ind": 0.7, "zsm": 0.3}, hint="ms")
    assert (decision.language, decision.heard, decision.agreement) == ("zsm", "ind", "unsupported")
    assert decision.confidence == pytest.approx(6 / 6.7)


def test_a_sure_text_overrules_the_hint() -> None:
    decision = judge({"ita": 0.99, "src": 0.001}, hint="sc")
    assert (decision.language, decision.agreement) == ("ita", "disagree")
    assert decision.confidence == pytest.approx(0.98, abs=0.01)


def test_agreement_is_the_models_own() -> None:
    assert judge({"ita": 0.6, "spa": 0.4}, hint="it").agreement == "agree"


def test_a_language_the_model_cannot_know_is_taken_from_the_hint_with_low_confidence() -> None:
    decision = judge({"vie": 0.4, "tgl": 0.3, "fra": 0.3}, hint="vo")
    assert (decision.language, decision.confidence, decision.agreement) == ("vol", 0.3, "unsupported")


def test_an_english_page_in_the_volapuk_folder_is_english() -> None:
    decision = judge({"eng": 0.95, "vie": 0.05}, hint="vo")
    assert (decision.language, decision.agreement) == ("eng", "disagree")


def test_a_page_in_another_script_is_not_volapuk() -> None:
    assert judge({"rus": 0.5, "bul": 0.5}, hint="vo", script="Cyrl").agreement == "disagree"


def test_a_text_half_in_favour_of_hokkien_is_hokkien_where_hinted() -> None:
    assert judge({"cmn": 0.8, "nan": 0.2}, hint="nan", script="Hans").language == "nan"
    assert judge({"cmn": 0.99, "nan": 0.001}, hint="nan", script="Hans").language == "cmn"
    assert judge({"jpn": 0.99}, hint="nan", script="Jpan").language == "jpn"


def test_a_label_of_a_model_of_ones_own_may_be_any() -> None:
    assert judge({"qaa": 0.9, "ita": 0.1}).language == "qaa"


def test_where_the_text_decides_nothing_a_possible_hint_does() -> None:
    many = {"cat": 0.2, "ita": 0.2, "spa": 0.2, "ron": 0.2, "fra": 0.2, "src": 0.0}
    assert judge(many, hint="sc").language == "src"
    assert judge(many, hint="ru").language == "und"
    assert judge(many, hint="ru").agreement == "unsupported"


def test_cantonese_characters_turn_mandarin_into_cantonese() -> None:
    assert judge({"cmn": 0.99, "yue": 0.01}, script="Hant", cantonese=True).language == "yue"
    assert judge({"cmn": 0.99, "yue": 0.01}, hint="zh", script="Hant", cantonese=True).agreement == "disagree"


def test_a_text_without_letters_stays_undetermined() -> None:
    assert judge({"eng": 0.9}, hint="en", script="Zzzz").language == "und"
    assert judge({"eng": 0.9}, script="Zzzz").agreement == "none"
