"""What the rules measure of running text: its words, its lines, and how much of a document it is."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import regex

from m4corpus.filters import measure
from m4corpus.filters.units import terms, units
from m4corpus.records import Document
from m4corpus.scripts import UNSPACED
from m4corpus.tables import read_table

#: Units of a text that are needed to judge its words.
LEAST = 30
#: Letters, or characters, that are needed to judge its lines and the length of its words.
LEAST_LETTERS = 100
#: Scripts whose sentences need not end in a sign.
UNMARKED = frozenset({"Thai", "Laoo"})

_PROSE = ("paragraph", "quote")
_RUNNING = (*_PROSE, "list_item")
_ENDED = regex.compile(r"[[\p{STerm}][:;…؛،]][\p{Pe}\p{Pf}\"'“‘\s]*$", regex.VERSION1)


def mean_word_length(document: Document) -> float | None:
    """Letters, marks and digits of a word, on average; None for scripts without spaces and for a short text.

    Short by its letters, not its words: a text that lost its spaces has few words.
    """
    if document.script in UNSPACED:
        return None
    found = units(document.text, document.script)
    letters = sum(map(len, found))
    return letters / len(found) if letters >= LEAST_LETTERS else None


def digit_share(text: str) -> float:
    """Digits and other numbers among all characters that are not spaces."""
    counts = measure.classes(text)
    whole = counts.total() - counts["Z"]
    return counts["N"] / whole if whole else 0.0


def stop_word_share(document: Document) -> float | None:
    """Share of the terms that are among the language's most frequent; None for a short text, and for a language whose
    frequent words are not in ``tables/stop_words.csv``."""
    return share_of(stop_words(document.language), document)


def share_of(frequent: Collection[str], document: Document) -> float | None:
    """Share of a document's terms that are among ``frequent``; None where either is too little to tell."""
    found = terms(document.text, document.script)
    if not frequent or len(found) < LEAST:
        return None
    return sum(term in frequent for term in found) / len(found)


@cache
def stop_words(language: str) -> frozenset[str]:
    """The most frequent words of a language (characters, or runs of three letters, in scripts without spaces)."""
    rows = read_table("stop_words")
    return frozenset(word for row in rows if row["code"] == language for word in row["words"].split("|"))


def punctuated_share(document: Document) -> float | None:
    """Share of the characters of paragraphs that are in lines which end as sentences or clauses do; None for scripts
    that need no such sign, and for a document of hardly any paragraphs."""
    if document.script in UNMARKED:
        return None
    lines = prose_lines(document)
    whole = sum(map(len, lines))
    return sum(len(line) for line in lines if _ENDED.search(line)) / whole if whole >= LEAST_LETTERS else None


def line_letters(document: Document) -> float | None:
    """Letters, marks and digits of a line of the paragraphs, on average; None for a document of hardly any."""
    lengths = [length for line in prose_lines(document) if (length := measure.content_length(line))]
    return sum(lengths) / len(lengths) if sum(lengths) >= LEAST_LETTERS else None


def prose_lines(document: Document) -> list[str]:
    """The lines of paragraphs and quotes; all lines of a document whose structure is not known."""
    return [line for text in _texts(document, _PROSE) for line in map(str.strip, text.splitlines()) if line]


def running_letters(document: Document) -> int:
    """Letters, marks and digits in paragraphs, quotes and list items: what headings, tables and captions leave."""
    return sum(map(measure.content_length, _texts(document, _RUNNING)))


def rows_share(document: Document) -> float:
    """Share of the letters, marks and digits that stand in rows of tables and infoboxes."""
    whole = measure.content_length(document.text)
    rows = sum(measure.content_length(text) for text in _texts(document, ("table_row",))) if document.blocks else 0
    return rows / whole if whole else 0.0


def _texts(document: Document, kinds: tuple[str, ...]) -> list[str]:
    if not document.blocks:
        return [document.text]
    return [document.text[block.start : block.end] for block in document.blocks if block.kind in kinds]
