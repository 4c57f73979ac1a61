"""Every kind of bad input ends in the ledger with its reason; the run goes on and exits 0."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from pathlib import Path

import pytest

GOOD = "<html lang=en><body><article><h1>Kites</h1><p>{}</p></article></body></html>"
SENTENCE = "A kite of paper and split bamboo rises when its line is drawn against a steady wind from the hills. "

RECIPE = """
name: bad
partitions: 2
read:
  sources:
    - {name: pages, format: html, path: pages, language: en}
    - {name: lines, format: jsonl, path: lines, language: en}
"""


def line(number: int) -> bytes:
    text = f"Record {number} tells of a potter who signs each bowl with the number {number * 7919} under its foot."
    return json.dumps({"id": f"line-{number}", "text": text}).encode()


@pytest.fixture
def bad(tmp_path: Path, project):
    """A project whose inputs are one good page, ten good lines and every kind of bad thing."""
    made = type(project)(tmp_path)
    made.recipe.write_text(RECIPE, encoding="utf-8")
    pages, lines = made.pages, tmp_path / "lines"
    pages.mkdir()
    lines.mkdir()
    (pages / "good.html").write_text(GOOD.format(SENTENCE * 3), encoding="utf-8")
    (pages / "empty.html").write_bytes(b"")
    (pages / "latin.html").write_bytes(b"<html><meta charset=utf-8><body><p>caf\xe9 con leche</p></body></html>")
    (pages / "control.html").write_bytes(GOOD.format("a\x00b" * 50).encode())
    (pages / "deep.html").write_text("<div>" * 200_000 + "bottom" + "</div>" * 200_000, encoding="utf-8")
    (pages / "bomb.html").write_text("<b>" * 17_500_000, encoding="utf-8")
    (pages / "dangling.html").symlink_to(tmp_path / "nowhere.html")
    (lines / "mixed.jsonl").write_bytes(
        b"\n".join(
            [
                line(1),
                b'{"id": "cut", "text": ',
                line(2),
                b'{"id": "bytes", "text": "\xff"}',
                line(3),
                b'{"id": "surrogate", "text": "lone \\ud800 half"}',
                line(4),
            ]
        )
    )
    rows = [json.dumps({"id": f"z{i}", "text": os.urandom(200).hex()}).encode() for i in range(500)]
    packed = gzip.compress(b"\n".join(rows))
    (lines / "cut.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    return made


def failures(made, workdir: Path) -> dict[str, str]:
    listed = made.m4corpus("status", made.recipe, "--workdir", workdir, "--ledger", "failed", "--json")
    return {row["locator"]: row["failed"] for row in json.loads(listed.stdout)}


def test_each_bad_input_is_quarantined_with_its_reason(bad, tmp_path: Path) -> None:
    workdir = tmp_path / "work"
    done = bad.m4corpus("run", bad.recipe, "--workdir", workdir, "--workers", "2")
    assert "were quarantined" in done.stdout
    found = failures(bad, workdir)
    assert found["empty.html"] == "empty-file"
    assert found["latin.html"].startswith("invalid-")
    assert found["control.html"] == "control-characters"
    assert found["deep.html"] == "too-deep"
    assert found["bomb.html"] == "too-large"
    assert "dangling.html" in found
    assert found["mixed.jsonl:2"] == "invalid-json"
    assert found["mixed.jsonl:4"] == "invalid-utf8"
    assert found["mixed.jsonl:6"] == "lone-surrogates"
    assert any(place.startswith("cut.jsonl.gz") and why == "truncated-archive" for place, why in found.items())
    hits = json.loads(bad.m4corpus("search", "bad", "bamboo kite", "--workdir", workdir, "-k", "1", "--json").stdout)
    assert hits[0]["document_id"] == "pages:good.html"


def test_strict_exits_nonzero_but_builds_everything(bad, tmp_path: Path) -> None:
    done = bad.m4corpus("run", bad.recipe, "--workdir", tmp_path / "work", "--strict", check=False)
    assert done.returncode == 5
    assert "quarantined" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "work" / "snapshots" / "bad" / "latest").is_file()


def test_a_file_that_vanishes_and_one_that_cannot_be_read(project, tmp_path: Path) -> None:
    """Between the inventory and the reading anything may happen to a file."""
    from m4corpus.pipeline import Pipeline

    made = type(project)(tmp_path)
    shutil.copytree(project.pages / "en", made.pages / "en")
    made.write_recipe()
    pipeline = Pipeline.from_file(made.recipe, tmp_path / "work")
    build = pipeline._stage

    def build_then_lose(name: str):
        stage = build(name)
        if name == "read":
            (made.pages / "en" / "kite.html").unlink(missing_ok=True)
            (made.pages / "en" / "drum.html").rename(made.pages / "en" / "drum.gone")
            (made.pages / "en" / "drum.html").mkdir()
        return stage

    pipeline._stage = build_then_lose  # type: ignore[method-assign]
    result = pipeline.run(last="read")
    failed = result.stages[0].counts.failed
    assert failed["vanished"] == 1
    assert failed.total() == 2 + broken_in(project.pages / "en")
    (made.pages / "en" / "drum.html").rmdir()
    shutil.copyfile(project.pages / "en" / "drum.html", made.pages / "en" / "drum.html")
    shutil.copyfile(project.pages / "en" / "kite.html", made.pages / "en" / "kite.html")
    pipeline._stage = build  # type: ignore[method-assign]
    again = pipeline.run(last="read").stages[0]
    assert again.state == "run", "a reading that was disturbed must not count as the content's artifact"
    assert again.counts.failed.total() == broken_in(project.pages / "en")


def test_a_page_in_the_wrong_folder_is_labelled_by_its_text(project, tmp_path: Path) -> None:
    """Hints come from the folder here: a Portuguese page lies under it/ and a Russian one under bg/."""
    quickstart = Path(__file__).parents[2] / "data" / "quickstart" / "html"
    made = type(project)(tmp_path)
    for name in ("it/kite-2.html", "bg/flute-2.html", "it/basketry.html"):
        (made.pages / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(quickstart / name, made.pages / name)
    made.recipe.write_text(
        "name: folders\npartitions: 2\nread:\n  sources:\n    - {name: f, format: html, path: pages, language: path}\n",
        encoding="utf-8",
    )
    made.m4corpus("run", made.recipe, "--workdir", tmp_path / "w", "--until", "identify")
    import pyarrow.parquet as pq

    rows = [
        row
        for part in (tmp_path / "w").glob("folders/identify-*/part-*.parquet")
        for row in pq.read_table(part).to_pylist()
    ]
    found = {row["id"]: (row["language"], row["hint_agreement"]) for row in rows}
    assert found == {
        "f:it/kite-2.html": ("por", "disagree"),
        "f:bg/flute-2.html": ("rus", "disagree"),
        "f:it/basketry.html": ("ita", "agree"),
    }


def broken_in(folder: Path) -> int:
    """Pages planted in the quickstart corpus that the reader itself refuses."""
    return sum(path.name in ("broken-encoding.html", "empty.html", "blank.html") for path in folder.iterdir())
