"""``m4corpus embed fit`` on a tiny corpus, from the recipe to a search with what was learnt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import m4corpus
from m4corpus.cli.main import cli
from m4corpus.embed.postprocess.learnt import read
from m4corpus.errors import UserError

TEXTS = [
    ("en", "The kite festival is held every spring in the old harbour, and children bring the kites they made."),
    ("en", "Flat bread is baked on hot stones in the mountains, where people eat it with butter and with honey."),
    ("es", "El festival de cometas se celebra cada primavera en el puerto viejo, y los niños traen las suyas."),
    ("es", "El pan plano se hornea sobre piedras calientes en las montañas, donde se come con mantequilla y miel."),
]
RECIPE = """
name: tiny
partitions: 1
read:
  sources:
    - {{name: a, format: jsonl, path: texts.jsonl, language: "field:language"}}
embed:
  encoder:
    name: use-multilingual
{postprocess}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    rows = [{"id": str(i), "language": code, "text": text} for i, (code, text) in enumerate(TEXTS)]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE.format(postprocess=""), encoding="utf-8")
    return path


@pytest.fixture
def fit(recipe: Path, tmp_path: Path) -> Callable[..., Result]:
    def run(*options: str) -> Result:
        arguments = ["embed", "fit", str(recipe), "--workdir", str(tmp_path / "work"), *options]
        return CliRunner().invoke(cli, arguments)

    return run


@pytest.mark.slow
def test_what_is_learnt_is_used_by_the_recipe_and_by_queries(
    recipe: Path, tmp_path: Path, fit: Callable[..., Result]
) -> None:
    out = tmp_path / "means.npz"
    assert isinstance(fit("--out", str(out), "--centre-by", "language").exception, UserError)
    m4corpus.run(recipe, tmp_path / "work")
    told = fit("--out", str(out), "--centre-by", "language", "--least", "2", "--json")
    assert told.exit_code == 0, told.output
    report = json.loads(told.output)
    assert report["vectors"] == 4
    assert report["counts"] == {"eng": 2, "spa": 2}
    assert set(read(out, report["sha256"]).means) == {"eng", "spa"}

    lines = f"    postprocess: {{file: means.npz, sha256: {report['sha256']}, dimensions: 128, quantise: int8}}"
    recipe.write_text(RECIPE.format(postprocess=lines), encoding="utf-8")
    snapshot = m4corpus.open_snapshot(m4corpus.run(recipe, tmp_path / "work").snapshot)
    assert snapshot.manifest["encoder"]["identity"]["postprocess"]["sha256"] == report["sha256"]
    assert snapshot.index.dimension == 128
    best = snapshot.search("festival of kites", 2)
    assert {hit.chunk.document_id for hit in best} == {"a:0", "a:2"}


@pytest.mark.parametrize(("options", "said"), [(["--out", "m.npy"], ".npz"), (["--out", "m.npz"], "nothing to learn")])
def test_requests_without_a_meaning_are_refused(fit: Callable[..., Result], options: list[str], said: str) -> None:
    refused = fit(*options).exception
    assert isinstance(refused, UserError)
    assert said in str(refused)
