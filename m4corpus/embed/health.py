"""What is found out about an encoder in one language, and from where on it is reported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

#: Probes of a language below which its retrieval is shown but not judged.
LEAST_PROBES = 20


@dataclass(frozen=True)
class Limits:
    """From where on a language is reported. Shares of 1; ``first`` is R@1 of the probe, ``recall`` R@10."""

    unknown: float = 0.1
    truncated: float = 0.05
    duplicates: float = 0.01
    first: float = 0.4
    recall: float = 0.5


@dataclass
class Health:
    """What was found in one language. Rates are None where they could not be measured.

    ``unknown`` is the share of tokens the tokenizer does not know and ``truncated`` that of chunks longer than the
    encoder reads, both over ``sampled`` chunks; ``failed`` chunks have no vector, ``bad`` ones a vector that is not
    finite or all zeros, ``duplicates`` one that another text has too. Of ``probes`` headings, ``recall_1`` found their
    own passage first and ``recall_10`` among the first ten of ``pool`` passages.
    """

    label: str
    chunks: int = 0
    claimed: bool | None = None
    sampled: int = 0
    unknown: float | None = None
    truncated: float | None = None
    failed: int = 0
    bad: int = 0
    duplicates: int = 0
    probes: int = 0
    pool: int = 0
    recall_1: float | None = None
    recall_10: float | None = None
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def warnings_of(row: Health, limits: Limits) -> Iterator[str]:
    """What there is to report of a language."""
    if row.claimed is False:
        yield "not claimed by the encoder"
    if row.unknown is not None and row.unknown > limits.unknown:
        yield f"{row.unknown:.0%} of tokens unknown"
    if row.truncated is not None and row.truncated > limits.truncated:
        yield f"{row.truncated:.0%} of chunks read only in part"
    if row.failed:
        yield f"{row.failed:,} chunks without a vector"
    if row.bad:
        yield f"{row.bad:,} vectors not finite or all zeros"
    if row.duplicates > limits.duplicates * row.chunks:
        yield f"{row.duplicates:,} chunks share a vector with another text"
    if row.probes < LEAST_PROBES or row.recall_1 is None or row.recall_10 is None:
        return
    if row.recall_1 < limits.first or row.recall_10 < limits.recall:
        yield f"headings find their passage first in {row.recall_1:.0%} of probes, among ten in {row.recall_10:.0%}"
