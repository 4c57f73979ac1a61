"""Snapshot manifests over artifacts: found by name, immutable, and restored when damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from core_work import build_input, document

from m4corpus.errors import IntegrityError, UserError
from m4corpus.recipe import load, portable
from m4corpus.snapshot import create, open_snapshot
from m4corpus.snapshot.open import locate
from m4corpus.storage.artifact import Artifact, sealed
from m4corpus.storage.atomic import write_json


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "recipe.yaml"
    path.write_text("name: tiny\nread: {sources: [{name: pages, format: html, path: /somewhere/private/pages}]}\n")
    return portable(load(path), None)


def artifacts(workdir: Path, *texts: str) -> dict[str, Artifact]:
    """Artifacts as far as snapshots look at them: rows with a language, and counts."""
    documents = [document(f"d{n}", text) for n, text in enumerate(texts)]
    for one in documents:
        one.language, one.script = "jpn", "Jpan"
    documents.append(document("d-und", "?"))
    made = {}
    for stage in ("read", "dedup", "chunk", "embed"):
        made[stage] = build_input(workdir / "tiny" / f"{stage}-{len(texts)}", [documents], stage)
    return made


def test_manifest(tmp_path: Path, recipe: dict[str, Any]) -> None:
    workdir = tmp_path / "work"
    made = artifacts(workdir, "凧", "餅")
    directory = create(workdir, "tiny", recipe, made)
    snapshot = open_snapshot("tiny", workdir)
    assert snapshot.directory == directory
    assert snapshot.manifest["documents"] == {"jpn_Jpan": 2, "und": 1}
    assert snapshot.manifest["parent"] is None
    assert snapshot.manifest["artifacts"]["dedup"]["logical"] == made["dedup"].logical
    assert "private" not in (directory / "manifest.json").read_text()
    assert snapshot.artifact("dedup").directory == made["dedup"].directory.resolve()


def test_a_manifest_counts_varieties_mixed_documents_and_flags(tmp_path: Path, recipe: dict[str, Any]) -> None:
    workdir = tmp_path / "work"
    made = artifacts(workdir, "凧")
    mixes = [{"jpn": 0.9, "eng": 0.1}, {"jpn": 0.9001, "eng": 0.0999}, {"jpn": 1.0}, {}]
    documents = [document(f"d{n}", "凧") for n in range(4)]
    for one, mix in zip(documents, mixes, strict=True):
        one.language, one.script, one.language_mix = "jpn", "Jpan", mix
    documents[0].variety, documents[0].flags = "ja-x-formal", ["untranslated", "wrong-script"]
    documents[1].variety, documents[1].flags = "ja-x-formal", ["untranslated"]
    documents[2].variety = "ja"
    made["dedup"] = build_input(workdir / "tiny" / "dedup-labelled", [documents[:2], documents[2:]], "dedup")
    manifest = open_snapshot(create(workdir, "tiny", recipe, made)).manifest
    assert manifest["documents"] == {"jpn_Jpan": 4}
    assert manifest["varieties"] == {"ja": 1, "ja-x-formal": 2}
    assert manifest["mixed"] == {"share": 0.1, "documents": 1}
    assert manifest["flags"] == {"untranslated": 2, "wrong-script": 1}


def test_names(tmp_path: Path, recipe: dict[str, Any]) -> None:
    workdir = tmp_path / "work"
    first = create(workdir, "tiny", recipe, artifacts(workdir, "a"))
    second = create(workdir, "tiny", recipe, artifacts(workdir, "a", "b"))
    assert first != second
    assert open_snapshot("tiny", workdir).directory == second
    assert open_snapshot(f"tiny@{first.name}", workdir).directory == first
    assert open_snapshot(first).directory == first
    assert open_snapshot(first.parent).directory == second
    assert open_snapshot(second).manifest["parent"] == first.name
    assert open_snapshot(second).name == f"tiny@{second.name}"


@pytest.mark.parametrize("name", ["other", "tiny@000000000000", "", "tiny@"])
def test_unknown_names(tmp_path: Path, recipe: dict[str, Any], name: str) -> None:
    workdir = tmp_path / "work"
    create(workdir, "tiny", recipe, artifacts(workdir, "a"))
    if name == "tiny@":
        assert locate(name, workdir) == locate("tiny", workdir)
        return
    with pytest.raises(UserError, match="no snapshot") as caught:
        locate(name, workdir)
    assert "tiny" in caught.value.hint


def test_nothing_built_yet(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        open_snapshot("tiny", tmp_path / "work")
    assert "m4corpus run" in caught.value.hint


def test_the_same_artifacts_are_the_same_snapshot(tmp_path: Path, recipe: dict[str, Any]) -> None:
    workdir = tmp_path / "work"
    made = artifacts(workdir, "a")
    directory = create(workdir, "tiny", recipe, made)
    before = (directory / "manifest.json").stat()
    assert create(workdir, "tiny", recipe, made) == directory
    after = (directory / "manifest.json").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_going_back_to_an_earlier_snapshot_keeps_its_manifest(tmp_path: Path, recipe: dict[str, Any]) -> None:
    workdir = tmp_path / "work"
    one, two = artifacts(workdir, "a"), artifacts(workdir, "a", "b")
    first = create(workdir, "tiny", recipe, one)
    content = (first / "manifest.json").read_bytes()
    create(workdir, "tiny", recipe, two)
    assert create(workdir, "tiny", recipe, one) == first
    assert (first / "manifest.json").read_bytes() == content
    assert open_snapshot("tiny", workdir).directory == first


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]"])
def test_a_damaged_manifest_is_refused_and_a_run_restores_it(
    tmp_path: Path, recipe: dict[str, Any], damage: bytes
) -> None:
    workdir = tmp_path / "work"
    made = artifacts(workdir, "a")
    directory = create(workdir, "tiny", recipe, made)
    content = (directory / "manifest.json").read_bytes()
    (directory / "manifest.json").write_bytes(damage)
    with pytest.raises(IntegrityError, match="manifest"):
        open_snapshot("tiny", workdir)
    create(workdir, "tiny", recipe, made)
    assert (directory / "manifest.json").read_bytes() == content


def test_an_artifact_built_again_with_other_bytes_is_pinned_anew(tmp_path: Path, recipe: dict[str, Any]) -> None:
    # A damaged artifact is rebuilt; another version of Arrow may give other bytes for the same rows.
    workdir = tmp_path / "work"
    made = artifacts(workdir, "a")
    create(workdir, "tiny", recipe, made)
    manifest_path = made["dedup"].directory / "manifest.json"
    manifest = json.loads(manifest_path.read_text())
    del manifest["digest"]
    manifest["parts"][0]["sha256"] = "0" * 64
    write_json(manifest_path, sealed(manifest))
    with pytest.raises(IntegrityError, match="not the artifact") as caught:
        open_snapshot("tiny", workdir).artifact("dedup")
    assert "running its recipe" in caught.value.hint
    rebuilt = {**made, "dedup": Artifact.open(made["dedup"].directory)}
    create(workdir, "tiny", recipe, rebuilt)
    assert open_snapshot("tiny", workdir).artifact("dedup") is not None
    assert open_snapshot("tiny", workdir).manifest["parent"] is None


def test_a_work_directory_may_move(tmp_path: Path, recipe: dict[str, Any]) -> None:
    create(tmp_path / "work", "tiny", recipe, artifacts(tmp_path / "work", "a"))
    shutil.move(tmp_path / "work", tmp_path / "elsewhere")
    assert open_snapshot("tiny", tmp_path / "elsewhere").artifact("dedup").stage == "dedup"


def test_a_missing_artifact(tmp_path: Path, recipe: dict[str, Any]) -> None:
    workdir = tmp_path / "work"
    made = artifacts(workdir, "a")
    create(workdir, "tiny", recipe, made)
    shutil.rmtree(made["chunk"].directory)
    with pytest.raises(IntegrityError, match="chunk-1"):
        open_snapshot("tiny", workdir).artifact("chunk")


@pytest.mark.parametrize("k", [0, -1])
def test_k_must_be_positive(tmp_path: Path, recipe: dict[str, Any], k: int) -> None:
    create(tmp_path / "work", "tiny", recipe, artifacts(tmp_path / "work", "a"))
    with pytest.raises(UserError, match="at least 1"):
        open_snapshot("tiny", tmp_path / "work").search("x", k)
