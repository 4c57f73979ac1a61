"""Latin letters for a language that is written in another script: ``aap kaise hain``, ``kak dela``, ``3ala fekra``.

Nothing is turned into another script: the text stays as it is, and is flagged.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache

from m4corpus.tables import read_table

LATIN = "Latn"
#: Characteristic words needed: different ones, and their share of all words.
DISTINCT, SHARE = 3, 0.15
_WORD = re.compile(r"[a-z0-9]*[a-z][a-z0-9']*")


@dataclass(frozen=True, slots=True)
class Romanised:
    """The ``languages`` (ISO 639-3) a text in Latin letters reads as, none or those that are spelt alike, and the
    ``share`` of its words that are characteristic of them."""

    languages: tuple[str, ...]
    share: float


def read_romanised(text: str) -> Romanised:
    """Count the words of ``text`` that ``tables/romanised_words.csv`` lists, marks over letters aside."""
    plain = text.lower()
    if not plain.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))
    words = Counter(_WORD.findall(plain))
    known = _languages()
    found: Counter[tuple[str, ...]] = Counter()
    distinct: Counter[tuple[str, ...]] = Counter()
    for word, number in words.items():
        for languages in known.get(word, ()):
            found[languages] += number
            distinct[languages] += 1
    enough = [
        (number / words.total(), languages)
        for languages, number in found.items()
        if distinct[languages] >= DISTINCT and number >= SHARE * words.total()
    ]
    share, languages = max(enough, default=(0.0, ()))
    return Romanised(languages, share)


@cache
def _languages() -> dict[str, list[tuple[str, ...]]]:
    """For each characteristic word, the languages it is characteristic of."""
    known: dict[str, list[tuple[str, ...]]] = {}
    for row in read_table("romanised_words"):
        for word in row["words"].split("|"):
            known.setdefault(word, []).append(tuple(row["codes"].split("|")))
    return known
