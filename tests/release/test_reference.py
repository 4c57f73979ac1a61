"""M4-RAG's own data set on the Hub becomes documents, and a recipe for the rest."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hub_uploads import UploadHub

from m4corpus.errors import IntegrityError, UserError
from m4corpus.recipe import load
from m4corpus.release.reference import bring
from m4corpus.release.stores import HubStore
from m4corpus.sources.inventory import inventory

NAME = "davidanugraha/M4-RAG"
ARTICLES = Path(__file__).parents[2] / "data" / "quickstart" / "articles"

CARD = b"""---
configs:
- config_name: cvqa
  data_files:
  - split: train
    path: cvqa/articles*.jsonl
- config_name: worldcuisines
  data_files: worldcuisines/*.jsonl.gz
---
# M4-RAG
"""


def article(number: int, edition: str) -> bytes:
    section = {"heading": "Introduction", "content": ["A kite is a toy that flies. " * 10], "images": []}
    record = {
        "id": f"{number:032x}", "pageid": number, "title": "Kite", "url": f"https://{edition}.wikipedia.org/wiki/Kite",
        "content": [{**section, "access_time": "2025-04-01T00:00:00Z"}],
    }  # fmt: skip
    return json.dumps(record).encode() + b"\n"


def files() -> dict[str, bytes]:
    return {
        "README.md": CARD,
        "cvqa/articles-1.jsonl": article(1, "en") + article(2, "en") * 40,
        "cvqa/mapping.jsonl": b'{"question_id": "1"}\n',
        "worldcuisines/articles.jsonl.gz": gzip.compress(article(3, "sw"), mtime=0),
        "load.py": b"raise SystemExit",
        "../evil.jsonl": article(4, "en"),
    }


def test_articles_of_each_configuration(hub: UploadHub, tmp_path: Path) -> None:
    commit = hub.change(NAME, files(), "data")
    hub.lfs = 1000
    found = bring(HubStore(NAME, ""), tmp_path)
    assert found.configs == {"cvqa": ["cvqa/articles-1.jsonl"], "worldcuisines": ["worldcuisines/articles.jsonl.gz"]}
    recipe = load(found.recipe)
    assert recipe.name == "m4-rag"
    listed = inventory(recipe.read, found.recipe.parent, tmp_path / "cache")
    assert [(file.source, file.path) for file in listed] == [
        ("cvqa", "cvqa/articles-1.jsonl"), ("worldcuisines", "worldcuisines/articles.jsonl.gz"),
    ]  # fmt: skip
    assert commit in found.recipe.read_text()
    assert not list(tmp_path.parent.rglob("*evil*"))
    assert not list(tmp_path.rglob("load.py"))
    # What is here is not fetched again.
    fetched = len(hub.fetched())
    assert bring(HubStore(NAME, ""), tmp_path).recipe == found.recipe
    assert len(hub.fetched()) == fetched


def test_folders_are_configurations_where_the_card_names_none(hub: UploadHub, tmp_path: Path) -> None:
    hub.change(NAME, {"cvqa/a.jsonl": article(1, "en"), "food.jsonl": article(2, "sw")}, "data")
    assert bring(HubStore(NAME, ""), tmp_path).configs == {"cvqa": ["cvqa/a.jsonl"], "food": ["food.jsonl"]}


def test_a_data_set_of_another_kind(hub: UploadHub, tmp_path: Path) -> None:
    hub.change(NAME, {"README.md": b"# x", "data.csv": b"a,b"}, "data")
    with pytest.raises(UserError, match="neither a release") as caught:
        bring(HubStore(NAME, ""), tmp_path)
    assert "hf://datasets/" in caught.value.hint


def test_a_file_that_is_not_the_commits(hub: UploadHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.change(NAME, {"cvqa/a.jsonl": article(1, "en")}, "data")
    store = HubStore(NAME, "")
    real = HubStore.fetch

    def other(self: HubStore, path: str, target: Path, most: int) -> None:
        real(self, path, target, most)
        target.write_bytes(target.read_bytes().replace(b"kite", b"kitE"))

    monkeypatch.setattr(HubStore, "fetch", other)
    with pytest.raises(IntegrityError, match="not the file of that commit"):
        bring(store, tmp_path)
    assert not list(tmp_path.rglob("a.jsonl"))


def test_the_command_reads_them_into_documents(hub: UploadHub, tmp_path: Path) -> None:
    from m4corpus.cli.main import cli

    hub.change(NAME, files(), "data")
    done = CliRunner().invoke(cli, ["pull", NAME, "--workdir", str(tmp_path), "--json", "-w", "1"])
    assert done.exit_code == 0, (done.output, done.exception)
    said = json.loads(done.stdout)
    stages = {one["stage"]: one for one in said["stages"]}
    # One article comes forty times.
    assert stages["clean"]["kept"] == 3
    assert Path(said["recipe_file"]).is_file()


def test_no_such_data_set(hub: UploadHub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="find nobody/nothing"):
        HubStore("nobody/nothing", "")
