"""Connected components of a graph given as pairs of nodes, in arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]


def components(pairs: Integers) -> tuple[Integers, Integers]:
    """The distinct nodes of pairs ``(n, 2)``, ascending, and for each the smallest node of its component.

    Union-find on whole arrays: each root is hung under the smallest root it has an edge to, then paths are
    compressed; the number of rounds grows with the logarithm of the size of the largest component.
    """
    nodes, flat = np.unique(pairs, return_inverse=True)
    left, right = flat.reshape(-1, 2).T
    roots = np.arange(len(nodes))
    while True:
        least = np.minimum(roots[left], roots[right])
        hung = roots.copy()
        np.minimum.at(hung, roots[left], least)
        np.minimum.at(hung, roots[right], least)
        while not np.array_equal(compressed := hung[hung], hung):
            hung = compressed
        if np.array_equal(hung, roots):
            return nodes, nodes[roots]
        roots = hung


def spanning(pairs: Integers) -> Integers:
    """The fewest pairs with the same components: each node with the smallest of its component."""
    nodes, roots = components(pairs)
    hangs = nodes != roots
    return np.stack([roots[hangs], nodes[hangs]], axis=1)
