"""The carried language model: probabilities of languages for a batch of texts.

Three steps, each only where the one before leaves a question. The script decides where one language is written in it.
Else fastText reads the words and their parts, and languages not written in that script are struck out. What is left is
scaled by how often a language is met at all and by a temperature measured on held-out text, so that of the answers
given with probability 0.9 nine in ten are right. Groups the model cannot settle are settled by their own words: Hokkien
and Mandarin (``sinitic``), Malay and Indonesian, Norwegian and Danish (``telltale``). Short texts that are still in
doubt are read a second time, by bytes (``byte_reader``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from m4corpus.identify.byte_reader import LONGEST, SURE, weighed
from m4corpus.identify.normalise import normalise
from m4corpus.identify.resources import Settings, model_path, read_settings, verify_model
from m4corpus.identify.script import dominant_script
from m4corpus.identify.sinitic import is_hokkien
from m4corpus.identify.telltale import weigh

# Labels asked for; where none of them is written in the text's script, all are.
_CANDIDATES = 24
# Probability of the language a script stands for: others are written in it too, rarely.
_BY_SCRIPT = 0.99
# Written Hokkien and Mandarin share most of their characters, and of Hokkien there is little to train on: how much
# likelier it is where one of its own words occurs, and where none does.
_HOKKIEN_WORDS, _NO_HOKKIEN_WORDS = 30.0, 0.05
# Temperature of what two readers say together, who are not independent.
_TOGETHER = 1.3
# Answers less probable than this are left out.
_NEGLIGIBLE = 1e-4


class LanguageModel:
    """The loaded model; raises ``IntegrityError`` when the file is not the one its checksum names."""

    def __init__(self, path: Path | None = None, settings: Path | None = None) -> None:
        import fasttext

        path = path or model_path()
        self._settings = read_settings(settings)
        verify_model(path, self._settings.sha256)
        self._model: Any = fasttext.load_model(str(path))
        self._labels = {name: tuple(name.removeprefix("__label__").split("_")) for name in self._model.get_labels()}
        self._scripts = {script for _, script in self._labels.values()}

    def probabilities(self, texts: Sequence[str], scripts: Sequence[str] | None = None) -> list[dict[str, float]]:
        """For each text, the probability of each ISO 639-3 code that has one worth naming, the largest first.

        They add up to 1, or to 0.99 where the script alone decides; a text without a letter, or in a script the model
        knows no language of, has none. ``scripts`` are the texts' own where known (``dominant_script``). A batch
        is much faster than its texts one by one; the answers are the same.
        """
        scripts = [_merged(script) for script in scripts or [dominant_script(text).code for text in texts]]
        found: list[dict[str, float]] = [
            {self._settings.by_script[script]: _BY_SCRIPT} if script in self._settings.by_script else {}
            for script in scripts
        ]
        asked = {at: line for at, script in enumerate(scripts) if script in self._scripts
                 if (line := normalise(texts[at]))}  # fmt: skip
        if asked:
            names, values = self._model.predict(list(asked.values()), k=_CANDIDATES)
            for (at, line), labels, weights in zip(asked.items(), names, values, strict=True):
                odds = self._within(scripts[at], labels, weights)
                if not odds:
                    odds = self._within(scripts[at], *self._model.predict(line, k=-1))
                if "nan" in odds and scripts[at] == "Hani":
                    odds["nan"] *= _HOKKIEN_WORDS if is_hokkien(texts[at]) else _NO_HOKKIEN_WORDS
                told = weigh(tempered(odds, temperature(len(line), self._settings)), line)
                # Forms of Chinese are told apart by their own words, and the second reader knows but one of them.
                if told and len(line) < LONGEST and max(told.values()) < SURE and scripts[at] != "Hani":
                    told = tempered(weighed(told, texts[at]), _TOGETHER)
                found[at] = told
        return found

    def _within(self, script: str, names: Sequence[str], values: Any) -> dict[str, float]:
        """Weights of the codes written in ``script``."""
        prior = self._settings.weights
        labels = ((self._labels[name], float(value)) for name, value in zip(names, values, strict=True))
        return {code: p * prior.get(code, 1.0) for (code, written), p in labels if written == script}


def tempered(weights: Mapping[str, float], temperature: float) -> dict[str, float]:
    """``weights`` raised to ``1 / temperature`` and scaled to add up to 1, largest first, the negligible left out."""
    logs = {code: math.log(max(weight, 1e-12)) / temperature for code, weight in weights.items()}
    highest = max(logs.values(), default=0.0)
    scaled = {code: math.exp(value - highest) for code, value in logs.items()}
    total = sum(scaled.values())
    likely = sorted(((p / total, code) for code, p in scaled.items()), key=lambda pair: (-pair[0], pair[1]))
    return {code: p for p, code in likely if p >= _NEGLIGIBLE}


def temperature(length: int, settings: Settings) -> float:
    """The temperature for a text of ``length`` characters, on a line between the lengths it was measured at."""
    points = settings.temperatures
    at = math.log(max(1, length))
    for (shorter, low), (longer, high) in pairwise(points):
        if length <= longer:
            share = (at - math.log(shorter)) / (math.log(longer) - math.log(shorter))
            return low + (high - low) * min(1.0, max(0.0, share))
    return points[-1][1]


def _merged(script: str) -> str:
    """The script as the model's labels have it, which hold both forms of Chinese writing together."""
    return "Hani" if script in ("Hans", "Hant") else script
