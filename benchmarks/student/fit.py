"""Fit the vectors of features so that a text's sum is what the teacher makes of its translation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.sharedctypes import RawArray
from typing import Any

import numpy as np
import teacher
from corpus import TAUGHT, Corpus
from kernels import regress
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """What training depends on. ``dimension`` is the length of a feature's vector; ``texts`` are seen in all, in
    ``batch`` at a time by each process; languages are drawn with the power ``balance`` of their size, those of the
    teacher ``taught`` times as often; ``single`` is the share of texts that stand alone, others are up to ``run`` in
    a row; ``dropped`` whole words are left to their n-grams; directions of the target weigh with the power
    ``-2 * flatten`` of their spread."""

    dimension: int = 192
    texts: int = 18_000_000
    batch: int = 1024
    rate: float = 0.2
    decay: float = 0.97
    balance: float = 0.5
    taught: float = 0.05
    single: float = 0.55
    run: int = 8
    dropped: float = 0.3
    flatten: float = 0.2
    start: float = 1e-4
    processes: int = 2
    seed: int = 0


@dataclass(frozen=True)
class Fitted:
    """``table`` (features, dimension), ``projection`` (dimension, 512) onto the teacher's sums, ``offset``, the sum
    of no word, and the ``dense`` layers by name."""

    table: Floats
    projection: Floats
    offset: Floats
    dense: dict[str, Floats]


def basis(corpus: Corpus, dimension: int, flatten: float) -> tuple[Floats, Floats]:
    """The directions in which the teacher's sums vary most: from coordinates to sums, and back."""
    chosen = np.random.default_rng(1).permutation(len(corpus.sums))[:12_000]
    scaled = corpus.sums[chosen].astype(np.float32) / np.sqrt(corpus.lengths[chosen])[:, None]
    values, vectors = np.linalg.eigh(np.cov(scaled.T))
    spread = np.sqrt(values[::-1][:dimension]) ** flatten
    directions = vectors[:, ::-1][:, :dimension]
    return (directions * spread).T.astype(np.float32), (directions / spread).astype(np.float32)


def fit(corpus: Corpus, settings: Settings, progress: Callable[[str], None] = print) -> Fitted:
    """Train with several processes on one table; the same to the score, not to the bit."""
    context = get_context("fork")
    features = len(corpus.whole_words) + len(corpus.grams)
    shared = [RawArray("f", features * settings.dimension), RawArray("f", features)]
    table = np.frombuffer(shared[0], dtype=np.float32).reshape(features, settings.dimension)
    squares = np.frombuffer(shared[1], dtype=np.float32)
    table[:] = np.random.default_rng(settings.seed).standard_normal(table.shape) * 0.003
    squares[:] = settings.start
    projection, inverse = basis(corpus, settings.dimension, settings.flatten)
    offset = teacher.marks()
    blocks = [corpus.sums[i : i + 20_000].astype(np.float32) @ inverse for i in range(0, len(corpus.sums), 20_000)]
    work = _Work(corpus, settings, table, squares, np.concatenate(blocks), offset @ inverse)
    workers = [context.Process(target=work.run, args=(rank, progress)) for rank in range(settings.processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError("a training process failed")
    return Fitted(table, projection, offset, {name: weight.numpy() for name, weight in teacher.dense().items()})


class _Work:
    """What a training process does; inherited by fork, so that the processes share all they only read."""

    def __init__(
        self, corpus: Corpus, settings: Settings, table: Floats, squares: Floats, targets: Floats, marks: Floats
    ) -> None:
        self._corpus, self._settings = corpus, settings
        self._table, self._squares, self._targets, self._marks = table, squares, targets, marks
        labels, number = np.unique(corpus.label, return_inverse=True)
        chance = np.bincount(number) ** settings.balance
        chance *= [settings.taught if label in TAUGHT else 1.0 for label in labels]
        self._chance = chance / chance.sum()
        self._rows = [np.flatnonzero(number == i) for i in range(len(labels))]
        self._end = corpus.ends()

    def run(self, rank: int, progress: Callable[[str], None]) -> None:
        """Take the share of one of the processes."""
        settings, corpus = self._settings, self._corpus
        chance = np.random.default_rng([settings.seed, rank])
        words = len(corpus.features.whole[0]) - 1
        steps = settings.texts // (settings.batch * settings.processes)
        losses: list[Any] = []
        told = time.monotonic()
        for step in range(steps):
            first = np.concatenate(
                [
                    rows[chance.integers(0, len(rows), count)]
                    for rows, count in zip(self._rows, chance.multinomial(settings.batch, self._chance), strict=True)
                ]
            )
            chance.shuffle(first)
            count = np.where(
                chance.random(settings.batch) < settings.single, 1, chance.integers(2, settings.run + 1, settings.batch)
            )
            count = np.minimum(first + count, self._end[first]) - first
            dropped = chance.random(words, dtype=np.float32) < settings.dropped
            rate = settings.rate * (1 - settings.decay * step / steps)
            losses.append(
                regress(first, count, corpus.texts, corpus.features.whole, corpus.features.gram, self._table,
                        self._squares, dropped, self._targets, self._marks, corpus.lengths, corpus.pivot, rate)
            )  # fmt: skip
            if rank == 0 and time.monotonic() - told > 30:
                error, size = np.mean(losses, axis=0)
                progress(f"fit: {step + 1:,} of {steps:,} steps, {error / size:.3f} of the target unexplained")
                losses, told = [], time.monotonic()
