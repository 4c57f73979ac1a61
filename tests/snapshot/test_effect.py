"""Overlap and rank-biased overlap, and the effect of a version on retrieval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from m4corpus.retrieve.queries import Query
from m4corpus.snapshot.effect import ALL, effect, overlap, rank_biased_overlap


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [("", "", 1.0), ("ab", "", 0.0), ("abc", "cba", 1.0), ("abcd", "abxy", 0.5), ("ab", "abcd", 0.5)],
)
def test_overlap(one: str, two: str, expected: float) -> None:
    assert overlap(one, two) == overlap(two, one) == expected


@pytest.mark.parametrize(
    ("one", "two", "p", "expected"),
    [
        ("abcdefg", "abcdefg", 0.9, 1.0),
        ("abc", "xyz", 0.9, 0.0),
        ("", "", 0.9, 1.0),
        ("", "a", 0.9, 0.0),
        # By hand: agreement 0, 1 at depths 1 and 2: (1-p)/p * (1 * p^2) + 1 * p^2 = p(1-p) + p^2 = p.
        ("ab", "ba", 0.5, 0.5),
        # Agreement 1, 1/2: (1-p)/p * (p + p^2/2) + p^2/2 with p = 0.5: 0.5 + 0.125 + 0.125.
        ("ab", "ac", 0.5, 0.75),
        # A prefix agrees as far as it goes, and is taken to go on.
        ("ab", "abcd", 0.9, 1.0),
    ],
)
def test_rank_biased_overlap(one: str, two: str, p: float, expected: float) -> None:
    assert rank_biased_overlap(one, two, p) == pytest.approx(expected)
    assert rank_biased_overlap(two, one, p) == pytest.approx(expected)


def test_agreement_at_the_top_weighs_more() -> None:
    assert rank_biased_overlap("abcdef", "abcdfe") > rank_biased_overlap("abcdef", "bacdef")


def test_a_version_without_a_document_finds_less_of_it(small: Any, tmp_path: Path) -> None:
    copy = small.clone(tmp_path / "copy")
    before = copy.open()
    queries = [Query("1", "kite", "en"), Query("2", "凧", "ja"), Query("3", "market")]
    same = effect(before, before, queries, 5)
    assert list(same) == ["?", "en", "ja", ALL]
    assert {(e.chunks, e.documents, round(e.rbo, 9), e.first) for e in same.values()} == {(1.0, 1.0, 1.0, 1.0)}
    best = before.search("kite", 1)[0].chunk.document_id.removeprefix("pages:")
    copy.edit([row for row in copy.rows() if row["id"] not in (best, "twin")])
    after = copy.open(copy.run())
    changed = effect(before, after, queries, 5)
    assert changed["en"].chunks < 1
    assert changed["en"].first == 0
    assert changed[ALL].queries == 3
    assert json.dumps(changed["en"].as_dict())
