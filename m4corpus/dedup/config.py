"""Options of deduplication."""

from __future__ import annotations

from pydantic import Field

from m4corpus.config import config


@config
class DedupConfig:
    """What counts as a duplicate; similarity is the Jaccard index of two texts' sets of shingles, between 0 and 1."""

    exact: bool = Field(
        default=True,
        description="drop texts that are equal but for case, compatibility forms, punctuation and white space",
    )
    near: bool = Field(default=True, description="drop texts whose estimated similarity reaches `threshold`")
    threshold: float = Field(
        default=0.72, gt=0, le=1, description="least estimated similarity of a near-duplicate (0-1)"
    )
    bands: int = Field(
        default=16,
        gt=0,
        le=256,
        description="bands of the MinHash signature: texts that agree in all rows of one band are compared",
    )
    rows: int = Field(
        default=7, gt=0, le=64, description="hash values in a band; the signature holds bands x rows of them"
    )
    word_ngram: int = Field(
        default=5, gt=0, le=64, description="words in a shingle, in scripts that put spaces between words"
    )
    char_ngram: int = Field(
        default=8, gt=0, le=64, description="characters in a shingle, in scripts without spaces and in short texts"
    )
    short_words: int = Field(
        default=25, ge=0, description="texts of fewer words than this are compared by characters; 0 compares none so"
    )
    seed: int = Field(default=1, ge=0, lt=2**32, description="seed of the hash functions")
