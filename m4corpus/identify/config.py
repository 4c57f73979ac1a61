"""Options of language identification."""

from __future__ import annotations

from pydantic import Field

from m4corpus.config import config


@config
class IdentifyConfig:
    """How language and script of a document are decided; probabilities and shares are between 0 and 1."""

    sample_chars: int = Field(
        default=3000,
        ge=100,
        description="Characters read of a document's prose: all of a shorter one, else a third each from its start, "
        "middle and end.",
    )
    min_confidence: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="Below this confidence the text decides nothing: the hint does, or it stays `und`.",
    )
    hint_weight: float = Field(
        default=20.0,
        ge=1,
        description="How many times likelier the hinted language is held to be before the text is read; 1 ignores the "
        "hint for the languages the model knows.",
    )
    contradiction: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="Probability of another language from which the text overrules a hint for a language the model "
        "does not know.",
    )
    hint_confidence: float = Field(
        default=0.3, ge=0, le=1, description="Confidence given to a label that rests on the hint alone."
    )
    second_opinion_below: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="langdetect is asked where the model's own best probability is below this, or where its answer "
        "differs from the hint; 0 asks only where it differs.",
    )
