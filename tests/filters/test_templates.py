"""Bot articles, found by the phrases they share with others; the corpus is small and original."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from m4corpus.cli.filters import command as filters_command
from m4corpus.cli.main import cli
from m4corpus.filters.templates import phrases, template_share

PLACES = ["Arda", "Belo", "Cani", "Dobra", "Ewa", "Farin", "Gala", "Hemi", "Idra", "Jola", "Kemi", "Lora"]
HUMAN = [
    "The mill on the upper river has not turned since the flood. Its stones lie in the grass, and the miller's "
    "grandson keeps bees where the sacks were once weighed.",
    "Every autumn the women of the valley dye wool with walnut shells. The brown they get is said to outlast the "
    "cloth, and old blankets are unpicked for their thread.",
    "A kite festival is held on the ridge when the wind comes from the sea. Boys fight with strings rubbed in glass, "
    "and whoever cuts the most is carried home.",
]


def bot(name: str, number: int) -> str:
    return (
        f"{name} is a village in the district of {name[::-1].title()} in the northern province. According to the "
        f"census of {1990 + number}, its population was {number * 37 + 100} in {number * 7 + 20} families."
    )


def shared(texts: list[str], documents: int, script: str, language: str) -> np.ndarray:
    hashes, counts = np.unique(
        np.concatenate([np.unique(phrases(text, script, language)) for text in texts]), return_counts=True
    )
    return hashes[counts >= documents]


def test_numbers_and_names_do_not_hide_a_template() -> None:
    bots = [bot(name, number) for number, name in enumerate(PLACES)]
    templates = shared(bots + HUMAN, 5, "Latn", "eng")
    assert all((template_share(text, "Latn", "eng", templates) or 0) > 0.6 for text in bots)
    assert all(template_share(text, "Latn", "eng", templates) == 0 for text in HUMAN)
    # What is a template in one language is none in another.
    assert template_share(bots[0], "Latn", "zsm", templates) == 0


@pytest.mark.parametrize(
    ("script", "language", "form"),
    [
        ("Arab", "arz", "{} قريه فى مركز {} فى محافظه الشرقيه. عدد سكانها {} نسمه حسب تعداد سنه 2006."),
        ("Hans", "cmn", "{}是位于{}县北部的一个村庄，根据二〇〇六年的人口普查，该村共有居民{}人。"),
        ("Thai", "tha", "{}เป็นหมู่บ้านในอำเภอ{}ทางตอนเหนือของจังหวัด มีประชากรทั้งหมด {} คนตามสำมะโนประชากร"),
    ],
)
def test_scripts_without_capitals_or_spaces(script: str, language: str, form: str) -> None:
    names = {"Arab": "بتثجحخدرزسشص", "Hans": "安北长东福广海江开兰明宁", "Thai": "กขคงจชดตนบปม"}[script]
    bots = [form.format(a * 2, a + b, n * 31) for n, (a, b) in enumerate(pairwise(names))]
    templates = shared(bots, 5, script, language)
    assert all((template_share(text, script, language, templates) or 0) > 0.5 for text in bots)


def test_a_text_without_phrases_cannot_be_judged() -> None:
    assert template_share("Kite.", "Latn", "eng", np.zeros(0, np.uint64)) is None
    assert template_share(HUMAN[0], "Latn", "eng", np.zeros(0, np.uint64)) == 0


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    rows = [{"id": f"bot{n}", "text": bot(name, n), "language": "en"} for n, name in enumerate(PLACES)]
    rows += [{"id": f"human{n}", "text": text, "language": "en"} for n, text in enumerate(HUMAN)]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "name: bots\npartitions: 3\nread: {sources: [{name: t, format: jsonl, path: texts.jsonl, licence: CC0-1.0}]}\n"
        "filter: {max_template_share: 0.6, template_documents: 5, min_stop_word_share: auto}\n",
        encoding="utf-8",
    )
    return path


def test_a_recipe_drops_them_whatever_the_parts_and_explains(recipe: Path) -> None:
    workdir = str(recipe.parent / "work")
    runner = CliRunner()
    done = runner.invoke(cli, ["run", str(recipe), "--workdir", workdir, "--until", "filter", "--workers", "2"])
    assert done.exit_code == 0, done.output
    listed = runner.invoke(cli, ["status", str(recipe), "--workdir", workdir, "--ledger", "dropped", "--json"])
    dropped = json.loads(listed.stdout)
    assert sorted(row["id"].split(":")[-1] for row in dropped) == sorted(f"bot{n}" for n in range(len(PLACES)))
    assert all(row["dropped"] == "max-template-share" for row in dropped)
    assert all("maximum=0.6 documents=5" in row["detail"] for row in dropped)
    shown = runner.invoke(filters_command, ["explain", str(recipe), dropped[0]["id"], "--workdir", workdir])
    assert shown.exit_code == 0, shown.output
    assert "min-stop-word-share" in shown.output
    assert "by `m4corpus run` only" in shown.output
    missing = runner.invoke(filters_command, ["explain", str(recipe), "t:none", "--workdir", workdir])
    assert "no identified document has the id 't:none'" in str(missing.exception)
