"""Text as the language model reads it: the same when it is trained and when it is asked."""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import pairwise
from typing import Any

#: Signs that come and go within one language: Arabic vowel marks and lengthening, soft hyphens and joiners.
_DELETED = dict.fromkeys([*range(0x064B, 0x0653), 0x0670, 0x0640, 0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼʻ`´"), "'")


class _Table(dict[int, "str | None"]):
    """What a character becomes, worked out when it is first met; what is neither letter nor mark becomes a space."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = character if character == "-" or unicodedata.category(character)[0] in "LM" else " "
        return self[code] or ""


_TABLE = _Table({**_DELETED, **_APOSTROPHES})


def normalise(text: str) -> str:
    """``text`` in lower case, as words of letters, marks, apostrophes and hyphens between single spaces.

    Han characters, which no spaces separate, become overlapping pairs: ``我們去`` is read as ``我們 們去``.
    """
    if not unicodedata.is_normalized("NFC", text):
        text = unicodedata.normalize("NFC", text)
    words = text.lower().translate(_TABLE)
    edges, han = _patterns()
    if "'" in words or "-" in words:
        words = edges.sub(" ", words)
    if han.search(words):
        words = han.sub(_pairs, words)
    return " ".join(words.split())


def _pairs(run: Any) -> str:
    characters = run[0]
    pairs = map("".join, pairwise(characters)) if len(characters) > 1 else [characters]
    return f" {' '.join(pairs)} "


@cache
def _patterns() -> tuple[Any, Any]:
    """Apostrophes and hyphens that are not within a word, and runs of Han."""
    import regex

    return regex.compile(r"(?<!\S)['\-]+|['\-]+(?!\S)|['\-]{2,}"), regex.compile(r"\p{Han}+")
