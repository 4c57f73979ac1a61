"""Connected components in arrays against the textbook algorithm."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from m4corpus.dedup.components import components, spanning


def by_hand(pairs: list[tuple[int, int]]) -> dict[int, int]:
    groups = {node: {node} for pair in pairs for node in pair}
    for left, right in pairs:
        joined = groups[left] | groups[right]
        groups.update(dict.fromkeys(joined, joined))
    return {node: min(group) for node, group in groups.items()}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
def test_components_of_random_graphs(pairs: list[tuple[int, int]]) -> None:
    array = np.array(pairs, np.int64).reshape(-1, 2)
    nodes, roots = components(array)
    assert dict(zip(nodes.tolist(), roots.tolist(), strict=True)) == by_hand(pairs)
    nodes, roots = components(spanning(array))
    kept = dict(zip(nodes.tolist(), roots.tolist(), strict=True))
    assert all(kept.get(node, node) == root for node, root in by_hand(pairs).items())


def test_a_long_chain_is_one_component() -> None:
    chain = np.stack([np.arange(5000), np.arange(1, 5001)], axis=1)[np.random.default_rng(1).permutation(5000)]
    assert set(components(chain)[1].tolist()) == {0}
    assert len(spanning(chain)) == 5000
