"""The words of a text that the student leaves to the teacher: names and foreign words, which translations share.

The student knows the words of its data; what a question is about is often none of them. In Latin and Cyrillic
letters the teacher reads such a word as it is written. In Greek, Indic and Ethiopic ones it gets the name that sounds
like it (:mod:`m4corpus.embed.carried.sounds`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from m4corpus.embed.carried.sounds import Sounds
from m4corpus.embed.carried.student_words import words_of, written_of

if TYPE_CHECKING:
    from m4corpus.embed.carried.student import Vocabulary

#: Raised when other words would be left to the teacher, or other names found by their sound.
VERSION = 1
#: Texts of at most so many words are names themselves: in them every unknown word is left to the teacher.
SHORT = 4
#: Words whose judgement is kept.
_KEPT = 100_000
# Scripts no language of the teacher is written in: Greek, Devanagari to Sinhala, Ethiopic.
_BY_SOUND = re.compile("[\u0370-\u03ff\u1f00-\u1fff\u0900-\u0dff\u1200-\u139f\u2d80-\u2ddf]")
# Those, and scripts with capitals that the teacher reads: Latin and Cyrillic.
_READ = re.compile(f"{_BY_SOUND.pattern}|[A-Za-z\u00aa-\u024f\u1e00-\u1eff\u0400-\u052f]")


class Judgement(NamedTuple):
    """What is thought of a word: whether the student knows it, whether the gate takes it for one of the teacher's
    languages, and the name it sounds like."""

    unknown: bool
    familiar: bool
    like: str


class Names:
    """Finds the words to be left to the teacher."""

    def __init__(self, tokenizer: Any, vocabulary: Vocabulary) -> None:
        self._sounds = Sounds(tokenizer)
        self._vocabulary = vocabulary
        self._judged: dict[str, Judgement] = {}
        self._lock = Lock()

    def found(self, texts: Sequence[str], counts: Sequence[int]) -> tuple[list[str], list[str]]:
        """For each text, of so many words, those the teacher reads as they are written, and the names others sound
        like; both joined by spaces, and empty where there are none."""
        written = written_of(texts)
        with self._lock:
            judged = self._judgements({word for words in written for word, _ in words if _READ.match(word)})
        as_written, by_sound = [], []
        for words, count in zip(written, counts, strict=True):
            own, spoken = [], []
            for word, begins in words:
                if word not in judged:
                    continue
                unknown, familiar, like = judged[word]
                if like:
                    spoken.append(like)
                elif not _BY_SOUND.match(word) and (
                    (unknown and count <= SHORT) or (word[0].isupper() and _is_name(unknown, familiar, begins))
                ):
                    own.append(word)
            as_written.append(" ".join(own))
            by_sound.append(" ".join(spoken))
        return as_written, by_sound

    def _judgements(self, words: set[str]) -> dict[str, Judgement]:
        if len(self._judged) > _KEPT:
            self._judged = {}
        if new := sorted(words - self._judged.keys()):
            parts = words_of(new)
            known = self._vocabulary.known([part for found in parts for part in found])
            for word, found in zip(new, parts, strict=True):
                unknown = not all(known[part][0] for part in found)
                familiar = sum(known[part][1] for part in found) < 0
                like = self._sounds.like(word) if unknown and _BY_SOUND.match(word) else ""
                self._judged[word] = Judgement(unknown, familiar, like)
        return self._judged


def _is_name(unknown: bool, familiar: bool, begins: bool) -> bool:
    """Whether a word with a capital is a name; at the beginning of a sentence the capital says nothing."""
    return unknown and familiar if begins else unknown or familiar
