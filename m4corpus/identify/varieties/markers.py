"""Characteristic words, endings and strings of varieties, from ``tables/variety_markers.csv``, counted in a text.

A marker's weight is about the natural logarithm of how much likelier it is in its variety than in the others of its
group: 3, hardly ever elsewhere; 2, seven times; 1, three times. Kinds: ``word``, one word or several; ``prefix`` and
``suffix`` of a word; ``text``, a string anywhere, for scripts without spaces; ``end`` of a sentence.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import log2

from m4corpus.identify.varieties.reading import Reading, fold
from m4corpus.tables import read_table

KINDS = ("word", "prefix", "suffix", "text", "end")
# Letters that must be left of a word once an affix is off: a shorter rest is seldom a stem.
_STEM = 3


@dataclass(frozen=True, slots=True)
class Marker:
    """``written`` counts for each of ``varieties`` (tags) with ``weight``."""

    varieties: tuple[str, ...]
    kind: str
    written: str
    weight: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a text holds of a group's markers: the score of each variety, and the markers seen, the weightiest first."""

    scores: dict[str, float]
    seen: tuple[tuple[Marker, int], ...]

    def of(self, variety: str, limit: int = 5) -> str:
        """The markers of ``variety`` seen, a few of them, for people."""
        return " ".join([marker.written for marker, _ in self.seen if variety in marker.varieties][:limit])


@dataclass(slots=True)
class MarkerSet:
    """The markers of one group, arranged for counting."""

    markers: dict[str, dict[str, list[Marker]]]
    phrases: list[tuple[str, str]]
    lengths: dict[str, list[int]]
    anywhere: re.Pattern[str] | None
    varieties: tuple[str, ...] = field(default=())

    def count(self, reading: Reading) -> Found:
        """Score a text: each marker adds its weight, and up to twice that from three occurrences on.

        A word that a text is about comes often, and says no more of its author the tenth time.
        """
        counts: Counter[tuple[str, str]] = Counter(self._occurrences(reading))
        seen = [
            (marker, number)
            for (kind, written), number in sorted(counts.items())
            for marker in self.markers[kind][written]
        ]
        seen.sort(key=lambda pair: (-_gain(*pair), pair[0].kind, pair[0].written))
        scores = dict.fromkeys(self.varieties, 0.0)
        for marker, number in seen:
            for variety in marker.varieties:
                scores[variety] += _gain(marker, number)
        return Found(scores, tuple(seen))

    def _occurrences(self, reading: Reading) -> Iterator[tuple[str, str]]:
        words, affixed = self.markers["word"], bool(self.lengths["prefix"] or self.lengths["suffix"])
        if words or affixed:
            for word, number in reading.words.items():
                if word in words:
                    yield from [("word", word)] * number
                elif affixed:
                    yield from list(self._affixes(word)) * number
        for first, phrase in self.phrases:
            if first in reading.words:
                yield from [("word", phrase)] * reading.spaced.count(f" {phrase} ")
        if self.anywhere:
            yield from (("text", match.group()) for match in self.anywhere.finditer(reading.folded))
        for sentence in reading.endings if self.lengths["end"] else ():
            for length in self.lengths["end"]:
                if sentence[-length:] in self.markers["end"] and len(sentence) >= length:
                    yield "end", sentence[-length:]
                    break

    def _affixes(self, word: str) -> Iterator[tuple[str, str]]:
        for kind in ("prefix", "suffix"):
            for length in self.lengths[kind]:
                affix = word[:length] if kind == "prefix" else word[-length:]
                if affix in self.markers[kind] and len(word) >= length + _STEM:
                    yield kind, affix
                    break


def _gain(marker: Marker, number: int) -> float:
    return marker.weight * min(log2(1 + number), 2.0)


@cache
def marker_sets() -> Mapping[str, MarkerSet]:
    """The markers of the table by group."""
    groups: defaultdict[str, list[Marker]] = defaultdict(list)
    for row in read_table("variety_markers"):
        varieties = tuple(row["variety"].split("|"))
        groups[row["group"]].append(Marker(varieties, row["kind"], fold(row["marker"]), float(row["weight"])))
    return {name: arrange(markers) for name, markers in groups.items()}


def arrange(markers: Iterable[Marker]) -> MarkerSet:
    """Make a set of markers ready for counting; the longest of several that fit the same place is the one counted."""
    by_kind: dict[str, dict[str, list[Marker]]] = {kind: {} for kind in KINDS}
    varieties: dict[str, None] = {}
    for marker in markers:
        by_kind[marker.kind].setdefault(marker.written, []).append(marker)
        varieties.update(dict.fromkeys(marker.varieties))
    strings = sorted(by_kind["text"], key=lambda s: (-len(s), s))
    return MarkerSet(
        by_kind,
        [(written.split()[0], written) for written in by_kind["word"] if " " in written],
        {kind: sorted({len(w) for w in by_kind[kind]}, reverse=True) for kind in KINDS},
        re.compile("|".join(map(re.escape, strings))) if strings else None,
        tuple(varieties),
    )
