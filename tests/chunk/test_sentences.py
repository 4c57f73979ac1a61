"""Where sentences end, by language."""

from __future__ import annotations

import pytest

from m4corpus.chunk.graphemes import is_boundary
from m4corpus.chunk.sentences import WINDOW, sentences
from m4corpus.records import Block


def found(text: str, language: str, script: str = "Latn") -> list[str]:
    return [text[u.start : u.end] for u in sentences(text, [], language, script)]


@pytest.mark.parametrize(
    ("language", "script", "expected"),
    [
        ("eng", "Latn", ["Mr. Smith flew a kite.", "It fell!", "Why?"]),
        ("deu", "Latn", ["Der Drachen steigt.", "Er fällt."]),
        ("arb", "Arab", ["هذه طائرة.", "هل تطير؟", "نعم."]),
        ("hin", "Deva", ["पतंग उड़ती है।", "वह गिरी।"]),
        ("amh", "Ethi", ["ሰላም ነው።", "ደህና ነህ?"]),
        ("urd", "Arab", ["یہ پتنگ ہے۔", "کیا وہ اڑی؟"]),
        ("nan", "Latn", ["Lí hó.", "Chia̍h-pá--bōe?"]),
        ("tha", "Thai", ["ว่าวลอย", "เด็กๆ", "ชอบ"]),
        ("khm", "Khmr", ["ខ្លែងហោះ។", "ក្មេង"]),
        ("xyz", "Latn", ["One 1.5 two.", "“Three?”", "Four…", "five"]),
    ],
)
def test_sentences_by_language(language: str, script: str, expected: list[str]) -> None:
    assert found(" ".join(expected), language, script) == expected


@pytest.mark.parametrize(
    ("language", "script", "expected"),
    [
        ("cmn", "Hani", ["风筝飞了。", "好吗？", "好！"]),
        ("yue", "Hani", ["食咗飯未？", "食咗。"]),
        ("jpn", "Jpan", ["凧が揚がる。", "「高い！」", "落ちた。"]),
        ("", "", ["今天。", "ሰላም።", "好！"]),
    ],
)
def test_scripts_whose_terminators_need_no_space(language: str, script: str, expected: list[str]) -> None:
    assert found("".join(expected), language, script) == expected


def test_lines_and_blocks_end_sentences_and_headings_and_rows_stay_whole() -> None:
    parts = [("heading", 2, "Dr. No. Part 2"), ("table_row", 0, "A. B. C."), ("paragraph", 0, "One\ntwo. Three")]
    text, blocks = "", []
    for kind, level, part in parts:
        blocks.append(Block(kind, level, len(text), len(text) + len(part)))
        text += part + "\n"
    units = sentences(text + "outside of any block", blocks[::-1], "eng", "Latn")
    assert [(text + "outside of any block")[u.start : u.end] for u in units] == [
        "Dr. No. Part 2", "A. B. C.", "One", "two.", "Three", "outside of any block",
    ]  # fmt: skip
    assert [u.heading for u in units] == [2, 0, 0, 0, 0, 0]


def test_long_lines_are_searched_in_windows() -> None:
    text = "word " * WINDOW
    units = sentences(text, [], "eng", "Latn")
    assert len(units) > 4
    assert all(u.end - u.start <= WINDOW for u in units)
    assert "".join(text[u.start : u.end].replace(" ", "") for u in units) == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("ab", 1, True), ("e\u0301", 1, False), ("\r\n", 1, False), ("a\r", 1, True), (" \u0301", 1, False),
        ("🇫🇷🇩🇪", 1, False), ("🇫🇷🇩🇪", 2, True), ("👨‍👩‍👧", 2, False), ("กำ", 1, False), ("कि", 1, False),
        ("각\u11a8", 1, False), ("\u0600 1", 1, False), ("\u0600\n", 1, True), ("한글", 1, True), ("ab", 2, True),
    ],
)  # fmt: skip
def test_boundaries_of_grapheme_clusters(text: str, at: int, expected: bool) -> None:
    assert is_boundary(text, at) is expected
    assert is_boundary("x y\n" + text + " z", 4 + at) is expected or at == len(text)
