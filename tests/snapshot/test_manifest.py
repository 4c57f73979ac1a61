"""What a manifest says, and what becomes of one from the past, the future, or another tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from snapshot_work import labelled, made

from m4corpus.cli.main import cli
from m4corpus.errors import IntegrityError
from m4corpus.snapshot import Snapshot, open_snapshot, verify
from m4corpus.snapshot.diff import diff
from m4corpus.snapshot.gc import plan
from m4corpus.snapshot.listing import listed
from m4corpus.storage.artifact import sealed
from m4corpus.storage.atomic import write_json


def rewritten(snapshot: Snapshot, **fields: Any) -> Path:
    """The manifest with other fields, None taking one away."""
    body = {**snapshot.manifest, **fields}
    body = {key: value for key, value in body.items() if key != "digest" and value is not None}
    write_json(snapshot.directory / "manifest.json", sealed(body))
    return snapshot.directory


def test_a_newer_format_is_refused_with_what_to_do(tmp_path: Path) -> None:
    directory = made(tmp_path, [labelled("a")]).directory
    # Not even its digest need be of the kind we know.
    write_json(directory / "manifest.json", {"format": 2, "content": "unheard of", "digest": "sha3:0"})
    with pytest.raises(IntegrityError, match="format 2, which a newer m4corpus wrote") as caught:
        open_snapshot("made", tmp_path)
    assert "Upgrade" in caught.value.hint
    (row,) = listed(tmp_path)
    assert "format 2" in row.problem
    with pytest.raises(IntegrityError, match="format 2"):
        plan(tmp_path)


def test_unknown_fields_of_the_same_format_are_kept_and_ignored(small: Any, tmp_path: Path) -> None:
    copy = small.clone(tmp_path / "copy")
    directory = rewritten(copy.open(), future={"unheard": ["of"]})
    opened = copy.open()
    assert opened.manifest["future"] == {"unheard": ["of"]}
    assert opened.search("kite", 1)
    assert list(verify(opened)) == []
    assert diff(opened, small.open()).examples == []
    assert plan(copy.workdir).versions == []
    # Making the same snapshot again leaves it as it is.
    assert copy.run() == directory
    assert copy.open().manifest == opened.manifest


def test_a_manifest_of_the_first_versions_is_read(small: Any, tmp_path: Path) -> None:
    copy = small.clone(tmp_path / "copy")
    new = ("kind", "counting", "sources", "drops", "failures", "resources", "crawls", "varieties", "mixed", "flags")
    rewritten(copy.open(), **dict.fromkeys(new))
    opened = copy.open()
    assert list(verify(opened)) == []
    assert listed(copy.workdir)[0].documents == listed(small.workdir)[0].documents
    assert diff(opened, small.open()).documents.total.keys() == {"same"}
    result = CliRunner().invoke(cli, ["snapshot", "show", "tiny", "--workdir", str(copy.workdir)])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("fields", [{"kind": "unheard-of"}, {"artifacts": None}, {"version": 7}])
def test_what_is_no_snapshot_is_refused(tmp_path: Path, fields: dict[str, Any]) -> None:
    rewritten(made(tmp_path, [labelled("a")]), **fields)
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        open_snapshot("made", tmp_path)


def test_an_artifact_is_no_snapshot(tmp_path: Path) -> None:
    artifact = made(tmp_path, [labelled("a")]).artifact("dedup")
    with pytest.raises(IntegrityError, match="describes no snapshot"):
        open_snapshot(artifact.directory)


def test_a_manifest_pins_its_sources(small: Any) -> None:
    pin = small.open().manifest["sources"]["pages"]
    assert pin["format"] == "jsonl"
    assert pin["files"] == 1
    assert list(pin["listed"]) == ["pages.jsonl"]
    assert pin["pages"] == 20
    assert {k: pin["revisions"][k] for k in ("pages", "lowest", "highest")} == {
        "pages": 20,
        "lowest": 100,
        "highest": 117,
    }


def test_a_manifest_counts_what_was_lost_by_language(small: Any) -> None:
    manifest = small.open().manifest
    (dropped,) = manifest["drops"]["filter"].values()
    assert dropped == {"inputs": 1, "languages": {"eng_Latn": 1}, "varieties": {"en": 1}}
    exact = manifest["drops"]["dedup"]["exact-duplicate"]
    assert exact["inputs"] == sum(exact["languages"].values()) == 1
    (failed,) = manifest["failures"]["read"].values()
    assert failed == {"inputs": 1, "languages": {"und": 1}, "varieties": {}}
    for kind, outcome in (("drops", "dropped"), ("failures", "failed")):
        for stage, pin in manifest["artifacts"].items():
            told = {slug: lost["inputs"] for slug, lost in manifest[kind].get(stage, {}).items()}
            assert told == pin["counts"][outcome]


def test_no_place_of_this_machine_is_in_a_manifest(small: Any) -> None:
    text = (small.open().directory / "manifest.json").read_text()
    assert str(small.root) not in text
    places = json.loads((small.open().directory.parent / "logs" / "places.json").read_text())
    assert places["sources"] == {"pages": str(small.pages)}
