from __future__ import annotations

import pytest
import regex

from m4corpus.crawl.questions.trim import trim


def test_a_short_query_is_put_on_one_line_and_otherwise_kept() -> None:
    assert trim("  beef\n\t soup ", 300) == ("beef soup", "")


def test_a_long_query_is_cut_between_words() -> None:
    text = "what is the name of the soup " * 20
    short, whole = trim(text, 300)
    assert whole == text.strip()
    assert 285 < len(short) <= 300
    assert whole.startswith(short + " ")


@pytest.mark.parametrize("limit", [20, 21, 22, 23, 24, 25])
def test_no_word_is_cut_at_any_limit(limit: int) -> None:
    text = "one two, three (four) five-six seven eight"
    short, _ = trim(text, limit)
    assert len(short) <= limit
    assert short == text[: len(short)]
    assert not (short[-1].isalnum() and text[len(short)].isalnum())


@pytest.mark.parametrize(
    "text",
    [
        "ก็น้ำปลาหวานที่กินกับมะม่วงเปรี้ยว" * 3,
        "這道菜叫什麼名字它是用什麼做的" * 3,
        "क्षत्रियोंकीरसोईमेंबननेवालाव्यंजन" * 3,
        "👨‍👩‍👧‍👦" * 20,
        "e\u0301" * 40,
    ],
)
def test_scripts_without_spaces_are_cut_between_clusters(text: str) -> None:
    for limit in range(20, 40):
        short, whole = trim(text, limit)
        assert whole == text
        assert 0 < len(short) <= limit
        assert len(short) in {match.end() for match in regex.finditer(r"\X", text)}


def test_thai_after_a_latin_word_is_not_thrown_away() -> None:
    text = "Tom Yam " + "อาหาร" * 20
    assert trim(text, 30)[0] == text[: len(trim(text, 30)[0])]
    assert len(trim(text, 30)[0]) > 25


def test_one_endless_word_is_cut_all_the_same() -> None:
    assert trim("a" * 400, 300) == ("a" * 300, "a" * 400)
    assert len(trim("a" + "\u0301" * 400, 300)[0]) == 300
