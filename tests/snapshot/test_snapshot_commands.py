"""``m4corpus snapshot``: create, list and show."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from snapshot_work import labelled, made

from m4corpus.cli.main import cli
from m4corpus.errors import M4CorpusError, UserError
from m4corpus.storage.artifact import sealed
from m4corpus.storage.atomic import write_json


def m4corpus(workdir: Path, *arguments: str) -> str:
    result = CliRunner().invoke(cli, ["snapshot", *arguments, "--workdir", str(workdir)])
    if isinstance(result.exception, M4CorpusError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_create_makes_the_snapshot_a_run_made(small: Any, tmp_path: Path) -> None:
    copy = small.clone(tmp_path / "copy")
    before = small.open()
    shutil.rmtree(copy.workdir / "snapshots")
    told = json.loads(m4corpus(copy.workdir, "create", str(copy.recipe), "--json"))
    assert told["snapshot"] == before.name
    assert copy.open().manifest == before.manifest
    assert (copy.workdir / "snapshots/tiny/logs/places.json").is_file()


def test_create_names_the_stage_that_is_not_built(small: Any, tmp_path: Path) -> None:
    copy = small.clone(tmp_path / "copy")
    copy.recipe.write_text(copy.recipe.read_text().replace("96", "64"))
    with pytest.raises(UserError, match=r"stage 'chunk' of tiny is not built: .*size 96 -> 64") as caught:
        m4corpus(copy.workdir, "create", str(copy.recipe))
    assert "m4corpus run" in caught.value.hint
    assert not list((copy.workdir / "tiny").glob("*/work"))


def test_list(tmp_path: Path) -> None:
    old = made(tmp_path, [labelled("a", "x\ny")])
    new = made(tmp_path, [labelled("a", "x\ny"), labelled("b")])
    m4corpus(tmp_path, "tag", old.name, "v1")
    rows = json.loads(m4corpus(tmp_path, "list", "--json"))
    assert [row["version"] for row in rows] == [new.manifest["version"], old.manifest["version"]]
    assert [row["parent"] for row in rows] == [old.manifest["version"], None]
    assert [row["latest"] for row in rows] == [True, False]
    assert [row["tags"] for row in rows] == [[], ["v1"]]
    assert [(row["documents"], row["chunks"]) for row in rows] == [(2, 3), (1, 2)]
    files = [p for a in old.manifest["artifacts"] for p in old.artifact(a).directory.rglob("*") if p.is_file()]
    sizes = sum(p.stat().st_size for p in [*files, old.directory / "manifest.json"])
    assert rows[1]["bytes"] == sizes
    text = m4corpus(tmp_path, "list", "made")
    assert old.name in text
    assert "latest" in text
    with pytest.raises(UserError, match="no snapshot other") as caught:
        m4corpus(tmp_path, "list", "other")
    assert "made" in caught.value.hint


def test_list_tells_of_a_damaged_version_and_goes_on(tmp_path: Path) -> None:
    old = made(tmp_path, [labelled("a")])
    made(tmp_path, [labelled("b")])
    (old.directory / "manifest.json").write_text("{")
    rows = json.loads(m4corpus(tmp_path, "list", "--json"))
    assert sorted(bool(row["problem"]) for row in rows) == [False, True]


def test_list_of_nothing(tmp_path: Path) -> None:
    assert json.loads(m4corpus(tmp_path, "list", "--json")) == []


def test_show(small: Any) -> None:
    text = m4corpus(small.workdir, "show", "tiny")
    for word in ("jsonl", small.open().manifest["encoder"]["config"]["name"], "min-chars", "English", "100-117"):
        assert word in text
    assert json.loads(m4corpus(small.workdir, "show", "tiny", "--json")) == small.open().manifest


def test_what_was_pulled_is_listed_and_shown(small: Any, tmp_path: Path) -> None:
    """It has the fields of its snapshot, no artifacts, and its files in its own directory."""
    body = {k: v for k, v in small.open().manifest.items() if k != "digest"}
    body |= {"kind": "release", "artifacts": {}, "origin": "me/tiny"}
    home = tmp_path / "snapshots" / "tiny"
    write_json(home / body["version"] / "manifest.json", sealed(body))
    (home / body["version"] / "data.parquet").write_bytes(b"x" * 100_000)
    (home / "latest").write_text(body["version"])
    (row,) = json.loads(m4corpus(tmp_path, "list", "--json"))
    assert (row["kind"], row["latest"], row["problem"]) == ("release", True, "")
    assert row["bytes"] > 100_000
    assert row["documents"] == sum(body["documents"].values())
    assert "me/tiny" in m4corpus(tmp_path, "show", "tiny")
    m4corpus(tmp_path, "tag", "tiny", "v1")
    assert json.loads(m4corpus(tmp_path, "list", "--json"))[0]["tags"] == ["v1"]


@pytest.mark.parametrize("command", ["create", "list", "show", "tag", "diff", "verify", "gc"])
def test_help_teaches(command: str) -> None:
    result = CliRunner().invoke(cli, ["snapshot", command, "--help"])
    assert result.exit_code == 0
    assert "--workdir" in result.output


def test_verify_is_one_command_under_two_names() -> None:
    from m4corpus.cli.snapshot import command
    from m4corpus.cli.verify import verify

    assert command.commands["verify"] is verify


@pytest.mark.parametrize(
    "options",
    [["--recipe", "r.yaml"], ["--encoder-path", "."], ["--trust-remote-code"]],
    ids=["recipe", "path", "trust"],
)
def test_verify_takes_no_options_that_it_would_not_heed(options: list[str]) -> None:
    for more in ([], ["--quick"]):
        result = CliRunner().invoke(cli, ["verify", "tiny", *more, *options])
        assert result.exit_code == 2
        assert f"{options[0]} is for --rebuild alone" in result.output
