"""A trained variety classifier as a file: ``.npz`` with two arrays and a JSON description, loaded without pickle.

weights  float16 (2**bits, classes)   of hashed character n-grams
bias     float32 (classes,)
about    uint8                        JSON, UTF-8: format, name, labels, bits, temperature, held-out accuracy
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from m4corpus.errors import UserError
from m4corpus.identify.varieties.groups import language_of
from m4corpus.identify.varieties.linear import Floats, featurise, logits, softmax
from m4corpus.storage.atomic import write_bytes

FORMAT = "m4corpus-variety-1"
_RETRAIN = "Train one with `m4corpus identify train`."


@dataclass(frozen=True, slots=True)
class About:
    """What a model file says of itself: ``labels`` are BCP-47 tags in the order of the classes, ``accuracy`` (0 to 1)
    is over the held-out ``groups`` at full coverage, ``rows`` the texts it was trained on."""

    name: str
    labels: tuple[str, ...]
    bits: int
    temperature: float
    rows: int
    groups: int
    accuracy: float
    format: str = FORMAT

    @property
    def ceiling(self) -> float:
        """The most confidence it gives: no more than so many groups, all judged rightly, would bear out (Laplace)."""
        return ceiling(self.groups)


@dataclass(frozen=True, slots=True)
class VarietyModel:
    """Weights and what they mean."""

    about: About
    weights: Floats
    bias: Floats

    @property
    def name(self) -> str:
        return self.about.name

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-3 codes of the languages its labels belong to."""
        return frozenset(language_of(label) for label in self.about.labels)

    def probabilities(self, text: str) -> dict[str, float]:
        """Probability of each label, calibrated on held-out groups."""
        row = logits(featurise([text], self.about.bits), self.weights, self.bias)
        found = softmax(row, self.about.temperature)[0]
        return {label: float(p) for label, p in zip(self.about.labels, found, strict=True)}

    def best(self, text: str) -> tuple[str, float]:
        """The most probable label, the first of equals, and its probability up to the ceiling."""
        found = self.probabilities(text)
        label = max(found, key=lambda name: found[name])
        return label, min(found[label], self.about.ceiling)


def ceiling(groups: int) -> float:
    """Laplace's rule of succession after ``groups`` successes."""
    return (groups + 1) / (groups + 2)


def save_model(model: VarietyModel, path: Path) -> str:
    """Write the file atomically; returns its SHA-256. The same model gives the same bytes."""
    about = json.dumps(asdict(model.about), ensure_ascii=False, sort_keys=True).encode()
    content = io.BytesIO()
    np.savez_compressed(
        content,
        about=np.frombuffer(about, dtype=np.uint8),
        bias=model.bias.astype(np.float32),
        weights=model.weights.astype(np.float16),
    )
    write_bytes(path, content.getvalue())
    return hashlib.sha256(content.getvalue()).hexdigest()


def load_model(path: str | Path, sha256: str = "") -> VarietyModel:
    """Read a model file; raises :class:`UserError` when it is missing, is none, or its digest is not ``sha256``."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"the variety model {path} cannot be read: {error.strerror}", _RETRAIN) from error
    found = hashlib.sha256(content).hexdigest()
    if sha256 and found != sha256:
        raise UserError(f"{path} is not the variety model expected: sha256 {found}, not {sha256}", _RETRAIN)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            fields = json.loads(arrays["about"].tobytes())
            if fields.get("format") != FORMAT:
                raise UserError(f"{path} is a variety model of another version, {fields.get('format')!r}", _RETRAIN)
            about = About(**{**fields, "labels": tuple(fields["labels"])})
            weights, bias = arrays["weights"].astype(np.float32), arrays["bias"]
    except (KeyError, TypeError, ValueError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is no variety model", _RETRAIN) from error
    if weights.shape != (1 << about.bits, len(about.labels)) or bias.shape != (len(about.labels),):
        raise UserError(f"{path} is a damaged variety model: {weights.shape} weights", _RETRAIN)
    return VarietyModel(about, weights, bias)
