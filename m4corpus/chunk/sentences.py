"""From text and blocks to sentences: the units that chunks are made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import regex

from m4corpus import languages as registry
from m4corpus.chunk.boundaries import believed
from m4corpus.chunk.graphemes import clusters, is_boundary, trimmed
from m4corpus.chunk.thai import thai_ends
from m4corpus.records import Block
from m4corpus.tables import read_table

#: Characters of a line that are searched for sentences at a time.
WINDOW = 10_000
#: Kinds of block that are one unit each, however they are punctuated.
_WHOLE = ("heading", "table_row")
#: Scripts whose Chinese rules hold for every language, also for those sentencex would take for English.
_HAN = ("Hani", "Hans", "Hant")

_LINE = regex.compile(r"[^\n]+")
# In Tibetan a space follows the shad. Lao has full stops, where it has any, with or without a space after them.
_AFTER_SPACE = regex.compile(r"[\s།༎]+")
_LAO_STOP = regex.compile(r"(?<=\p{Lao}{3})[.!?]+[\p{Pe}\p{Pf}\"']*\s*")
# ASCII full stops end a sentence before a space only; the terminators of other scripts need none.
# Runs are matched from their first sign and without backtracking, so that a line of full stops takes linear time.
_TERMINATOR = regex.compile(
    r"(?:(?<![.!?…])[.!?…]++[\p{Pe}\p{Pf}\"']*+(?=\s)|[[\p{STerm}]--[.!?]]++[\p{Pe}\p{Pf}\"']*+)\s*+",
    regex.VERSION1,
)


@dataclass(slots=True)
class Unit:
    """``text[start:end]``, no white space at its ends. ``heading`` is the level of a heading, 0 for other text;
    ``fineness`` counts how often an over-long sentence had to be broken down to give it."""

    start: int
    end: int
    heading: int = 0
    fineness: int = 0


def sentences(text: str, blocks: list[Block], language: str, script: str) -> list[Unit]:
    """Units that hold every character of the text but white space, in order, never more than a line of one block.

    ``language`` is an ISO 639-3 code, ``script`` an ISO 15924 code; either may be empty.
    """
    units = []
    for kind, level, start, end in _regions(blocks, len(text)):
        for line in _LINE.finditer(text, start, end):
            cuts = [line.end()] if kind in _WHOLE else _sentence_ends(text, line.start(), line.end(), language, script)
            units.extend(cut_at(text, line.start(), cuts, heading=level if kind == "heading" else 0))
    return units


def cut_at(text: str, start: int, cuts: list[int], heading: int = 0, fineness: int = 0) -> list[Unit]:
    """The units between ``start`` and the last of some ascending cuts; a cut within a grapheme cluster is ignored."""
    return between(text, start, [cut for cut in cuts if cut == cuts[-1] or is_boundary(text, cut)], heading, fineness)


def between(text: str, start: int, cuts: list[int], heading: int = 0, fineness: int = 0) -> list[Unit]:
    """As :func:`cut_at`, all cuts being boundaries of grapheme clusters."""
    units = []
    for cut in cuts:
        left, right = trimmed(text, start, cut)
        if left < right:
            units.append(Unit(left, right, heading, fineness))
        start = cut
    return units


def _regions(blocks: list[Block], length: int) -> Iterator[tuple[str, int, int, int]]:
    """Kind, level and span of the blocks, and of what lies between them as paragraphs; they cover the whole text."""
    reached = 0
    for block in sorted(blocks, key=lambda b: (b.start, b.end)):
        start, end = max(block.start, reached), min(block.end, length)
        if start >= end:
            continue
        if reached < start:
            yield "paragraph", 0, reached, start
        yield block.kind, block.level, start, end
        reached = end
    if reached < length:
        yield "paragraph", 0, reached, length


def _sentence_ends(text: str, start: int, end: int, language: str, script: str) -> list[int]:
    """Where the sentences of one line end, the last at ``end``."""
    cuts: list[int] = []
    while start < end:
        stop = _window_end(text, start, end)
        cuts.extend(start + cut for cut in _ends_within(text[start:stop], language, script))
        start = stop
    return cuts


def _window_end(text: str, start: int, end: int) -> int:
    """End of the next window: the line's own, or a white space in the window's second half, or a cluster boundary."""
    if end - start <= WINDOW:
        return end
    for at in range(start + WINDOW, start + WINDOW // 2, -1):
        if text[at - 1].isspace() and is_boundary(text, at):
            return at
    return next(last for _, last in clusters(text, start, end) if last >= start + WINDOW or last == end)


def _ends_within(line: str, language: str, script: str) -> list[int]:
    if script == "Thai":
        return thai_ends(line)
    if script in ("Laoo", "Tibt"):
        stop = _LAO_STOP if script == "Laoo" else _AFTER_SPACE
        return [match.end() for match in stop.finditer(line) if match.end() < len(line)] + [len(line)]
    return believed(line, _proposed(line, language, script), language)


def _proposed(line: str, language: str, script: str) -> list[int]:
    # Of Khmer's signs sentencex knows none.
    code = None if script == "Khmr" else "zh" if script in _HAN else _codes().get(language)
    if code is not None:
        import sentencex

        found = sentencex.segment(code, line)
        if "".join(found) == line:
            ends, at = [], 0
            for sentence in found:
                at += len(sentence)
                ends.append(at)
            return ends
    return [match.end() for match in _TERMINATOR.finditer(line) if match.end() < len(line)] + [len(line)]


@cache
def _codes() -> dict[str, str]:
    """The code sentencex knows a language by: two letters where there are, else the ISO 639-3 code itself."""
    codes = {row["code"]: row["label"] for row in read_table("lid")}
    codes.update({language.code: language.iso639_1 or language.code for language in registry.languages()})
    return codes
