"""Options of chunking."""

from __future__ import annotations

from pydantic import Field, model_validator

from m4corpus.config import config


@config
class ChunkConfig:
    """How documents are cut into passages; lengths are tokens of the encoder's own tokenizer."""

    size: int = Field(
        default=128,
        ge=8,
        description="most tokens of a chunk, those the encoder adds to every text (such as [CLS]) included",
    )
    overlap: int = Field(
        default=24,
        ge=0,
        description="most tokens a chunk repeats of the one before it, in whole sentences; less than `size`",
    )
    section_level: int = Field(
        default=2,
        ge=0,
        le=6,
        description="a heading of this level or above (1 is the top) begins a new chunk; 0 lets chunks run across all "
        "headings",
    )
    section_min_tokens: int = Field(
        default=32,
        ge=0,
        description="a chunk of fewer tokens than this does not end at a heading but runs on across it",
    )

    @model_validator(mode="after")
    def _overlap_fits(self) -> ChunkConfig:
        if self.overlap >= self.size:
            raise ValueError(
                f"overlap ({self.overlap} tokens) must be less than size ({self.size} tokens), "
                "or chunks would add nothing"
            )
        return self
