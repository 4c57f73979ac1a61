"""The words of a text that the student leaves to the teacher: names and foreign words, which translations share.

The student knows the words of its data; what a question is about is often none of them. In Latin and Cyrillic
letters the teacher reads such a word as it is written. In Greek, Indic and Ethiopic ones it gets the name that sounds
like it (:mod:`m4corpus.embed.carried.sounds`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from m4corpus.embed.carried.remembered import KEPT_PIECES, LONGEST_PIECE, Remembered
from m4corpus.embed.carried.sounds import Sounds
from m4corpus.embed.carried.student_words import pieces_of, written_of

if TYPE_CHECKING:
    from m4corpus.embed.carried.student import Vocabulary

#: Raised when other words would be left to the teacher, or other names found by their sound.
VERSION = 1
#: Texts of at most so many words are names themselves: in them every unknown word is left to the teacher.
SHORT = 4
# Scripts no language of the teacher is written in: Greek, Devanagari to Sinhala, Ethiopic.
_BY_SOUND = re.compile("[\u0370-\u03ff\u1f00-\u1fff\u0900-\u0dff\u1200-\u139f\u2d80-\u2ddf]")
# Those, and scripts with capitals that the teacher reads: Latin and Cyrillic.
_READ = re.compile(f"{_BY_SOUND.pattern}|[A-Za-z\u00aa-\u024f\u1e00-\u1eff\u0400-\u052f]")


class Candidate(NamedTuple):
    """A word that may be left to the teacher: whether it begins a sentence (None: as the word before leaves it),
    whether the student does not know it, whether the gate takes it for one of the teacher's languages, and the name it
    sounds like."""

    word: str
    begins: bool | None
    unknown: bool
    familiar: bool
    like: str


class Piece(NamedTuple):
    """What may be left to the teacher in a piece of text, and whether a word ``after`` it begins a sentence."""

    candidates: tuple[Candidate, ...]
    after: bool | None


class Names:
    """Finds the words to be left to the teacher."""

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary, kept: int = KEPT_PIECES) -> None:
        self._sounds = Sounds(tokenizer)
        self._vocabulary = vocabulary
        self._pieces = Remembered(self._judged, kept, LONGEST_PIECE)

    def found(self, texts: Sequence[str], counts: Sequence[int]) -> tuple[list[str], list[str]]:
        """For each text, of so many words, those the teacher reads as they are written, and the names others sound
        like; both joined by spaces, and empty where there are none."""
        cut = [pieces_of(text) for text in texts]
        read = iter(self._pieces.of(list(chain.from_iterable(cut))))
        as_written, by_sound = [], []
        for pieces, count in zip(cut, counts, strict=True):
            own: list[str] = []
            spoken: list[str] = []
            begins = True
            for candidates, after in islice(read, len(pieces)):
                for word, its_own, unknown, familiar, like in candidates:
                    if like:
                        spoken.append(like)
                    elif (unknown and count <= SHORT) or (
                        word[0].isupper() and _is_name(unknown, familiar, begins if its_own is None else its_own)
                    ):
                        own.append(word)
                if after is not None:
                    begins = after
            as_written.append(" ".join(own))
            by_sound.append(" ".join(spoken))
        return as_written, by_sound

    def _judged(self, pieces: Sequence[str]) -> list[Piece]:
        written = written_of(pieces)
        words = list(dict.fromkeys([word for piece in written for word, _ in piece.words if _READ.match(word)]))
        thought = {
            word: self._thought(word, *of) for word, of in zip(words, self._vocabulary.known(words), strict=True)
        }
        return [
            Piece(
                tuple(Candidate(word, begins, *judged) for word, begins in words if (judged := thought.get(word))),
                after,
            )
            for words, after in written
        ]

    def _thought(self, word: str, known: bool, evidence: int) -> tuple[bool, bool, str] | None:
        """What :class:`Candidate` says of a word; None if it is none."""
        if _BY_SOUND.match(word):
            like = "" if known else self._sounds.like(word)
            return (True, False, like) if like else None
        familiar = evidence < 0
        return (not known, familiar, "") if not known or (familiar and word[0].isupper()) else None


def _is_name(unknown: bool, familiar: bool, begins: bool) -> bool:
    """Whether a word with a capital is a name; at the beginning of a sentence the capital says nothing."""
    return unknown and familiar if begins else unknown or familiar
