"""Names in other scripts, found in the teacher's vocabulary by their sound."""

from __future__ import annotations

import pytest

from m4corpus.embed.carried.sounds import Sounds, phonetic, skeleton
from m4corpus.embed.carried.use import UseMultilingual
from m4corpus.embed.config import EncoderConfig


@pytest.fixture(scope="module")
def sounds() -> Sounds:
    return Sounds(UseMultilingual(EncoderConfig(name="use-multilingual"))._tokenizer)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Μπρόνκος", "Broncos"),
        ("Καρολίνα", "Carolina"),
        ("टेस्ला", "Tesla"),
        ("कैरोलिना", "Carolina"),
        ("স্পেন", "Spain"),
        ("கரோலினா", "Carolina"),
        ("మిన్నెసోటా", "Minnesota"),
        ("ቴክሳስ", "Texas"),
    ],
)
def test_names_are_found(sounds: Sounds, word: str, name: str) -> None:
    assert sounds.like(word) == name


@pytest.mark.parametrize("word", ["", "και", "विजेता", "αποτελέσματα", "അ", "ወንዝ", "123"])
def test_other_words_are_not(sounds: Sounds, word: str) -> None:
    assert sounds.like(word) == ""


def test_spellings_of_one_sound_are_one() -> None:
    assert phonetic("philadelphia") == phonetic("filadelfia")
    assert phonetic("cicero") == "sisero"
    assert phonetic("hannibal") == "hanibal"


def test_a_skeleton_is_made_of_consonants() -> None:
    assert skeleton(phonetic("denver")) == skeleton(phonetic("tenver")) == "tnvr"
    assert skeleton(phonetic("athens")).startswith("a")
    assert skeleton("") == ""
