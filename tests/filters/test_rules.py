from __future__ import annotations

from dataclasses import fields

import pytest
from pydantic import ValidationError

from m4corpus.errors import UserError
from m4corpus.filters.config import FilterConfig
from m4corpus.filters.rules import RULES, rules
from m4corpus.records import Document

OFF = dict.fromkeys(f.name for f in fields(FilterConfig) if f.name not in ("script_mismatch", "hint_disagreement"))


def verdict(text: str = "", /, script: str = "Latn", language: str = "eng", **options: object) -> str | None:
    """Evidence of the one rule ``options`` switches on, all others off; keys of a document may be given too."""
    labels = {key: options.pop(key) for key in list(options) if key not in RULES}
    document = Document("d", "s", "l", "", text, script=script, language=language, **labels)  # type: ignore[arg-type]
    chosen = rules(FilterConfig(**{**OFF, **options}))  # type: ignore[arg-type]
    assert [name for name, _ in chosen] == [option.replace("_", "-") for option in options]
    return chosen[0][1](document)


def test_every_option_has_its_rule_in_the_same_order() -> None:
    assert [field.name for field in fields(FilterConfig)] == list(RULES)
    assert rules(FilterConfig(**OFF)) == []  # type: ignore[arg-type]


def test_min_chars_counts_letters_marks_and_digits() -> None:
    assert verdict("twelve chars!", min_chars=12) == "chars=11 minimum=12"
    assert verdict("twelve chars!", min_chars=11) is None
    assert verdict("กี่ปี", script="Thai", min_chars=5) is None


def test_max_chars() -> None:
    assert verdict("abcdef", max_chars=5) == "chars=6 maximum=5"
    assert verdict("abcde", max_chars=5) is None


def test_min_words_is_fair_to_scripts_without_spaces() -> None:
    assert verdict("one two -- three", min_words=4) == "words=3 minimum=4"
    assert verdict("凧は糸で引いて揚げる。", script="Jpan", language="jpn", min_words=4) is None
    assert verdict("ว่าวลอยอยู่บนฟ้า", script="Thai", language="tha", min_words=4) is None
    assert verdict("凧揚", script="Jpan", language="jpn", min_words=4) == "words=1 minimum=4"


def test_letter_share_counts_vowel_signs_as_letters() -> None:
    assert verdict("ab 12 34", min_letter_share=0.4) == "letter-share=0.3333 minimum=0.4"
    assert verdict("పతంగం గాలిలో ఎగురుతుంది", script="Telu", min_letter_share=1.0) is None
    assert verdict("\n\t ", min_letter_share=0.1) == "letter-share=0 minimum=0.1"


def test_symbol_share_leaves_punctuation_and_joiners_alone() -> None:
    assert verdict("ab++", max_symbol_share=0.4) == "symbol-share=0.5 maximum=0.4"
    assert verdict("(a), “b”; c…\n\td", max_symbol_share=0.0) is None
    assert verdict("می\u200cخواهم क्\u200dष", max_symbol_share=0.0) is None


def test_repeated_lines_weigh_by_length() -> None:
    text = "Menu\nMenu\nA long line that is the real text of this page.\nMenu"
    assert verdict(text, max_repeated_lines_share=0.5) is None
    assert verdict("Menu\n Menu \nMenu\n\n\n", max_repeated_lines_share=0.5) == (
        "repeated-lines-share=0.6667 maximum=0.5"
    )
    assert verdict("", max_repeated_lines_share=0.0) is None


def test_languages_are_named_in_any_way_the_registry_knows() -> None:
    allowed = ("zh-yue", "Irish", "de", "und")
    assert verdict(language="yue", languages=allowed) is None
    assert verdict(language="und", languages=allowed) is None
    assert verdict(language="fra", languages=allowed) == "language=fra allowed=deu,gle,und,yue"
    with pytest.raises(UserError, match="unknown language 'Klingon'"):
        verdict(languages=("Klingon",))


def test_confidence() -> None:
    assert verdict(language_confidence=0.25, min_language_confidence=0.5) == "confidence=0.25 minimum=0.5"
    assert verdict(language_confidence=0.5, min_language_confidence=0.5) is None


def test_script_mismatch() -> None:
    assert verdict(script="Latn", language="urd", script_mismatch=True) == ("script=Latn expected=Arab language=urd")
    assert verdict(script="Hani", language="yue", script_mismatch=True) is None
    assert verdict(script="Latn", language="und", script_mismatch=True) is None


def test_hint_disagreement() -> None:
    odd = {"language_hint": "ig", "hint_agreement": "disagree"}
    assert verdict(language="eng", hint_disagreement=True, **odd) == "language=eng hint=ig"
    assert verdict(language="ibo", hint_disagreement=True, hint_agreement="unsupported") is None


@pytest.mark.parametrize("options", [{"min_chars": -1}, {"max_symbol_share": 1.5}, {"no_such_rule": 1}])
def test_impossible_limits_are_refused(options: dict[str, object]) -> None:
    with pytest.raises((ValidationError, TypeError)):
        FilterConfig(**options)  # type: ignore[arg-type]
