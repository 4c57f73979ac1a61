"""Options of what becomes of a vector after the model."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from m4corpus.config import config

#: How the numbers of a stored vector are kept.
Quantisation = Literal["none", "float16", "int8", "binary"]


@config
class PostprocessConfig:
    """What is done to every vector of a passage and of a query, in this order; then it is scaled to length 1 again."""

    file: str = Field(
        default="",
        description="Means and principal components (.npz) learnt by `m4corpus embed fit`, relative to the recipe; "
        "empty: vectors are neither centred nor projected.",
    )
    sha256: str = Field(
        default="",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of the file, 64 hex digits; required with it.",
    )
    dimensions: int | None = Field(
        default=None,
        ge=2,
        description="Numbers kept of each vector, from the first: for models trained so that these matter most "
        "(Matryoshka), and after a projection; null keeps all.",
    )
    quantise: Quantisation = Field(
        default="none",
        description="Numbers of stored vectors: `none` (float32), `float16` (half the size), `int8` (a quarter; one "
        "scale a vector), `binary` (their signs, a 32nd). Queries stay as they are.",
    )

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if bool(self.file) != bool(self.sha256):
            raise ValueError("file and sha256 go together")
        return self
