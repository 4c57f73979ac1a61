"""The stages, in the order they run; apart from the pipeline, so that naming them loads nothing."""

from __future__ import annotations

STAGES = ("read", "clean", "identify", "filter", "dedup", "chunk", "embed", "index")
