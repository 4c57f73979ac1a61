"""Options of language identification."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from m4corpus.config import config
from m4corpus.identify.varieties.config import VarietiesConfig


@config
class ModelFile:
    """A fastText model file in place of the carried one, on this machine or on the Hub, pinned by its checksum."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the file, 64 hex digits.")
    path: str = Field(default="", description="Path of a `.bin` or `.ftz` file, relative to the recipe.")
    repo: str = Field(default="", description="Hub id of the model instead of a path: `organisation/model`.")
    file: str = Field(default="model.bin", description="Name of the file within the repository on the Hub.")
    revision: str = Field(
        default="", pattern=r"^([0-9a-f]{40})?$", description="Commit hash (40 hex digits); required with `repo`."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if bool(self.path) == bool(self.repo):
            raise ValueError("give either path or repo")
        if bool(self.repo) != bool(self.revision):
            raise ValueError("repo and revision go together")
        return self


@config
class IdentifyConfig:
    """How language and script of a document are decided; probabilities and shares are between 0 and 1."""

    model: ModelFile | None = Field(
        default=None,
        description="Another fastText model, whose labels are ISO 639 codes with or without a script (GlotLID, "
        "OpenLID, lid.176, one's own); null takes the carried one.",
    )
    sample_chars: int = Field(
        default=600,
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
    segments: bool = Field(
        default=True,
        description="Judge each paragraph of a document that has several: which language it is in, and how much of the "
        "document each language makes up.",
    )
    english_confidence: float = Field(
        default=0.7,
        ge=0.5,
        le=1,
        description="Probability from which a paragraph counts as surely English in a document of another language.",
    )
    foreign_confidence: float = Field(
        default=0.95,
        ge=0.5,
        le=1,
        description="Probability from which a paragraph counts as surely in another language than the document's, not "
        "being English.",
    )
    foreign_letters: int = Field(
        default=50,
        ge=0,
        description="Letters in paragraphs surely in another language from which that language is looked for in all; a "
        "Han character counts for three, as where the script is told.",
    )
    foreign_share: float = Field(
        default=0.02, ge=0, le=1, description="And the share they must be of all letters of the document."
    )
    romanised_below: float = Field(
        default=0.9,
        ge=0,
        le=1,
        description="Latin letters are taken for a romanisation of the hinted language, which is written in others, "
        "where no language is as probable as this (English: as `english_confidence`).",
    )
    varieties: VarietiesConfig = Field(
        default_factory=lambda: VarietiesConfig(), description="Regions, dialects and registers."
    )
