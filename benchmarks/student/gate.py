"""Fit the gate: how likely a text is in none of the teacher's languages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lid_sources
import numpy as np
from corpus import TAUGHT, Corpus, Features, Words, located
from kernels import tell_apart
from numpy.typing import NDArray

#: How far the teacher can read languages it was not trained on, as the chance the gate is to give. Relatives of its
#: languages come out best as a mixture of both vectors.
PARTLY = {
    "arz_Arab": 0.35, "azj_Latn": 0.12, "bre_Latn": 0.12, "bul_Cyrl": 0.34, "ces_Latn": 0.12, "jav_Latn": 0.22,
    "min_Latn": 0.3, "nan_Latn": 0.1, "nob_Latn": 0.13, "ron_Latn": 0.12, "src_Latn": 0.3, "sun_Latn": 0.25,
    "tgl_Latn": 0.1, "vie_Latn": 0.13, "zsm_Latn": 0.3,
}  # fmt: skip
#: Languages of PyPI's wordfreq: those of the teacher, and labels of others; what is not named is foreign.
_TAUGHT_TAGS = ("ar", "de", "en", "es", "fr", "id", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "zh")
_TAGS = {"bg": "bul_Cyrl", "cs": "ces_Latn", "da": "nob_Latn", "ms": "zsm_Latn", "nb": "nob_Latn", "ro": "ron_Latn",
         "sv": "nob_Latn", "vi": "vie_Latn"}  # fmt: skip
#: Texts made of the words of one language, by their frequency: ordinary words that messages do not have.
WORD_TEXTS, LONGEST = 4000, 15
#: Passes, texts of each label in one, and the first rate.
PASSES, TEXTS, RATE = 6, 8000, 0.3
#: Pieces of a pass in which parallel text and made-up text take turns.
TURNS = 40


def fit_gate(corpus: Corpus, wordfreq: Path, progress: Callable[[str], None] = print) -> tuple[NDArray[Any], float]:
    """Log odds of each feature, and of a text without any."""
    chance = np.random.default_rng(0)
    foreign = np.array([0.0 if label in TAUGHT else 1 - PARTLY.get(label, 0.0) for label in corpus.label.tolist()])
    made, made_foreign = _made(wordfreq, chance)
    words = Words()
    texts = words.numbers(made)
    features = located(words.hashes(), len(words.known), corpus.whole_words, corpus.grams)
    evidence = np.zeros(len(corpus.whole_words) + len(corpus.grams))
    squares, prior = np.ones(len(evidence)), np.zeros(1)
    rows = [np.flatnonzero(corpus.label == label) for label in np.unique(corpus.label)]

    def learn(order: Any, texts: Any, features: Features, foreign: Any, rate: float) -> float:
        return float(tell_apart(order, texts, features.whole, features.gram, evidence, squares, foreign, prior, rate))

    for number in range(PASSES):
        rate = RATE * (1 - number / PASSES)
        order = chance.permutation(np.concatenate([chance.permutation(some)[:TEXTS] for some in rows]))
        made_order = chance.permutation(len(made))
        losses = []
        for turn, made_turn in zip(np.array_split(order, TURNS), np.array_split(made_order, TURNS), strict=True):
            losses.append(learn(turn, corpus.texts, corpus.features, foreign, rate))
            learn(made_turn, texts, features, made_foreign, rate)
        progress(f"gate: pass {number + 1} of {PASSES}, loss {np.mean(losses):.3f}")
    return evidence, float(prior[0])


def _made(wordfreq: Path, chance: np.random.Generator) -> tuple[list[str], NDArray[np.float64]]:
    texts: list[str] = []
    foreign: list[float] = []
    for tag, words in lid_sources.word_frequencies(wordfreq):
        names = [word for word, _ in words]
        frequencies = np.array([frequency for _, frequency in words])
        number = WORD_TEXTS * (4 if tag == "en" else 2 if tag in _TAUGHT_TAGS else 1)
        # Half of them with more of the rare words.
        for weights in (frequencies, frequencies**0.75):
            lengths = chance.integers(1, LONGEST + 1, number // 2)
            drawn = chance.choice(len(names), lengths.sum(), p=weights / weights.sum())
            for part in np.split(drawn, np.cumsum(lengths)[:-1]):
                texts.append(" ".join(names[i] for i in part))
        share = 0.0 if tag in _TAUGHT_TAGS else 1 - PARTLY.get(_TAGS.get(tag, ""), 0.0)
        foreign += [share] * (2 * (number // 2))
    return texts, np.array(foreign)
