"""Which words of a text are left to the teacher."""

from __future__ import annotations

import pytest

from m4corpus.embed.carried.multilingual import Multilingual
from m4corpus.embed.carried.names import Names
from m4corpus.embed.carried.student_words import first_words, pieces_of, words_of, written_of
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


@pytest.mark.parametrize("kept", [0, 3, 50])
def test_what_a_word_is_thought_of_does_not_depend_on_what_was_read_before(names: Names, kept: int) -> None:
    texts = [
        "Ai văzut echipa Steelers la meci aseară?",
        "Οι Μπρόνκος κέρδισαν τους Στίλερς.",
        "寿司 Tokyo",
        "Este aici\nQwzzkrt (Qwzzkrt) acum Qwzzkrt",
    ]
    counts = [len(words) for words in words_of(texts)]
    together = names.found(texts, counts)
    forgetful = Names(names._sounds._tokenizer, names._vocabulary, kept)
    order = [0, 1, 0, 2, 3, 1, 2, 0]
    alone = {i: forgetful.found([texts[i]], [counts[i]]) for i in order}
    assert together == ([alone[i][0][0] for i in range(4)], [alone[i][1][0] for i in range(4)])
    assert together[0][0] == "Steelers"
    assert together[1][1] == "Broncos Steelers"
    assert together[0][3] == "Qwzzkrt"


def test_words_as_they_are_written() -> None:
    text = "Hello, World! Über “Café”\nNew ﬁne"
    pieces = pieces_of(text)
    assert pieces == ["Hello,", "World!", "Über", "“Café”", "\n", "New", "ﬁne"]
    written = written_of(pieces)
    assert written == [
        ((("Hello", None),), False),
        ((("World", None),), True),
        ((("Über", None),), False),
        ((("Café", True),), False),
        ((), True),
        ((("New", None),), False),
        ((("fine", None),), False),
    ]
    assert written_of([]) == []
    words = [word for piece in written for word, _ in piece.words if word.isalpha()]
    assert [word.casefold() for word in words] == words_of([text])[0]


@pytest.mark.parametrize(
    ("text", "most", "begun"),
    [
        ("one two three", 2, "one two "),
        ("one two", 2, "one two"),
        ("寿司 と酒 です", 2, "寿司 と酒 "),
        ("a " * 1000 + "b", 999, "a " * 999),
        ("x" * 5000 + " y z", 2, "x" * 5000 + " y "),
        ("x" * 5000 + " y", 2, "x" * 5000 + " y"),
        ("", 3, ""),
    ],
)
def test_the_first_words_of_a_text(text: str, most: int, begun: str) -> None:
    assert first_words(text, most) == begun
