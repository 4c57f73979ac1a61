"""Training a variety classifier, with a report on groups that were held out of the training."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from m4corpus.config import config
from m4corpus.identify.varieties import linear
from m4corpus.identify.varieties.examples import Example, check_examples
from m4corpus.identify.varieties.measure import Answer, at_threshold, calibration, calibration_error, confusion
from m4corpus.identify.varieties.model import About, VarietyModel, ceiling

THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95)
# Never below 1: where all held-out groups are judged rightly, likeness among them would pass for certainty.
_TEMPERATURES = np.geomspace(1, 20, 61)


@config
class TrainingConfig:
    """How a classifier is trained; the same data and settings give the same file."""

    folds: int = Field(default=10, ge=2, description="Parts the groups are split into; each is held out once.")
    bits: int = Field(default=16, ge=8, le=22, description="Binary logarithm of the number of features.")
    epochs: int = Field(default=20, ge=1, description="Times every text is seen.")
    seed: int = Field(default=0, ge=0, description="Seed of the order in which texts are seen.")


@dataclass(frozen=True, slots=True)
class Report:
    """What the classifier did on texts of groups it was not trained on: every text is held out once."""

    answers: tuple[Answer, ...]
    groups: int
    folds: int

    def as_dict(self) -> dict[str, Any]:
        """JSON form: accuracy at coverage, confusion at full coverage, calibration."""
        return {
            "texts": len(self.answers),
            "groups": self.groups,
            "folds": self.folds,
            "accuracy_at_coverage": [asdict(at_threshold(self.answers, t)) for t in THRESHOLDS],
            "confusion": confusion(self.answers),
            "calibration": [asdict(b) for b in calibration(self.answers)],
            "calibration_error": calibration_error(self.answers),
        }


def train_classifier(
    examples: Sequence[Example], name: str, settings: TrainingConfig | None = None
) -> tuple[VarietyModel, Report]:
    """A classifier trained on all examples, and the report of classifiers trained without the fold they judge.

    Confidences are calibrated by one temperature, in the report by that of the other folds. Neither the order of the
    examples nor repeated ones change anything but repeated texts' weight. Raises :class:`UserError` for unusable data.
    """
    settings = settings or TrainingConfig()
    check_examples(examples)
    ordered = sorted(examples, key=lambda e: (e.group, e.label, e.text))
    labels = sorted({e.label for e in ordered})
    gold = np.array([labels.index(e.label) for e in ordered], dtype=np.int64)
    rows = linear.featurise([e.text for e in ordered], settings.bits)
    groups = sorted({e.group for e in ordered}, key=lambda g: hashlib.sha256(g.encode("utf-8", "replace")).digest())
    folds = min(settings.folds, len(groups))
    fold_of = {group: index % folds for index, group in enumerate(groups)}
    held = np.array([fold_of[e.group] for e in ordered], dtype=np.int64)

    scores = np.zeros((len(ordered), len(labels)))
    for fold in range(folds):
        outside, inside = np.flatnonzero(held != fold), np.flatnonzero(held == fold)
        weights, bias = _fit(rows.take(outside), gold[outside], len(labels), settings)
        scores[inside] = linear.logits(rows.take(inside), weights, bias)
    answers = _answers(scores, gold, held, labels, ceiling(len(groups)))

    weights, bias = _fit(rows, gold, len(labels), settings)
    about = About(
        name=name,
        labels=tuple(labels),
        bits=settings.bits,
        temperature=round(_temperature(scores, gold), 4),
        rows=len(ordered),
        groups=len(groups),
        accuracy=round(at_threshold(answers, 0.0).accuracy, 4),
    )
    # As the file keeps them, so that a model just trained and the same model loaded answer alike.
    kept = weights.astype(np.float16).astype(np.float32)
    return VarietyModel(about, kept, bias), Report(tuple(answers), len(groups), folds)


def _fit(
    rows: linear.Rows, gold: linear.Integers, classes: int, settings: TrainingConfig
) -> tuple[linear.Floats, linear.Floats]:
    return linear.train(rows, gold, classes, settings.bits, settings.epochs, settings.seed)


def _answers(
    scores: NDArray[np.float64], gold: linear.Integers, held: linear.Integers, labels: Sequence[str], most: float
) -> list[Answer]:
    answers: list[Answer] = [Answer("", "", 0.0)] * len(gold)
    for fold in sorted(set(held.tolist())):
        inside, others = np.flatnonzero(held == fold), np.flatnonzero(held != fold)
        probabilities = linear.softmax(scores[inside], _temperature(scores[others], gold[others]))
        for place, found in zip(inside, probabilities, strict=True):
            best = int(found.argmax())
            answers[place] = Answer(labels[gold[place]], labels[best], min(float(found[best]), most))
    return answers


def _temperature(scores: NDArray[np.float64], gold: linear.Integers) -> float:
    """The temperature under which the right labels are most probable."""
    places = np.arange(len(gold))
    losses = [-float(np.log(np.maximum(linear.softmax(scores, t)[places, gold], 1e-12)).mean()) for t in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])
