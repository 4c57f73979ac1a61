"""fastText's lid.176: probabilities of 176 languages for a batch of texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from m4corpus.identify.labels import labels
from m4corpus.identify.resources import lid176_path, verify_lid176


class LanguageModel:
    """The loaded model; raises ``IntegrityError`` when the file is not the one its checksum names."""

    def __init__(self, path: Path | None = None) -> None:
        import fasttext

        path = path or lid176_path()
        verify_lid176(path)
        self._model: Any = fasttext.load_model(str(path))
        self._codes = {f"__label__{label.label}": label.code for label in labels().values()}

    def probabilities(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """For each text, the probability of each code, at most 1; line breaks in a text count as spaces."""
        lines = [text.replace("\n", " ") for text in texts]
        found, weights = self._model.predict(lines, k=-1)
        return [
            {self._codes[label]: min(1.0, float(p)) for label, p in zip(names, values, strict=True)}
            for names, values in zip(found, weights, strict=True)
        ]
