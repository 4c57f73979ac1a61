"""Where sentences end, by language."""

from __future__ import annotations

from pathlib import Path

import pytest

from m4corpus import languages as registry
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
        ("khm", "Khmr", ["ខ្លែងហោះ។", "ក្មេង"]),
        ("xyz", "Latn", ["One 1.5 two.", "“Three?”", "Four…", "Five"]),
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


def gold() -> list[tuple[str, str, str]]:
    """Code, script and marked text of the fixtures, which ``benchmarks/sentences.py`` scores libraries on."""
    lines = (Path(__file__).parent / "sentences.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(*labels.split(), text) for labels, text in rows]  # type: ignore[misc]


def test_fixtures_cover_the_registry() -> None:
    assert {language.code for language in registry.languages()} <= {code for code, _, _ in gold()}


# What is left: an abbreviation that does end its sentence, a name with an exclamation mark, Thai without any mark.
KNOWN = {"cmn": 1, "ita": 1, "jpn": 1, "rus": 1, "sin": 1}


@pytest.mark.parametrize("code", sorted({code for code, _, _ in gold()}))
def test_fixtures_are_cut_where_they_are_marked(code: str) -> None:
    wrong = []
    for language, script, text in gold():
        expected = [part.strip() for part in text.split("‖")]
        if language == code:
            wrong += sorted(set(found(text.replace("‖", ""), language, script)) ^ set(expected))
    # A missed or invented boundary makes three sentences differ.
    assert len(wrong) <= 3 * KNOWN.get(code, 0), wrong


@pytest.mark.parametrize(
    ("language", "script", "text"),
    [
        ("tha", "Thai", "เขาซื้อข้าว ปลา ผัก และผลไม้ กลับบ้าน"),
        ("tha", "Thai", "หมู่บ้านตั้งขึ้นเมื่อ พ.ศ. 2540 ริมแม่น้ำ"),
        ("tha", "Thai", "เด็ก ๆ ชอบเล่นว่าวที่สนามหญ้า"),
        ("mya", "Mymr", "လေတံခွန်၊ ပန်းနှင့် ငါး ဝယ်သည်။"),
        ("rus", "Cyrl", "Это было до н. э. и позже."),
        ("fra", "Latn", "Il vivait vers 50 av. J.-C. à Rome."),
        ("jpn", "Jpan", "「高い！」と言った。"),
        ("tam", "Taml", "கி.பி. 1505 இல் வந்தனர்."),
    ],
)
def test_one_sentence_stays_one(language: str, script: str, text: str) -> None:
    assert found(text, language, script) == [text]


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
