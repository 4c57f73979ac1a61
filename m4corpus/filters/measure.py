"""What the rules measure of a text; every measure treats scripts with and without spaces alike."""

from __future__ import annotations

import unicodedata
from collections import Counter

from m4corpus.scripts import UNSPACED

# Average word length in letters, near enough for Chinese and Japanese and low for the rest, so that none is held short.
_LETTERS_A_WORD = 2


def classes(text: str) -> Counter[str]:
    """Characters by the first letter of their Unicode category: L, M, N, P, S, Z, C."""
    counts: Counter[str] = Counter()
    for character, count in Counter(text).items():
        # Line ends and tabs are category C, but here they are spaces.
        counts["Z" if character.isspace() else unicodedata.category(character)[0]] += count
    return counts


def content_length(text: str) -> int:
    """Letters, marks and digits."""
    counts = classes(text)
    return counts["L"] + counts["M"] + counts["N"]


def words(text: str, script: str) -> int:
    """Words with at least one letter or digit; in scripts without spaces, letters over two, marks aside."""
    if script in UNSPACED:
        counts = classes(text)
        return (counts["L"] + counts["N"]) // _LETTERS_A_WORD
    return sum(any(character.isalnum() for character in word) for word in text.split())


def letter_share(text: str) -> float:
    """Letters and marks among all characters that are not spaces; 0 for a text of spaces."""
    counts = classes(text)
    return _share(counts["L"] + counts["M"], counts.total() - counts["Z"])


def symbol_share(text: str) -> float:
    """Symbols, control and unassigned characters among all characters that are not spaces.

    Format characters (joiners, direction marks) are part of writing many scripts and count as neither.
    """
    counts = classes(text)
    joiners = sum(count for character, count in Counter(text).items() if unicodedata.category(character) == "Cf")
    return _share(counts["S"] + counts["C"] - joiners, counts.total() - counts["Z"] - joiners)


def repeated_lines_share(text: str) -> float:
    """Share of the characters, spaces at line ends aside, that stand in a line already seen further up."""
    seen: set[str] = set()
    total = repeated = 0
    for line in map(str.strip, text.splitlines()):
        total += len(line)
        if line in seen:
            repeated += len(line)
        seen.add(line)
    return _share(repeated, total)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
