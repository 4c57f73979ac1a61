"""Options of the index stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from m4corpus.config import config


@config
class IndexConfig:
    """How vectors are indexed and split into shards."""

    kind: Literal["flat"] = Field(default="flat", description="`flat`: every vector as it is, searched exactly.")
    metric: Literal["inner-product"] = Field(
        default="inner-product",
        description="How a query is compared with a vector; of vectors of length 1 this is the cosine.",
    )
    shard_rows: int = Field(
        default=100_000, ge=1, description="Most vectors in a shard; bounds the memory of a worker that writes one."
    )
