"""How much of a text repeats itself, and how varied its words are."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from m4corpus.filters.units import phrase_length, units
from m4corpus.scripts import UNSPACED

#: Units of a text that are needed to judge how it repeats itself, and the length of the stretches words are varied in.
LEAST, STRETCH = 50, 100


def repeated_ngrams_share(text: str, script: str) -> float | None:
    """Share of the units that stand in a phrase of five words (or as much) which occurred before; None for a short
    text."""
    found, n = units(text, script), phrase_length(script, 5)
    if len(found) < max(LEAST, 2 * n):
        return None
    seen: set[tuple[str, ...]] = set()
    covered = reached = 0
    for at in range(len(found) - n + 1):
        gram = found[at : at + n]
        if gram in seen:
            covered += at + n - max(at, reached)
            reached = at + n
        seen.add(gram)
    return covered / len(found)


def top_ngram_share(text: str, script: str) -> float | None:
    """Share of the units the most frequent phrase of three words (or as much) would fill; None for a short text."""
    found, n = units(text, script), phrase_length(script, 3)
    if len(found) < max(LEAST, 2 * n):
        return None
    most = max(Counter(zip(*(found[i:] for i in range(n)), strict=False)).values())
    return min(1.0, most * n / len(found)) if most > 1 else 0.0


def distinct_share(text: str, script: str) -> float | None:
    """Different terms among a hundred in a row, on average over the text, so that its length does not matter.

    A term is a word, or two letters in a row in scripts without spaces; None for a text of fewer.
    """
    found = units(text, script)
    if script in UNSPACED:
        found = tuple(map("".join, pairwise(found)))
    if len(found) < STRETCH:
        return None
    stretches = [found[at : at + STRETCH] for at in range(0, len(found) - STRETCH + 1, STRETCH)]
    return sum(len(set(stretch)) for stretch in stretches) / (STRETCH * len(stretches))
