"""A text as what is counted in it: words where they stand between spaces, elsewhere letters with their marks."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import pairwise

import regex

from m4corpus.scripts import UNSPACED

#: Scripts whose letters are morphemes or syllables, so that two or three of them are a word.
DENSE = frozenset({"Hani", "Hans", "Hant", "Jpan", "Hira", "Kana", "Bopo", "Yiii"})

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}\u200c\u200d]+(?:['’ʼ·-]+[\p{L}\p{M}\p{N}\u200c\u200d]+)*")
_MARK = regex.compile(r"\p{Mn}+")
_LETTER = regex.compile(r"[\p{L}\p{N}]\p{M}*")


@lru_cache(maxsize=8)
def units(text: str, script: str) -> tuple[str, ...]:
    """Words in lower case, or in scripts without spaces letters with their marks, in order; no punctuation."""
    pattern = _LETTER if script in UNSPACED else _WORD
    return tuple(pattern.findall(text.casefold()))


@lru_cache(maxsize=8)
def terms(text: str, script: str) -> tuple[str, ...]:
    """What can be frequent or rare: words; single characters of Chinese and Japanese; three letters of Thai, Khmer
    and their like, overlapping, which catch their short words wherever those stand.

    Words of Latin script are without diacritics: Yoruba, Igbo and Romanian are often typed so.
    """
    if script == "Latn":
        return units(_MARK.sub("", unicodedata.normalize("NFD", text)), script)
    found = units(text, script)
    if script not in UNSPACED or script in DENSE:
        return found
    return tuple(a + b + c for (a, b), (_, c) in pairwise(pairwise(found)))


def phrase_length(script: str, words: int) -> int:
    """How many units make about as long a phrase as so many English words."""
    if script not in UNSPACED:
        return words
    return words * (2 if script in DENSE else 4)
