"""How a text is read for marks of a variety: folded, cut into words and sentences, the same for tables and texts."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache, cached_property
from typing import Any

# One kind of apostrophe, Russian ё as е, neither tatweel nor Arabic vowel points: texts have them or not at will.
_SPELLINGS = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "ё": "е", "\u0640": None} | {chr(c): None for c in range(0x64B, 0x653)}
)
# What may stand between the last word of a sentence and its end.
_CLOSING = " \t\"'»”’)）」』]】*_"


class Reading:
    """A text made ready, each form of it when first asked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def folded(self) -> str:
        """The text as markers are compared with it."""
        return fold(self.text)

    @cached_property
    def ordered(self) -> list[str]:
        """Words, as they come; a hyphen or an apostrophe within a word belongs to it."""
        return [str(word) for word in _word().findall(self.folded)]

    @cached_property
    def words(self) -> Counter[str]:
        """How often each word comes."""
        return Counter(self.ordered)

    @cached_property
    def spaced(self) -> str:
        """The words in order, between single spaces, for finding several in a row."""
        return f" {' '.join(self.ordered)} "

    @cached_property
    def endings(self) -> tuple[str, ...]:
        """The sentences without what closes them."""
        sentences = (part.rstrip(_CLOSING).lstrip() for part in _stop().split(self.folded))
        return tuple(sentence for sentence in sentences if sentence)


def fold(text: str) -> str:
    """``text`` as it is compared: NFC, lower case, and spellings that vary at will made one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold().translate(_SPELLINGS))


@cache
def _word() -> Any:
    import regex

    return regex.compile(r"[\p{L}\p{M}\p{N}]+(?:[-'][\p{L}\p{M}\p{N}]+)*")


@cache
def _stop() -> Any:
    import regex

    return regex.compile(r"[.!?。！？؟…।۔\n]+")
