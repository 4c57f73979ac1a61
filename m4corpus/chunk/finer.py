"""Breaks a sentence that does not fit into finer units: clauses, then words, then runs of grapheme clusters."""

from __future__ import annotations

import regex

from m4corpus.chunk.graphemes import clusters
from m4corpus.chunk.sentences import Unit, between, cut_at

# A comma within a number is no clause: ASCII punctuation counts before a space only. Runs are matched from their first
# sign and without backtracking.
_CLAUSE = regex.compile(r"(?:(?<![,;:.!?)\]–—])[,;:.!?)\]–—]++(?=\s)|[،؛、，；：､。．！？」』】》〉፣፤፥፦።۔।॥…]++)\s*+")
# Spaces, and what stands between words in Ethiopic and between syllables in Tibetan.
_WORD = regex.compile(r"[\s\u200b፡་]+")
#: Fineness of clauses and of words; beyond them, each step halves what is left at least.
CLAUSES, WORDS = 1, 2


def finer(text: str, unit: Unit, pieces: int) -> list[Unit]:
    """The unit in two or more parts, at the coarsest seams it has; itself alone if it is a single grapheme cluster.

    Where there is neither clause punctuation nor a space, it is cut into about ``pieces`` runs of equal length.
    """
    for fineness, seam in ((CLAUSES, _CLAUSE), (WORDS, _WORD)):
        if unit.fineness < fineness:
            cuts = [match.end() for match in seam.finditer(text, unit.start, unit.end) if match.end() < unit.end]
            parts = cut_at(text, unit.start, [*cuts, unit.end], unit.heading, fineness)
            if len(parts) > 1:
                return parts
    ends = [end for _, end in clusters(text, unit.start, unit.end)]
    pieces = max(2, min(pieces, len(ends)))
    cuts = sorted({ends[len(ends) * n // pieces - 1] for n in range(1, pieces) if len(ends) * n // pieces} | {unit.end})
    return between(text, unit.start, cuts, unit.heading, WORDS + 1)
