"""Manifests: sealed, complete, and a witness against every changed byte."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4corpus.errors import IntegrityError
from m4corpus.ledger import Counts
from m4corpus.storage.artifact import MANIFEST, Artifact, Completion, Identity, read_sealed, sealed
from m4corpus.storage.atomic import write_json
from m4corpus.storage.parts import PartInfo, PartWriter, part_name

IDENTITY = Identity("clean", 1, {"limit": 5, "rules": ["a"]}, {"read": "00ff"}, {"model": "abcd"})


def part(root: Path, path: str, ids: list[str]) -> PartInfo:
    schema = pa.schema([pa.field("id", pa.string(), nullable=False)])
    with PartWriter(root / path, schema, root) as writer:
        writer.write(pa.RecordBatch.from_pylist([{"id": i} for i in ids], schema=schema))
    return writer.info


def build(root: Path, rows: tuple[list[str], ...] = (["a", "b"], ["c"])) -> Artifact:
    completions = [
        Completion(
            [part(root, part_name(rank), ids)],
            [part(root, f"ledger/{part_name(rank)}", ids)],
            Counts(len(ids) + 1, len(ids), len(ids), Counter({"min-chars": 1})),
        )
        for rank, ids in enumerate(rows)
    ]
    return Artifact.seal(root, IDENTITY, completions, {"model": "x"})


def test_seal_and_open(tmp_path: Path) -> None:
    assert not Artifact.exists(tmp_path)
    build(tmp_path)
    assert Artifact.exists(tmp_path)
    opened = Artifact.open(tmp_path)
    assert opened.stage == "clean"
    assert opened.manifest["fingerprint"] == IDENTITY.fingerprint
    assert [p.path for p in opened.parts()] == ["part-00000.parquet", "part-00001.parquet"]
    assert [p.rows for p in opened.ledger()] == [2, 1]
    assert opened.counts.as_dict() == {"inputs": 5, "kept": 3, "outputs": 3, "dropped": {"min-chars": 2}, "failed": {}}
    assert opened.info == {"model": "x"}
    assert list(opened.problems()) == []


def test_logical_digest_is_of_rows_not_of_accounts_or_identity(tmp_path: Path) -> None:
    first = build(tmp_path / "1")
    assert build(tmp_path / "2").logical == first.logical
    assert build(tmp_path / "3", (["a", "b"], ["d"])).logical != first.logical
    assert build(tmp_path / "4", (["a"], ["b", "c"])).logical != first.logical


@pytest.mark.parametrize("name", ["part-00000.parquet", "ledger/part-00001.parquet"])
def test_every_flipped_bit_of_a_part_is_found(tmp_path: Path, name: str) -> None:
    artifact = build(tmp_path)
    content = (tmp_path / name).read_bytes()
    for position in range(0, len(content), 37):
        flipped = bytearray(content)
        flipped[position] ^= 1 << (position % 8)
        (tmp_path / name).write_bytes(flipped)
        assert [name in problem for problem in artifact.problems()] == [True]
    (tmp_path / name).write_bytes(content)
    assert list(artifact.problems()) == []


def test_missing_and_cut_parts_are_found(tmp_path: Path) -> None:
    artifact = build(tmp_path)
    (tmp_path / "part-00000.parquet").unlink()
    (tmp_path / "ledger" / "part-00000.parquet").write_bytes(b"PAR1")
    problems = list(artifact.problems())
    assert len(problems) == 2
    assert problems[0].endswith("part-00000.parquet: missing")
    assert "4 bytes, the manifest says" in problems[1]


def test_every_changed_byte_of_the_manifest_is_found(tmp_path: Path) -> None:
    build(tmp_path)
    content = (tmp_path / MANIFEST).read_bytes()
    silent = 0
    for position in range(len(content)):
        for bit in (0, 5):
            flipped = bytearray(content)
            flipped[position] ^= 1 << bit
            (tmp_path / MANIFEST).write_bytes(flipped)
            with suppress(IntegrityError):
                # White space may change into other white space without changing what the manifest says.
                assert Artifact.open(tmp_path).manifest == json.loads(content)
                silent += 1
    assert silent < 10


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "{}", "\ufeff{}", "[" * 100_000])
def test_a_manifest_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(IntegrityError, match=MANIFEST):
        Artifact.open(tmp_path)


def test_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="not a complete artifact"):
        Artifact.open(tmp_path)


def test_an_edited_value_is_found(tmp_path: Path) -> None:
    build(tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text(encoding="utf-8"))
    manifest["counts"]["kept"] = 2
    (tmp_path / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(IntegrityError, match="altered"):
        Artifact.open(tmp_path)


def test_counts_that_do_not_add_up_are_a_problem(tmp_path: Path) -> None:
    artifact = Artifact.seal(tmp_path, IDENTITY, [Completion(counts=Counts(inputs=3, kept=2))], {})
    assert [problem.endswith("does not add up") for problem in artifact.problems()] == [True]


def test_another_format_asks_for_an_upgrade(tmp_path: Path) -> None:
    write_json(tmp_path / "m.json", sealed({"format": 99}))
    with pytest.raises(IntegrityError, match="format 99") as caught:
        read_sealed(tmp_path / "m.json")
    assert "Upgrade" in caught.value.hint


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text("abcd", min_size=1, max_size=3), values, max_size=4))
def test_a_seal_survives_writing(tmp_path_factory: pytest.TempPathFactory, body: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("seal") / "m.json"
    manifest = sealed({**body, "format": 1})
    write_json(path, manifest)
    assert read_sealed(path) == manifest


def test_fingerprint_depends_on_every_field_and_on_nothing_else() -> None:
    same = Identity("clean", 1, {"rules": ["a"], "limit": 5}, {"read": "00ff"}, {"model": "abcd"})
    assert same.fingerprint == IDENTITY.fingerprint
    assert same.directory_name == f"clean-{IDENTITY.fingerprint[:12]}"
    others = [
        Identity("dedup", 1, IDENTITY.config, IDENTITY.inputs, IDENTITY.resources),
        Identity("clean", 2, IDENTITY.config, IDENTITY.inputs, IDENTITY.resources),
        Identity("clean", 1, {"limit": 5, "rules": ["b"]}, IDENTITY.inputs, IDENTITY.resources),
        Identity("clean", 1, {"limit": "5", "rules": ["a"]}, IDENTITY.inputs, IDENTITY.resources),
        Identity("clean", 1, IDENTITY.config, {"read": "00fe"}, IDENTITY.resources),
        Identity("clean", 1, IDENTITY.config, IDENTITY.inputs, {}),
    ]
    assert len({IDENTITY.fingerprint, *(o.fingerprint for o in others)}) == 7


def test_completion_round_trip(tmp_path: Path) -> None:
    completion = Completion(
        [part(tmp_path, "p", ["a"])], [], Counts(2, 1, 1, Counter(), Counter({"invalid-utf8": 1})), {"dimension": 512}
    )
    completion.write(tmp_path / "work" / "rank.json")
    assert Completion.read(tmp_path / "work" / "rank.json") == completion
