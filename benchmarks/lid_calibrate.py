"""Temperatures that make the model's probabilities mean what they say, measured on text it was not trained on."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from lid_sets import Item

from m4corpus.identify.fasttext_model import LanguageModel, tempered

#: Lengths, in characters, that a temperature is measured at.
LENGTHS = (10, 20, 40, 80, 160, 320, 640)
#: Texts of each length.
TEXTS = 6_000
_GRID = [round(0.3 + 0.05 * step, 2) for step in range(40)]


def temperatures(model: LanguageModel, items: Sequence[Item], seed: int) -> list[tuple[int, float]]:
    """For each length the temperature with the least cross-entropy over pieces of ``items`` of about that length.

    ``model`` must answer at temperature 1. A language it does not know is left out.
    """
    found = []
    for length in LENGTHS:
        pieces = _pieces(items, length, random.Random(seed))
        answers = model.probabilities([piece.text for piece in pieces])
        told = [(piece.code, answer) for piece, answer in zip(pieces, answers, strict=True) if len(answer) > 1]
        found.append((length, min(_GRID, key=lambda value: _cost(told, value))))
    return found


def _pieces(items: Sequence[Item], length: int, rng: random.Random) -> list[Item]:
    """Runs of whole words of about ``length`` characters, out of texts that are long enough."""
    long_enough = [item for item in items if len(item.text) >= length]
    pieces = []
    for item in rng.sample(long_enough, min(TEXTS, len(long_enough))):
        first = rng.randrange(len(item.text) - length + 1)
        first = item.text.rfind(" ", 0, first) + 1
        last = item.text.find(" ", first + length)
        pieces.append(Item(item.code, item.text[first : last if 0 < last < first + length + 30 else first + length]))
    return pieces


def _cost(told: Sequence[tuple[str, dict[str, float]]], temperature: float) -> float:
    return sum(-math.log(max(tempered(answer, temperature).get(code, 0.0), 1e-3)) for code, answer in told)
