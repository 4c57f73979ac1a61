from __future__ import annotations

import pytest

from m4corpus.clean.raised import subscript, superscript
from m4corpus.clean.unicode import check_characters, clean_prose, is_visible
from m4corpus.ledger import Fail


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("a\ud800b", "lone-surrogates"),
        ("kite \x00 kite", "control-characters"),
        ("kite\x01\x02" * 20, "control-characters"),
    ],
)
def test_what_was_never_text_is_refused(text: str, slug: str) -> None:
    with pytest.raises(Fail) as caught:
        check_characters(text, 0.001)
    assert caught.value.slug == slug


def test_a_few_strays_are_removed() -> None:
    assert check_characters("kite\x0b\x1f flies\x7f\n", 0.001) == "kite flies\n"
    assert check_characters("\x01" + "kite " * 10_000, 0.001).startswith("kite")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("凧は\n  空を飛ぶ", "凧は空を飛ぶ"),
        ("凧は\nkite", "凧は kite"),
        ("연은\n하늘을", "연은 하늘을"),
        ("cafe\u0301\u00a0noir", "café noir"),
        ("ว่าว\nบิน", "ว่าว บิน"),
    ],
)
def test_line_breaks_and_forms(text: str, clean: str) -> None:
    assert clean_prose(text) == clean


def test_visible() -> None:
    assert is_visible("x")
    assert not is_visible(" \u200b\u2060\ufe0f ")


def test_raised() -> None:
    assert superscript(" n+1 ") == "ⁿ⁺¹"
    assert superscript("二") == "^(二)"
    assert superscript("") == ""
    assert subscript("max") == "ₘₐₓ"
    assert subscript("b") == "_(b)"
