"""From sentences to chunks that fit, each measured on its own text.

The functions here are generators that *ask*: they yield lists of texts and are sent their token counts. So they depend
on no tokenizer, and a driver can put the questions of many documents to the tokenizer at once (:mod:`.drive`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias, TypeVar

from m4corpus.chunk.config import ChunkConfig
from m4corpus.chunk.finer import finer
from m4corpus.chunk.sentences import Unit
from m4corpus.ledger import Fail

T = TypeVar("T")
#: Yields texts, is sent the tokens of each, returns a result.
Asking: TypeAlias = Generator[list[str], list[int], T]

# Chunks measured at a time: one that turns out too long makes those planned after it void.
_AHEAD = 32


@dataclass(slots=True)
class Span:
    """A chunk: ``text[start:end]`` of ``tokens`` tokens; ``body`` is where its first text that is no heading starts."""

    start: int
    end: int
    tokens: int
    body: int


def split(text: str, units: list[Unit], config: ChunkConfig, marks: int) -> Asking[list[Span]]:
    """The chunks of a text made of ``units``; ``marks`` is the number of tokens the encoder adds to every text.

    Every unit is in a chunk, whole if it fits. No chunk measures more than ``config.size`` tokens, begins or ends in
    white space, or lacks text that none before it has. A heading is followed by text in its chunk, unless the document
    ends there.

    Raises:
        Fail: ``grapheme-over-budget``, a single grapheme cluster exceeds the size.
    """
    pieces, costs = yield from fitting(text, units, config, marks)
    return (yield from packed(text, pieces, costs, config, marks))


def fitting(text: str, units: list[Unit], config: ChunkConfig, marks: int) -> Asking[tuple[list[Unit], list[int]]]:
    """The units, those that do not fit (after the headings before them) broken into finer ones, and their tokens."""
    budget = config.size - marks
    costs = [tokens - marks for tokens in (yield [text[u.start : u.end] for u in units])]
    while broken := _too_long(text, units, costs, config, marks):
        new = [part for parts in broken.values() for part in parts]
        counted = iter((yield [text[u.start : u.end] for u in new]))
        old, units, old_costs, costs = units, [], costs, []
        for index, unit in enumerate(old):
            parts = broken.get(index)
            units.extend(parts or [unit])
            costs.extend([next(counted) - marks for _ in parts] if parts else [old_costs[index]])
    if any(cost > budget for cost in costs):
        raise Fail("grapheme-over-budget", f"a single grapheme cluster exceeds {config.size} tokens")
    return units, costs


def _too_long(text: str, units: list[Unit], costs: list[int], config: ChunkConfig, marks: int) -> dict[int, list[Unit]]:
    """The units that do not fit and can be broken, with their parts."""
    budget = config.size - marks
    piece = max(1, min(config.overlap or budget, budget // 4))
    broken = {}
    above = 0
    for index, (unit, cost) in enumerate(zip(units, costs, strict=True)):
        # Headings that fill half a chunk are text, and claim no place beside what follows them.
        room = budget - (above if above <= budget // 2 else 0)
        if cost > (budget if unit.heading else room):
            parts = finer(text, unit, -(-cost // piece))
            if len(parts) > 1:
                broken[index] = parts
        # Line breaks may cost tokens of their own.
        above = above + cost + _breaks(text, units, index) if unit.heading else 0
    return broken


def packed(text: str, units: list[Unit], costs: list[int], config: ChunkConfig, marks: int) -> Asking[list[Span]]:
    """Chunks of units that fit; where joined units measure more than their sum, fewer are joined."""
    breaks = [_breaks(text, units, index) for index in range(len(units))]
    plan = Packing(units, costs, breaks, config, config.size - marks)
    spans: list[Span] = []
    start = new = 0
    limit: float = plan.budget
    while new < len(units):
        planned = list(plan.chunks(start, new, limit))
        counts = yield [text[units[first].start : units[last - 1].end] for first, _, last in planned]
        for (first, fresh, last), tokens in zip(planned, counts, strict=True):
            if tokens > config.size:
                plan.learn(first, last, tokens - marks)
                start, new, limit = first, fresh, min(limit, plan.cost(first, last)) - 1
                if limit < plan.cost(first, fresh + 1):
                    start = fresh
                break
            body = next((u.start for u in units[first:last] if not u.heading), units[last - 1].end)
            spans.append(Span(units[first].start, units[last - 1].end, tokens, body))
            start, new, limit = plan.next_start(first, last), last, plan.budget
    return spans


def _breaks(text: str, units: list[Unit], index: int) -> int:
    """Line breaks between a unit and the next."""
    return text.count("\n", units[index].end, units[index + 1].start) if index + 1 < len(units) else 0


class Packing:
    """Which units to join, by an estimate: the tokens of each, plus some for each line break between them.

    What a line break costs depends on the tokenizer (mostly nothing); it is learnt from chunks that were measured.
    """

    def __init__(
        self, units: list[Unit], costs: list[int], breaks: list[int], config: ChunkConfig, budget: int
    ) -> None:
        self.budget = budget
        self._units = units
        self._config = config
        self._break_cost = 0.0
        self._costs = [0, *accumulate(costs)]
        self._breaks = [0, *accumulate(breaks)]

    def cost(self, first: int, last: int) -> float:
        """Estimated tokens of the units ``first`` to ``last - 1`` joined."""
        return self._costs[last] - self._costs[first] + self._break_cost * self._breaks_within(first, last)

    def learn(self, first: int, last: int, tokens: int) -> None:
        """Take note that these units joined measured ``tokens``, more than was thought."""
        if breaks := self._breaks_within(first, last):
            excess = tokens - (self._costs[last] - self._costs[first])
            self._break_cost = max(self._break_cost, excess / breaks)

    def _breaks_within(self, first: int, last: int) -> int:
        return self._breaks[last - 1] - self._breaks[first] if last > first else 0

    def chunks(self, start: int, new: int, limit: float) -> Iterator[tuple[int, int, int]]:
        """The next few chunks as first unit, first unit no chunk before has, and unit after the last; ``limit`` is
        the most tokens of the first of them."""
        for _ in range(_AHEAD):
            if new >= len(self._units):
                return
            end = self._end(start, new, limit)
            yield start, new, end
            start, new, limit = self.next_start(start, end), end, self.budget

    def next_start(self, start: int, end: int) -> int:
        """First unit of the chunk after ``start`` to ``end``: some of its last sentences, where there is room.

        For example, units 0 to 3 of 4, 8, 3 and 5 tokens are a chunk (``start`` 0, ``end`` 4), the overlap is 10 and
        the budget 20. Units 2 and 3 (8 tokens) may be repeated, unit 1 with them (16) may not: the answer is 2, if
        unit 4 has at most 12 tokens. Had it 14, the new chunk would not hold 8 + 14, so only unit 3 is repeated: 3.
        Were unit 4 a heading of 2 tokens and unit 5 its sentence of 14, not even 5 + 2 + 14 would fit: 4, no overlap.
        """
        if end >= len(self._units) or self._begins_section(end):
            return end
        first = end
        while first - 1 > start and not self._units[first - 1].heading:
            if self.cost(first - 1, end) > self._config.overlap:
                break
            first -= 1
        # What follows needs its place: a heading together with the sentence under it.
        need = end
        while need < len(self._units) - 1 and self._units[need].heading:
            need += 1
        while first < end and self.cost(first, need + 1) > self.budget:
            first += 1
        return first

    def _end(self, start: int, new: int, limit: float) -> int:
        """Unit after the last of the chunk that begins at ``start`` and has to hold ``new``.

        For example, unit 0 has 8 tokens, unit 1 has 7, unit 2 is a heading of 2, unit 3 its sentence of 9; the chunk
        begins at 0 and ``limit`` is 20. Units 0 to 2 fit (17 tokens), unit 3 does not (26); but a heading goes with
        what follows, so the chunk ends before it: 2. With a limit of 30 all of them fit: 4, unless the heading begins
        a section and units 0 and 1 are the least tokens a chunk before a section may have (15): 2 again.
        """
        end = new + 1
        while end < len(self._units) and self.cost(start, end + 1) <= limit:
            if self._begins_section(end) and self.cost(start, end) >= self._config.section_min_tokens:
                return end
            end += 1
        if end < len(self._units):
            last = end
            while last > new and self._units[last - 1].heading:
                last -= 1
            end = last if last > new else end
        return end

    def _begins_section(self, index: int) -> bool:
        """Whether a heading that begins a chunk is here; of headings in a row only the first counts."""
        level = self._units[index].heading
        return 0 < level <= self._config.section_level and not (index and self._units[index - 1].heading)
