"""A linear classifier over hashed character n-grams, in numpy: features, training, probabilities.

Small on purpose. A variety shows in a few endings and words, labelled data is scarce, and a model that anyone can train
in seconds and read back from two arrays can be shipped with a recipe.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from m4corpus.identify.varieties.reading import Reading

#: Lengths of the n-grams, in characters; a word's ends count as characters.
SHORTEST, LONGEST = 1, 5
_BATCH = 64

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts as sparse rows: the feature numbers of all texts one after another; text ``i`` has those from ``starts[i]``
    to ``starts[i + 1]``, each with the weight ``values``; a row's squared weights add up to 1."""

    features: Integers
    values: Floats
    starts: Integers

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, rows: Integers) -> Rows:
        """These rows, in this order."""
        lengths = np.diff(self.starts)[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        places = np.repeat(self.starts[rows] - starts[:-1], lengths) + np.arange(starts[-1])
        return Rows(self.features[places], self.values[places], starts)


def featurise(texts: Sequence[str], bits: int) -> Rows:
    """N-grams of the words of each text, hashed to ``2**bits`` features, each present or absent."""
    features = [_features(text, bits) for text in texts]
    lengths = [len(row) for row in features]
    values = [np.full(length, 1 / np.sqrt(length) if length else 0, dtype=np.float32) for length in lengths]
    empty_features, empty_values = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    return Rows(
        np.concatenate([empty_features, *features]),
        np.concatenate([empty_values, *values]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    )


def logits(rows: Rows, weights: Floats, bias: Floats) -> NDArray[np.float64]:
    """Scores (texts, classes) under ``weights`` (features, classes) and ``bias`` (classes,)."""
    owners = np.repeat(np.arange(len(rows)), np.diff(rows.starts))
    parts = [
        np.bincount(owners, rows.values * weights[rows.features, c], minlength=len(rows)) + bias[c]
        for c in range(len(bias))
    ]
    return np.stack(parts, axis=1).astype(np.float64)


def softmax(scores: NDArray[np.float64], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities of each row of ``scores`` (texts, classes)."""
    scaled = scores / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def train(rows: Rows, labels: Integers, classes: int, bits: int, epochs: int, seed: int) -> tuple[Floats, Floats]:
    """Weights and bias of multinomial logistic regression, by AdaGrad over shuffled batches of 64.

    Classes weigh the same, however many texts each has. The same input and seed give the same arrays.
    """
    random = np.random.default_rng(seed)
    weights = np.zeros((1 << bits, classes), dtype=np.float32)
    squares = np.full_like(weights, 1e-2)
    bias, bias_squares = np.zeros(classes, dtype=np.float32), np.full(classes, 1.0, dtype=np.float32)
    importance = len(labels) / (classes * np.maximum(np.bincount(labels, minlength=classes), 1))
    for _ in range(epochs):
        order = random.permutation(len(labels))
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            batch = rows.take(chosen)
            error = softmax(logits(batch, weights, bias))
            error[np.arange(len(chosen)), labels[chosen]] -= 1
            error *= importance[labels[chosen]][:, None] / len(chosen)
            touched, where = np.unique(batch.features, return_inverse=True)
            owners = np.repeat(np.arange(len(batch)), np.diff(batch.starts))
            gradient = np.stack(
                [np.bincount(where, batch.values * error[owners, c], minlength=len(touched)) for c in range(classes)],
                axis=1,
            ).astype(np.float32)
            squares[touched] += gradient**2
            weights[touched] -= 0.3 * gradient / np.sqrt(squares[touched])
            total = error.sum(axis=0).astype(np.float32)
            bias_squares += total**2
            bias -= 0.1 * total / np.sqrt(bias_squares)
    return weights, bias


@lru_cache(maxsize=4096)
def _features(text: str, bits: int) -> Integers:
    grams: dict[str, None] = {}
    for word in Reading(text).words:
        edged = f" {word} "
        for size in range(SHORTEST, LONGEST + 1):
            grams.update(dict.fromkeys(edged[i : i + size] for i in range(len(edged) - size + 1)))
    numbers = {zlib.crc32(gram.encode("utf-8", "surrogatepass")) & ((1 << bits) - 1) for gram in grams}
    return np.array(sorted(numbers), dtype=np.int64)
