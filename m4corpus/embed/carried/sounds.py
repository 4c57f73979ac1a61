"""Words of other scripts that sound like a word the teacher knows: names, and words borrowed from its languages.

A word is spelled in Latin letters, letters that writers use for one sound are made one, and what is left without its
vowels is looked up among the names in the teacher's vocabulary. Of those the most alike, vowels included, is taken.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any

#: Shares of a word's letters that have to be alike, and the consonants it must have, for it to be the same word.
ALIKE, CONSONANTS = 0.85, 3
#: What a natural logarithm of the chance of a piece counts against likeness, which runs from 0 to 1.
_LIKELIHOOD = 0.005
#: Pieces of the vocabulary that are names: written with a capital, of three letters or more.
_NAME = re.compile("▁[A-Z][a-zéáíóúñöüäç]{2,}")
_GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
#: Pairs of Greek letters, in Latin ones, that stand for one sound.
_PAIRS = {"mp": "b", "nt": "d", "gk": "g", "tz": "j", "ts": "ch"}
#: Spellings of one sound, in the order in which they are replaced.
_SPELLINGS = (
    ("sch", "sh"), ("tch", "ch"), ("ph", "f"), ("gh", "g"), ("kh", "k"), ("th", "t"), ("dh", "d"), ("bh", "b"),
    ("ck", "k"), ("q", "k"), ("x", "ks"), ("w", "v"), ("dz", "z"), ("ts", "s"), ("tz", "s"), ("ou", "u"), ("oo", "u"),
    ("ee", "i"), ("ea", "i"), ("ai", "e"), ("ei", "e"), ("au", "o"), ("y", "i"),
)  # fmt: skip
#: Consonants that languages without the one write as the other.
_NEIGHBOURS = (
    ("ch", "s"), ("sh", "s"), ("h", ""), ("j", "s"), ("b", "v"), ("g", "k"), ("d", "t"), ("z", "s"), ("c", "s"),
)  # fmt: skip
_VOWELS = "aeiou"


class Sounds:
    """What words of any script sound like, among the names of a SentencePiece vocabulary."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def like(self, word: str) -> str:
        """The name a word sounds like, as the vocabulary spells it; empty if there is none."""
        from anyascii import anyascii

        latin = anyascii(word).lower()
        if _GREEK.match(word):
            for pair, sound in _PAIRS.items():
                latin = latin.replace(pair, sound)
        spoken = phonetic(latin)
        bones = skeleton(spoken)
        if len(bones) < CONSONANTS:
            return ""
        alike = [
            (SequenceMatcher(None, spoken, other).ratio(), score, name)
            for score, other, name in self._names.get(bones, ())
        ]
        likeness, _, name = max(alike, key=lambda one: (one[0] + _LIKELIHOOD * one[1], one[2]), default=(0, 0, ""))
        return name if likeness >= ALIKE else ""

    @cached_property
    def _names(self) -> dict[str, list[tuple[float, str, str]]]:
        """Score, sound and spelling of the names, by their consonants."""
        from anyascii import anyascii

        places = list(range(self._tokenizer.get_piece_size()))
        found: dict[str, list[tuple[float, str, str]]] = {}
        for place, piece in zip(places, self._tokenizer.id_to_piece(places), strict=True):
            if _NAME.fullmatch(piece):
                spoken = phonetic(anyascii(piece[1:]).lower())
                score = self._tokenizer.get_score(place)
                found.setdefault(skeleton(spoken), []).append((score, spoken, piece[1:]))
        return found


def phonetic(latin: str) -> str:
    """A word of lower-case Latin letters with one letter for each sound, as far as spelling tells."""
    latin = re.sub("c(?=[eiy])", "s", latin)
    latin = re.sub("g(?=[eiy])", "j", latin)
    latin = re.sub("m(?=[^aeioumpbvf])", "n", latin)
    latin = re.sub("[^a-z]", "", latin)
    for spelling, sound in _SPELLINGS:
        latin = latin.replace(spelling, sound)
    return _single(re.sub("c(?!h)", "k", latin))


def skeleton(spoken: str) -> str:
    """The consonants of a :func:`phonetic` word, those alike made one; a vowel at its beginning is an ``a``."""
    for sound, other in _NEIGHBOURS:
        spoken = spoken.replace(sound, other)
    spoken = _single(spoken)
    return ("a" if spoken[:1] in tuple(_VOWELS) else "") + re.sub(f"[{_VOWELS}]", "", spoken)


def _single(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)
