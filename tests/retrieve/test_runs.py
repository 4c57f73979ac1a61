"""Run files: M4-RAG's exact form, and TREC's."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from core_work import hit

from m4corpus.retrieve import runs
from m4corpus.retrieve.queries import Query
from m4corpus.retrieve.runs import Writer, document_ranking, m4rag_writer, retrieve, trec_writer

RUN = [
    (Query("12-en", "kites", "en"), [hit(3, "d2", 0.9, '凧\n"quoted" \u2028'), hit(0, "d1", 0.8), hit(4, "d2", 0.7)]),
    (Query("12-local", "凧", "ja"), []),
]


def write(run: Any, writer: AbstractContextManager[Writer]) -> None:
    with writer as take:
        for query, hits in run:
            take(query, hits)


def test_m4rags_retrieval_file(tmp_path: Path) -> None:
    write(RUN, m4rag_writer(tmp_path / "run.json"))
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
    write(RUN, trec_writer(tmp_path / "run.trec", "quickstart@1"))
    assert (tmp_path / "run.trec").read_text() == ("12-en Q0 d2 1 0.9 quickstart@1\n12-en Q0 d1 2 0.8 quickstart@1\n")


def test_a_run_without_queries_is_still_json(tmp_path: Path) -> None:
    write([], m4rag_writer(tmp_path / "run.json"))
    assert json.loads((tmp_path / "run.json").read_text()) == []


def test_a_writer_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[Any]:
        yield RUN[0]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write(broken(), m4rag_writer(tmp_path / "run.json"))
    assert list(tmp_path.iterdir()) == []


def test_trec_scores_keep_the_order_of_close_scores(tmp_path: Path) -> None:
    # Evaluators sort by score and ignore the rank column.
    scores = [0.5000001, 0.50000005, 0.5, 0.49999997]
    write([(Query("q", "t"), [hit(i, f"d{i}", s) for i, s in enumerate(scores)])], trec_writer(tmp_path / "r", "t"))
    written = [float(line.split()[4]) for line in (tmp_path / "r").read_text().splitlines()]
    assert len(set(written)) == 4
    assert written == sorted(written, reverse=True)


def test_white_space_in_ids_is_percent_encoded(tmp_path: Path) -> None:
    write([(Query("q 1", "t"), [hit(0, "my\u3000doc.html", 1.0)])], trec_writer(tmp_path / "run.trec", "t"))
    assert (tmp_path / "run.trec").read_text() == "q%201 Q0 my%E3%80%80doc.html 1 1 t\n"


def test_a_link_to_the_output_survives_and_a_pipe_is_written_into(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    write(RUN, m4rag_writer(tmp_path / "link.json"))
    assert (tmp_path / "link.json").is_symlink()
    assert len(json.loads((tmp_path / "real.json").read_text())) == 2
    os.mkfifo(tmp_path / "pipe")
    reader = threading.Thread(target=lambda: heard.append((tmp_path / "pipe").read_text()))
    heard: list[str] = []
    reader.start()
    write(RUN, m4rag_writer(tmp_path / "pipe"))
    reader.join(10)
    assert len(json.loads(heard[0])) == 2
    assert (tmp_path / "pipe").is_fifo()


def test_a_document_ranks_where_its_best_chunk_does() -> None:
    assert document_ranking(RUN[0][1]) == [("d2", 0.9), ("d1", 0.8)]


class Recorder:
    """Stands where a snapshot would; the real one is searched in the pipeline's tests."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[str], int, Any]] = []
        self.spoken: list[str] = []

    def search_many(
        self, queries: Sequence[str], k: int, languages: Iterable[str] | None, query_languages: Sequence[str]
    ) -> list[Any]:
        self.spoken += query_languages
        self.calls.append((list(queries), k, None if languages is None else list(languages)))
        return [[hit(int(text), "d", 1.0)] for text in queries]


def test_queries_are_searched_in_batches_and_come_back_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "BATCH", 3)
    snapshot, queries = Recorder(), [Query(f"q{n}", str(n), f"language {n}") for n in range(7)]
    run = retrieve(snapshot, queries, 5, (code for code in ("ja", "en")))  # type: ignore[arg-type]
    assert [(q.id, hits[0].row) for q, hits in run] == [(f"q{n}", n) for n in range(7)]
    assert snapshot.calls == [
        (["0", "1", "2"], 5, ["ja", "en"]), (["3", "4", "5"], 5, ["ja", "en"]), (["6"], 5, ["ja", "en"]),
    ]  # fmt: skip
    assert snapshot.spoken == [query.language for query in queries]
