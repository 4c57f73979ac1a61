"""Options of the encoder and of the embed stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from m4corpus.config import config

#: Text types a model may compute in.
Dtype = Literal["float32", "float16", "bfloat16"]


@config
class EncoderConfig:
    """Which encoder turns text into vectors, and how texts are put to it."""

    name: str = Field(
        default="use-multilingual",
        min_length=1,
        description="`use-multilingual` (carried by a package, works offline), or a sentence-transformers model: "
        "its Hub id (`organisation/model`) or the path of its directory.",
    )
    revision: str = Field(
        default="", description="Commit hash (40 hex digits) of a model on the Hub; required there, refused elsewhere."
    )
    query_prompt: str | None = Field(
        default=None,
        description="Template of what the encoder reads for a query, `{text}` being the query; null takes the prompt "
        "the model itself declares for queries, or the bare text.",
    )
    passage_prompt: str | None = Field(
        default=None,
        description="Template of what the encoder reads for a chunk, `{text}` being its text and `{title}` (optional) "
        "its title, shortened where both do not fit; null takes the model's own, or the bare text.",
    )
    dtype: Dtype = Field(default="float32", description="Type the model computes in; vectors are stored as float32.")
    max_tokens: int | None = Field(
        default=None, ge=8, description="Longest input in the encoder's tokens; null takes the model's own limit."
    )
    trust_remote_code: bool = Field(default=False, description="Whether Python code that comes with the model may run.")
    normalise: bool = Field(
        default=True, description="Whether vectors are scaled to length 1, so that scores are cosines."
    )
    device: str = Field(
        default="cpu",
        pattern=r"^(cpu|mps|cuda(:\d+)?)$",
        description="Where a sentence-transformers model runs: `cpu`, `cuda`, `cuda:1`, `mps`.",
    )


@config
class EmbedConfig:
    """How chunks are embedded."""

    encoder: EncoderConfig = Field(
        default_factory=EncoderConfig, description="The encoder; its tokenizer also sets the length of chunks."
    )
    batch_size: int = Field(
        default=64,
        ge=1,
        le=4096,
        description="Chunks handed to the encoder at a time, and kept if the run is killed later.",
    )
