"""Options of the filter stage: one per rule, and a rule whose option is not set does not exist."""

from __future__ import annotations

from pydantic import Field

from m4corpus.config import config


@config
class FilterConfig:
    """Limits a document has to keep. ``None`` (or ``false``) switches a rule off. Shares are between 0 and 1."""

    min_chars: int | None = Field(
        default=50, ge=0, description="Fewest letters, marks and digits; scripts without spaces too."
    )
    max_chars: int | None = Field(default=None, gt=0, description="Most characters of the text.")
    min_words: int | None = Field(
        default=None, ge=0, description="Fewest words; in scripts without spaces, two letters count as one word."
    )
    min_letter_share: float | None = Field(
        default=0.4,
        ge=0,
        le=1,
        description="Least share of letters and marks among the characters that are not spaces.",
    )
    max_symbol_share: float | None = Field(
        default=0.3,
        ge=0,
        le=1,
        description="Largest share of symbols (neither letter, mark, digit, space nor punctuation).",
    )
    max_repeated_lines_share: float | None = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Largest share of the text, in characters, in lines that already occurred in it.",
    )
    languages: tuple[str, ...] | None = Field(
        default=None,
        description="Languages to keep, by any name the registry knows (`am`, `zh-yue`, `Irish`), or `und`.",
    )
    min_language_confidence: float | None = Field(
        default=None, ge=0, le=1, description="Least confidence of the identified language."
    )
    script_mismatch: bool = Field(
        default=False, description="Drop a document whose script its identified language is not written in."
    )
    hint_disagreement: bool = Field(
        default=False,
        description="Drop a document whose text was found to be in another language than its source said.",
    )
