from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from m4corpus.cli.main import cli
from m4corpus.filters.parallel import signature
from m4corpus.pipeline import Pipeline
from m4corpus.records import Document, from_batches
from m4corpus.storage.parts import read_batches

MILL = {
    "en": "The mill was built in 1874 for 1,250 crowns; it burnt in 1911, and hail broke 37 of its 48 windows.",
    "es": "El molino se construyó en 1874 por 1.250 coronas; ardió en 1911, y el granizo rompió 37 de sus 48 ventanas.",
    "hi": "चक्की १८७४ में १,२५० मुद्राओं से बनी; १९११ में वह जल गई, और ओलों ने उसकी ४८ में से ३७ खिड़कियाँ तोड़ दीं।",
    "ja": "水車小屋は1874年に1250クローネで建てられ、1911年に焼け、48枚の窓のうち37枚が雹で割れた。",
}


def test_translations_have_the_same_numbers_in_any_notation_and_order() -> None:
    assert len({signature(text) for text in MILL.values()}) == 1
    assert signature(MILL["en"]) != signature(MILL["en"].replace("1911", "1912"))


def test_few_numbers_say_nothing() -> None:
    assert signature("In 1874, 37 of 48 windows; 1 or 2 were left.") == ""


def test_it_is_recorded_and_drops_nothing(tmp_path: Path) -> None:
    rows = [{"id": language, "text": text, "language": language} for language, text in MILL.items()]
    rows.append({"id": "other", "text": MILL["en"].replace("1911", "1912"), "language": "en"})
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: mills\npartitions: 2\nread: {sources: [{name: t, format: jsonl, path: texts.jsonl, licence: CC0-1.0}]}\n"
        "filter: {min_chars: 30, record_parallel: true}\n",
        encoding="utf-8",
    )
    done = CliRunner().invoke(cli, ["run", str(recipe), "--workdir", str(tmp_path / "work"), "--until", "filter"])
    assert done.exit_code == 0, done.output
    artifact = Pipeline.from_file(recipe, tmp_path / "work").status()[-1]
    found = {
        document.id.split(":")[-1]: document.metadata.get("parallel_languages")
        for part in artifact.parts()
        for document in from_batches(Document, read_batches(artifact.directory / part.path))
    }
    assert found == {"en": "4", "es": "4", "hi": "4", "ja": "4", "other": None}
