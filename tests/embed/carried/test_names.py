"""Which words of a text are left to the teacher."""

from __future__ import annotations

import pytest

from m4corpus.embed.carried.multilingual import Multilingual
from m4corpus.embed.carried.names import Names
from m4corpus.embed.carried.student_words import first_words, words_of, written_of
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.encoder import load


@pytest.fixture(scope="module")
def names() -> Names:
    encoder = load(EncoderConfig())
    assert isinstance(encoder, Multilingual)
    return encoder._names


def found(names: Names, text: str) -> tuple[str, str]:
    (own,), (spoken,) = names.found([text], [len(words_of([text])[0])])
    return own, spoken


def test_names_are_read_as_they_are_written(names: Names) -> None:
    text = "Ai sunt jucătorii care au câștigat contra echipei Steelers la Pittsburgh?"
    assert found(names, text) == ("Steelers Pittsburgh", "")


def test_names_of_other_scripts_are_read_as_the_teacher_writes_them(names: Names) -> None:
    assert found(names, "Οι Μπρόνκος κέρδισαν τους Στίλερς το βράδυ.") == ("", "Broncos Steelers")


def test_a_capital_at_the_beginning_says_nothing(names: Names) -> None:
    begun, within = "Qwzzkrt e aici acum cu noi.", "Este aici Qwzzkrt acum cu noi."
    assert "Qwzzkrt" not in found(names, begun)[0]
    assert "Qwzzkrt" in found(names, within)[0]


def test_of_a_few_words_all_unknown_ones_are_names(names: Names) -> None:
    assert found(names, "bzztigrx de casă")[0] == "bzztigrx"
    assert found(names, "am mâncat acasă la noi bzztigrx de casă")[0] == ""


def test_no_text_no_names(names: Names) -> None:
    assert names.found([], []) == ([], [])
    assert found(names, "") == ("", "")


def test_what_a_word_is_thought_of_does_not_depend_on_what_was_read_before(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["Ai văzut echipa Steelers la meci aseară?", "Οι Μπρόνκος κέρδισαν τους Στίλερς.", "寿司 Tokyo"]
    counts = [len(words) for words in words_of(texts)]
    together = names.found(texts, counts)
    monkeypatch.setattr("m4corpus.embed.carried.names._KEPT", 0)
    alone = [names.found([text], [count]) for text, count in zip(texts, counts, strict=True)]
    assert together == ([own for (own,), _ in alone], [spoken for _, (spoken,) in alone])
    assert together[0][0] == "Steelers"
    assert together[1][1] == "Broncos Steelers"


def test_words_as_they_are_written() -> None:
    text = "Hello, World! Über “Café”\nNew ﬁne"
    words = written_of([text, ""])
    assert words == [
        [("Hello", True), ("World", False), ("Über", True), ("Café", True), ("New", True), ("fine", False)],
        [],
    ]
    assert [word.casefold() for word, _ in words[0]] == words_of([text])[0]


@pytest.mark.parametrize(
    ("text", "most", "begun"),
    [
        ("one two three", 2, "one two "),
        ("one two", 2, "one two"),
        ("寿司 と酒 です", 2, "寿司 と酒 "),
        ("a " * 1000 + "b", 999, "a " * 999),
        ("x" * 5000 + " y z", 2, "x" * 5000 + " y "),
        ("", 3, ""),
    ],
)
def test_the_first_words_of_a_text(text: str, most: int, begun: str) -> None:
    assert first_words(text, most) == begun
