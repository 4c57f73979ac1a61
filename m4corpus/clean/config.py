"""Every option of the clean stage."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from m4corpus.config import config


@config
class CleanConfig:
    """What is kept of a page, and what one page may cost."""

    tables: bool = Field(default=True, description="keep table rows and infoboxes")
    captions: bool = Field(default=True, description="keep the captions of figures, galleries and tables")
    references: bool = Field(default=False, description="keep the reference lists of MediaWiki pages (footnote text)")
    hatnotes: bool = Field(default=False, description="keep MediaWiki hatnotes ('For other uses, see ...')")
    focus: Literal["balanced", "precision", "recall"] = Field(
        default="balanced", description="for pages that are not MediaWiki's: what trafilatura favours when in doubt"
    )
    fast: bool = Field(
        default=False,
        description="for pages that are not MediaWiki's: skip trafilatura's second opinion (readability, justext)",
    )
    max_chars: int = Field(default=20_000_000, gt=0, description="longest page accepted, in characters of source")
    max_depth: int = Field(default=256, gt=0, le=256, description="deepest nesting of elements accepted, in levels")
    max_control_share: float = Field(
        default=0.001,
        ge=0,
        le=1,
        description="largest share of control characters accepted (8 strays are always forgiven)",
    )
    time_limit_s: float = Field(default=20.0, gt=0, description="processor time one page may take, in seconds")
    stall_limit_s: float = Field(
        default=300.0,
        gt=0,
        description="elapsed time after which a page that uses no processor is given up, in seconds",
    )
    memory_mib: int = Field(
        default=2048,
        ge=64,
        description="address space one page may take beyond what the worker already uses, in MiB (Linux)",
    )
