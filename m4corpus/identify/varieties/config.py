"""Options of the step that tells varieties apart."""

from __future__ import annotations

from pydantic import Field

from m4corpus.config import config


@config
class VarietyModelConfig:
    """A classifier trained with ``m4corpus identify train``, used instead of the markers for its languages."""

    path: str = Field(min_length=1, description="The model file (.npz).")
    sha256: str = Field(pattern=r"[0-9a-f]{64}", description="SHA-256 of the file; training prints it.")
    any_text: bool = Field(
        default=False,
        description="Offer its registers for every text; else, as registers are told from questions, for question-like "
        "text alone. Set it where the model was trained on such texts.",
    )


@config
class VarietiesConfig:
    """When a document is given a variety (region, dialect or register); probabilities are between 0 and 1."""

    min_confidence: float = Field(
        default=0.75, ge=0, le=1, description="Below this confidence no variety is given, and the reason is recorded."
    )
    registers: bool = Field(
        default=True,
        description="Offer registers (formal, casual, krama, ngoko, loma) for question-like text. No source ever gives "
        "one.",
    )
    sample_chars: int = Field(
        default=3000, ge=100, description="Characters read of a document for what is characteristic of a variety."
    )
    models: list[VarietyModelConfig] = Field(default=[], description="Trained classifiers.")
