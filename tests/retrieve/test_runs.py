"""Run files: M4-RAG's exact form, and TREC's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from core_work import hit

from m4corpus.errors import UserError
from m4corpus.retrieve import runs
from m4corpus.retrieve.queries import Query
from m4corpus.retrieve.runs import document_ranking, retrieve, write_m4rag, write_trec

RUN = [
    (Query("12-en", "kites", "en"), [hit(3, "d2", 0.9, '凧\n"quoted" \u2028'), hit(0, "d1", 0.8), hit(4, "d2", 0.7)]),
    (Query("12-local", "凧", "ja"), []),
]


def test_m4rags_retrieval_file(tmp_path: Path) -> None:
    write_m4rag(RUN, tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text(encoding="utf-8")
    assert json.loads(text) == [
        {
            "ID": "12-en",
            "chunk_retrieved_id": [3, 0, 4],
            "chunk_retrieved": ['凧\n"quoted" \u2028', "text 0", "text 4"],
        },
        {"ID": "12-local", "chunk_retrieved_id": [], "chunk_retrieved": []},
    ]
    assert [list(row) for row in json.loads(text)] == [["ID", "chunk_retrieved_id", "chunk_retrieved"]] * 2
    assert "凧" in text


def test_trec_run_over_documents(tmp_path: Path) -> None:
    write_trec(RUN, tmp_path / "run.trec", "quickstart@1")
    assert (tmp_path / "run.trec").read_text() == ("12-en Q0 d2 1 0.9 quickstart@1\n12-en Q0 d1 2 0.8 quickstart@1\n")


def test_trec_run_over_chunks(tmp_path: Path) -> None:
    write_trec(RUN, tmp_path / "run.trec", "t", documents=False)
    lines = (tmp_path / "run.trec").read_text().splitlines()
    assert [line.split()[2:4] for line in lines] == [["c3", "1"], ["c0", "2"], ["c4", "3"]]


def test_trec_scores_keep_the_order_of_close_scores(tmp_path: Path) -> None:
    # Evaluators sort by score and ignore the rank column.
    scores = [0.5000001, 0.50000005, 0.5, 0.49999997]
    write_trec([(Query("q", "t"), [hit(i, f"d{i}", s) for i, s in enumerate(scores)])], tmp_path / "r", "t")
    written = [float(line.split()[4]) for line in (tmp_path / "r").read_text().splitlines()]
    assert len(set(written)) == 4
    assert written == sorted(written, reverse=True)


@pytest.mark.parametrize(
    "run", [[(Query("q 1", "t"), [hit(0, "d", 1.0)])], [(Query("q", "t"), [hit(0, "my doc", 1.0)])]]
)
def test_trec_cannot_hold_white_space_in_ids(tmp_path: Path, run: Any) -> None:
    with pytest.raises(UserError, match="white space"):
        write_trec(run, tmp_path / "run.trec", "t")
    assert list(tmp_path.iterdir()) == []


def test_a_document_ranks_where_its_best_chunk_does() -> None:
    assert document_ranking(RUN[0][1]) == [("d2", 0.9), ("d1", 0.8)]


class Recorder:
    """Stands where a snapshot would; the real one is searched in the pipeline's tests."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], int, Any]] = []

    def search_many(self, queries: Sequence[str], k: int, languages: Iterable[str] | None) -> list[Any]:
        self.calls.append((list(queries), k, None if languages is None else list(languages)))
        return [[hit(int(text), "d", 1.0)] for text in queries]


def test_queries_are_searched_in_batches_and_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "BATCH", 3)
    snapshot, queries = Recorder(), [Query(f"q{n}", str(n)) for n in range(7)]
    run = retrieve(snapshot, queries, 5, (code for code in ("ja", "en")))  # type: ignore[arg-type]
    assert [(q.id, hits[0].row) for q, hits in run] == [(f"q{n}", n) for n in range(7)]
    assert snapshot.calls == [
        (["0", "1", "2"], 5, ["ja", "en"]), (["3", "4", "5"], 5, ["ja", "en"]), (["6"], 5, ["ja", "en"]),
    ]  # fmt: skip
