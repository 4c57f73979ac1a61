"""Retrieval measures of one task: exact search by inner product, equal scores in the order of the passages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

#: Measures, named as ir_measures names them.
MEASURES = ("R@1", "R@10", "nDCG@10")
DEPTH = 10


def ranked(scores: Floats, depth: int = DEPTH) -> NDArray[np.int64]:
    """Places of the ``depth`` best passages of each query, best first: ``(queries, depth)``."""
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.asarray(order[:, :depth], dtype=np.int64)


def measures(ranking: NDArray[np.int64], relevant: Sequence[Sequence[int]]) -> dict[str, float]:
    """Mean of each of :data:`MEASURES` over the queries; ``relevant`` holds the right places of each, at least one."""
    totals = dict.fromkeys(MEASURES, 0.0)
    discounts = 1 / np.log2(np.arange(2, DEPTH + 2))
    for row, right in zip(ranking, relevant, strict=True):
        hits = np.isin(row[:DEPTH], right)
        totals["R@1"] += float(hits[:1].sum()) / len(right)
        totals["R@10"] += float(hits.sum()) / len(right)
        totals["nDCG@10"] += float(hits @ discounts[: len(hits)]) / float(discounts[: len(right)].sum())
    return {name: total / len(ranking) for name, total in totals.items()}
