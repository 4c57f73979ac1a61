"""Scores equal what one computes by hand; qrels that are none are named by line."""

from __future__ import annotations

from math import log2
from pathlib import Path

import pytest
from core_work import hit

from m4corpus.errors import UserError
from m4corpus.evaluate import evaluate, read_qrels
from m4corpus.retrieve.queries import Query
from m4corpus.retrieve.runs import Run


def run(*rankings: tuple[str, str, list[str]]) -> Run:
    """``(query, language, documents in order)``, a chunk each."""
    return [
        (Query(query, "text", language), [hit(n, document, 1.0 - n / 100) for n, document in enumerate(documents)])
        for query, language, documents in rankings
    ]


def test_by_hand() -> None:
    qrels = {"q1": {"a": 2, "b": 1, "c": 1, "x": 0}, "q2": {"a": 1}}
    report = evaluate(run(("q1", "en", ["x", "b", "a", "y"]), ("q2", "ja", ["y", "z", "a"])), qrels)
    # ir_measures' nDCG takes the relevance itself as gain.
    ideal = 2 / log2(2) + 1 / log2(3) + 1 / log2(4)
    first = (1 / log2(3) + 2 / log2(4)) / ideal
    second = 1 / log2(4)
    assert report.scores["en"] == pytest.approx({"nDCG@10": first, "R@10": 2 / 3, "R@100": 2 / 3, "RR": 1 / 2})
    assert report.scores["ja"] == pytest.approx({"nDCG@10": second, "R@10": 1.0, "R@100": 1.0, "RR": 1 / 3})
    assert report.scores["all"]["nDCG@10"] == pytest.approx((first + second) / 2)
    assert report.queries == {"all": 2, "en": 1, "ja": 1}
    assert report.unjudged == 0


def test_a_document_counts_once_at_its_best_chunk() -> None:
    hits = [hit(0, "x", 0.9), hit(1, "x", 0.8), hit(2, "x", 0.7), hit(3, "a", 0.6)]
    report = evaluate([(Query("q", "t", "en"), hits)], {"q": {"a": 1}})
    assert report.scores["en"]["RR"] == pytest.approx(1 / 2)


def test_cutoffs() -> None:
    documents = [f"x{n}" for n in range(15)] + ["a"]
    scores = evaluate(run(("q", "en", documents)), {"q": {"a": 1}}).scores["en"]
    assert scores == pytest.approx({"nDCG@10": 0, "R@10": 0, "R@100": 1, "RR": 1 / 16})


def test_a_judged_query_that_found_nothing_scores_zero() -> None:
    report = evaluate(run(("q1", "en", ["a"]), ("q2", "en", [])), {"q1": {"a": 1}, "q2": {"a": 1}})
    assert report.queries == {"all": 2, "en": 2}
    assert report.scores["en"] == pytest.approx({"nDCG@10": 0.5, "R@10": 0.5, "R@100": 0.5, "RR": 0.5})


def test_a_run_that_found_nothing_at_all_scores_zero() -> None:
    report = evaluate(run(("q1", "en", [])), {"q1": {"a": 1}})
    assert report.scores["all"] == {"nDCG@10": 0, "R@10": 0, "R@100": 0, "RR": 0}


def test_queries_without_judgements_are_left_out_and_counted() -> None:
    report = evaluate(run(("q1", "en", ["a"]), ("q9", "en", ["a"])), {"q1": {"a": 1}, "q7": {"a": 1}})
    assert report.queries == {"all": 1, "en": 1}
    assert report.unjudged == 1


def test_a_query_without_a_language() -> None:
    assert set(evaluate(run(("q", "", ["a"])), {"q": {"a": 1}}).scores) == {"all", "unknown"}


def test_no_common_ids() -> None:
    with pytest.raises(UserError, match="no query of the run") as caught:
        evaluate(run(("q", "en", ["a"])), {"other": {"a": 1}})
    assert "same ids" in caught.value.hint


def test_equal_scores_are_ranked_as_the_run_ranks_them() -> None:
    # Evaluators break ties by document id; the order of the search is the order that counts.
    tied = [(Query("q", "t", "en"), [hit(0, "b", 0.5), hit(1, "a", 0.5), hit(2, "c", 0.5)])]
    assert evaluate(tied, {"q": {"b": 1}}).scores["en"]["RR"] == 1
    assert evaluate(tied, {"q": {"c": 1}}).scores["en"]["RR"] == pytest.approx(1 / 3)


def test_qrels(tmp_path: Path) -> None:
    path = tmp_path / "qrels"
    path.write_text("q1 0 a 1\nq1\t0\tb\t0\n\n q2 Q0 s:en/a b.html 2 \r\nq1 0 a 1\n", encoding="utf-8-sig")
    assert read_qrels(path) == {"q1": {"a": 1, "b": 0}, "q2": {"s:en/a b.html": 2}}


@pytest.mark.parametrize("line", ["q1 0 a", "q1 0 a one", "q1", "q1 0 a 1.5", "q1 0 a 2"])
def test_a_line_that_is_no_judgement_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "qrels"
    path.write_text(f"q1 0 a 1\n{line}\n")
    with pytest.raises(UserError) as caught:
        read_qrels(path)
    assert f"{path}:2" in caught.value.message


def test_qrels_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"q1 0 caf\xe9 1\n")
    (tmp_path / "empty").write_bytes(b"\n")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "latin", tmp_path / "empty"):
        with pytest.raises(UserError) as caught:
            read_qrels(path)
        assert str(path) in caught.value.message
