"""Text as the language model reads it: the same when it is trained and when it is asked."""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import pairwise
from typing import Any

#: Signs that come and go within one language: Arabic vowel marks and lengthening, soft hyphens and joiners.
_DELETED = dict.fromkeys([*range(0x064B, 0x0653), 0x0670, 0x0640, 0x00AD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])
_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼʻ`´"), "'")
_TABLE = {**_DELETED, **_APOSTROPHES}


def normalise(text: str) -> str:
    """``text`` in lower case, as words of letters, marks, apostrophes and hyphens between single spaces.

    Han characters, which no spaces separate, become overlapping pairs: ``我們去`` is read as ``我們 們去``.
    """
    text = unicodedata.normalize("NFC", text).translate(_TABLE).lower()
    words = _patterns()[0].sub(" ", text)
    han = _patterns()[1]
    return " ".join(han.sub(_pairs, words).split()) if han.search(words) else words.strip()


def _pairs(run: Any) -> str:
    characters = run[0]
    pairs = map("".join, pairwise(characters)) if len(characters) > 1 else [characters]
    return f" {' '.join(pairs)} "


@cache
def _patterns() -> tuple[Any, Any]:
    import regex

    return regex.compile(r"(?:[^\p{L}\p{M}'\-]+|(?<!\p{L}|\p{M})['\-]+|['\-]+(?!\p{L}))+"), regex.compile(r"\p{Han}+")
