"""Documents made again from their source: the same, other, or without a source to make them from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from m4corpus.cli.verify import verify as command
from m4corpus.errors import IntegrityError, UserError
from m4corpus.rebuild import DIFFERS, GONE, OK, rebuild, sample
from m4corpus.records import Document, from_batches, to_batch
from m4corpus.storage.artifact import sealed
from m4corpus.storage.atomic import write_json
from m4corpus.storage.parts import PartWriter, read_batches


def test_every_page_comes_out_as_it_did(small: Any) -> None:
    done = rebuild(small.open(), 100)
    assert {result.outcome for result in done.results} == {OK}
    assert len(done.results) == 20
    stages = {result.id: (result.stage, result.detail) for result in done.results}
    assert stages["pages:short"][0] == "filter"
    assert "as recorded" in stages["pages:twin"][1] or "as recorded" in stages["pages:en/" + first(small)][1]
    assert sum(stage == "index" for stage, _ in stages.values()) >= 15
    assert done.notes == []


def first(small: Any) -> str:
    return str(small.rows()[0]["id"]).removeprefix("en/")


def test_the_sample_is_the_same_every_time_and_grows(small: Any) -> None:
    read = small.open().artifact("read")
    few = sample(read, 3)
    assert few == sample(read, 3)
    assert set(few) < set(sample(read, 7))


def test_a_source_that_changed_since(small: Any, tmp_path: Path) -> None:
    copy = small.clone(tmp_path / "copy")
    rows = copy.rows()
    edited, deleted = rows[2]["id"], rows[5]["id"]
    rows[2]["text"] = rows[2]["text"].replace("</p>", " edited</p>")
    del rows[5]
    copy.edit(rows)
    done = rebuild(copy.open(), 100, copy.recipe)
    outcomes = {result.id: result.outcome for result in done.results}
    assert {id for id, outcome in outcomes.items() if outcome == GONE} == {f"pages:{edited}", f"pages:{deleted}"}
    assert done.count(OK) == len(done.results) - 2


def test_no_source_proves_nothing(small: Any, tmp_path: Path) -> None:
    copy = small.clone(tmp_path / "copy")
    copy.pages.unlink()
    result = CliRunner().invoke(
        command, ["tiny", "--workdir", str(copy.workdir), "--recipe", str(copy.recipe), "--rebuild", "3"]
    )
    assert isinstance(result.exception, UserError)
    assert "--recipe" in result.exception.hint
    assert result.output.count(GONE) == 4


def test_another_recipe_is_refused_and_a_lost_place_asks_for_one(small: Any, tmp_path: Path) -> None:
    copy = small.clone(tmp_path / "copy")
    copy.recipe.write_text(copy.recipe.read_text().replace("96", "64"))
    with pytest.raises(UserError, match="chunk differ"):
        rebuild(copy.open(), 1, copy.recipe)
    shutil.rmtree(copy.workdir / "snapshots/tiny/logs")
    with pytest.raises(UserError) as caught:
        rebuild(copy.open(), 1)
    assert "--recipe" in caught.value.hint


def rewrite(workdir: Path, stage: str, change: Callable[[Document], None]) -> None:
    """Documents of a stage changed by somebody who makes all digests and pins fit."""
    (root,) = workdir.glob(f"tiny/{stage}-*")
    infos = {}
    for part in sorted(root.glob("part-*.parquet")):
        documents = list(from_batches(Document, read_batches(part)))
        for document in documents:
            change(document)
        schema = next(iter(read_batches(part))).schema
        part.unlink()
        with PartWriter(part, schema, root) as writer:
            writer.write(to_batch(documents))
        infos[writer.info.path] = writer.info.as_dict()
    body = json.loads((root / "manifest.json").read_text())
    del body["digest"]
    body["parts"] = [infos[entry["path"]] for entry in body["parts"]]
    write_json(root / "manifest.json", sealed(body))
    (snapshot,) = workdir.glob("snapshots/tiny/*/manifest.json")
    pins = json.loads(snapshot.read_text())
    del pins["digest"]
    pins["artifacts"][stage]["digest"] = sealed(body)["digest"]
    write_json(snapshot, sealed(pins))


@pytest.mark.parametrize(("stage", "field"), [("clean", "text"), ("identify", "language"), ("dedup", "text")])
def test_what_no_source_says_differs(small: Any, tmp_path: Path, stage: str, field: str) -> None:
    copy = small.clone(tmp_path / "copy")
    victim = next(row["id"] for row in copy.rows() if row["id"].startswith("sw/"))

    def change(document: Document) -> None:
        if document.id == f"pages:{victim}":
            setattr(document, field, "xyz")

    rewrite(copy.workdir, stage, change)
    done = rebuild(copy.open(), 100)
    wrong = [result for result in done.results if result.outcome == DIFFERS]
    assert [(result.id, result.stage) for result in wrong] == [(f"pages:{victim}", stage)]
    assert field in wrong[0].detail


def test_the_command_tells_every_document_and_exits_with_the_code_of_damage(small: Any, tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["tiny", "--workdir", str(small.workdir), "--rebuild=2", "--json"])
    assert result.exit_code == 0
    told = json.loads(result.output)
    assert told["counts"] == {"OK": 2, "differs": 0, "source gone": 0}
    assert [set(one) for one in told["documents"]] == [{"id", "outcome", "stage", "detail"}] * 2
    copy = small.clone(tmp_path / "copy")
    rewrite(copy.workdir, "clean", lambda document: setattr(document, "title", "xyz"))
    result = CliRunner().invoke(command, ["tiny", "--workdir", str(copy.workdir), "--rebuild=2"])
    assert isinstance(result.exception, IntegrityError)
    assert result.exception.exit_code == 4
    assert "title" in result.output
