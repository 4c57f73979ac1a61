"""Whether a text is like a question: the only text a register is offered for."""

from __future__ import annotations

from m4corpus.identify.varieties.markers import marker_sets
from m4corpus.identify.varieties.reading import Reading

#: A question with the sentences that lead up to it.
MOST_CHARACTERS, MOST_SENTENCES = 400, 5
_MARKS = ("?", "？", "؟", "፧")


def question_like(text: str | Reading) -> bool:
    """True for at most 400 characters in at most five sentences, of which something asks.

    A question mark asks; without one, a question word or ending of the languages whose registers are told apart.
    """
    reading = Reading(text) if isinstance(text, str) else text
    if len(reading.text) > MOST_CHARACTERS or len(reading.endings) > MOST_SENTENCES:
        return False
    return any(mark in reading.folded for mark in _MARKS) or bool(marker_sets()["question"].count(reading).seen)
