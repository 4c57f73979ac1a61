"""The language model the package carries: where it lies, what it must be, and how its answers are to be read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from m4corpus.errors import IntegrityError, UserError

_FOLDER = Path(__file__).parent.parent / "resources"
_SETTINGS = _FOLDER / "language-model.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """What training measured and recorded beside the model.

    ``sha256`` of the model file. ``by_script``: the language that a script alone stands for. ``temperatures``: pairs of
    a text's length in characters and the temperature at that length, in order of length. ``weights``: how much the
    probability of a language counts that is met less often than others, by code.
    """

    sha256: str
    by_script: dict[str, str]
    temperatures: tuple[tuple[float, float], ...]
    weights: dict[str, float]


def model_path() -> Path:
    """The model file the package carries."""
    return _FOLDER / "language-model.ftz"


def read_settings(path: Path | None = None) -> Settings:
    """The settings at ``path``, by default those the package carries."""
    content = json.loads((path or _SETTINGS).read_text(encoding="utf-8"))
    return Settings(
        content["sha256"],
        content["by_script"],
        tuple((float(length), float(value)) for length, value in content["temperatures"]),
        content["weights"],
    )


def model_digest() -> str:
    """SHA-256 (hex) of the settings, which name the model's: part of the fingerprint of whatever is labelled."""
    return hashlib.sha256(_SETTINGS.read_bytes()).hexdigest()


def verify_model(path: Path, expected: str) -> None:
    """Raise ``IntegrityError`` unless the file at ``path`` has the ``expected`` SHA-256 (hex).

    Raises ``UserError`` when there is no such file.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise UserError(
            f"no language model at {path}",
            hint="The carried one comes with the package: install it again. Another one: check `identify.model`.",
        ) from error
    if digest != expected:
        raise IntegrityError(
            f"{path.name} is not the language model expected: sha256 {digest}, not {expected}",
            hint="Install the package again, or correct `identify.model.sha256` if the file was changed on purpose.",
        )
