"""How good a judge of varieties is: accuracy at coverage, confusion, calibration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

#: What a judge that abstains has answered.
ABSTAINED = ""
BINS = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """One judged text: the variety it is in, the one it was taken for (empty when abstaining), and how surely (0 to
    1)."""

    gold: str
    found: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Point:
    """At ``threshold``: the share of texts answered, and the share of the answers that are right (0 without any)."""

    threshold: float
    coverage: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers whose confidence is between ``low`` (inclusive) and ``high``: how many, their mean confidence, and the
    share that is right."""

    low: float
    high: float
    answers: int
    confidence: float
    accuracy: float


def at_threshold(answers: Sequence[Answer], threshold: float) -> Point:
    """Coverage and accuracy when answers below ``threshold`` are withheld."""
    given = [a for a in answers if a.found != ABSTAINED and a.confidence >= threshold]
    right = sum(a.found == a.gold for a in given)
    return Point(threshold, len(given) / len(answers) if answers else 0.0, right / len(given) if given else 0.0)


def confusion(answers: Sequence[Answer], threshold: float = 0.0) -> dict[str, dict[str, int]]:
    """For each gold variety, how many texts were taken for each, under the empty name how many were not answered."""
    counts = Counter((a.gold, a.found if a.confidence >= threshold else ABSTAINED) for a in answers)
    table: dict[str, dict[str, int]] = {}
    for (gold, found), number in sorted(counts.items()):
        table.setdefault(gold, {})[found] = number
    return table


def calibration(answers: Sequence[Answer]) -> list[Bin]:
    """Answers in ten bins of confidence; empty bins are left out."""
    bins: dict[int, list[Answer]] = {}
    for answer in answers:
        if answer.found != ABSTAINED:
            bins.setdefault(min(int(answer.confidence * BINS), BINS - 1), []).append(answer)
    return [
        Bin(
            number / BINS,
            (number + 1) / BINS,
            len(held),
            sum(a.confidence for a in held) / len(held),
            sum(a.found == a.gold for a in held) / len(held),
        )
        for number, held in sorted(bins.items())
    ]


def calibration_error(answers: Sequence[Answer]) -> float:
    """Expected calibration error: the mean gap between confidence and accuracy over the bins, weighted by size."""
    bins = calibration(answers)
    total = sum(b.answers for b in bins)
    return sum(b.answers * abs(b.confidence - b.accuracy) for b in bins) / total if total else 0.0
