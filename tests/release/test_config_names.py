"""Configurations of a data set: no name stands for two things, whatever benchmarks and snapshots are called."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from m4corpus.errors import UserError
from m4corpus.release.benchmarks import RESERVED, members, published, sets
from m4corpus.release.configs import configs
from m4corpus.release.layout import ReleaseFile, safe

#: Names a set of queries may have that are ours, look like ours, or hold what joins names.
NASTY = [
    "all",
    "chunks",
    "vectors",
    "documents",
    "default",
    "part",
    "und",
    "a",
    "b",
    "a_and_b",
    "x_and",
    "and_x",
    "all_set",
]


def document(stem: str, number: int = 0) -> ReleaseFile:
    path = f"documents/swh_Latn/{stem}-{number:05d}-01234567.parquet"
    return ReleaseFile(path, "documents", "swh_Latn", 1, 9, "0" * 64, "1" * 64)


def others() -> list[ReleaseFile]:
    return [
        ReleaseFile(f"{kind}/swh_Latn/part-00000-01234567.parquet", kind, "swh_Latn", 1, 9, "0" * 64, "1" * 64)
        for kind in ("chunks", "vectors")
    ]


def filled(tmp_path: Path, reached: dict[str, list[str]]) -> tuple[list[str], list[str]]:
    """Names of the sets, and the stem of each document, where questions of ``reached`` reached documents."""
    lines = [{"plan": plan, "article_ids": ids} for plan, ids in reached.items()]
    (tmp_path / "questions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with sets([], tmp_path / "sets.sqlite") as known:
        known.fill(tmp_path / "questions.jsonl")
        ids = sorted({id for found in reached.values() for id in found} | {"nobody"})
        return known.names, list(known.stems(ids))


def paths(found: list[dict[str, Any]]) -> dict[str, list[str]]:
    names = [one["config_name"] for one in found]
    assert len(set(names)) == len(names)
    return {one["config_name"]: one["data_files"][0]["path"] for one in found}


def test_every_benchmark_has_its_own_documents(tmp_path: Path) -> None:
    """One document is reached by each benchmark alone, one by each pair, one by nobody."""
    groups = [{name} for name in NASTY] + [set(pair) for pair in combinations(NASTY, 2)]
    reached = {name: [f"d{n:03d}" for n, group in enumerate(groups) if name in group] for name in NASTY}
    names, stems = filled(tmp_path, reached)
    assert len(set(names)) == len(NASTY)
    files = [document(stem, number) for number, stem in enumerate(stems)]
    assert all(safe(file) for file in files)
    found = paths(configs("small", names, [*files, *others()]))
    for name in NASTY:
        assert found[published(name)] == [f.path for f, group in zip(files, groups, strict=False) if name in group]
    assert found["all"] == found["swh_Latn"] == [file.path for file in files]
    assert all("/chunks/" in f"/{path}" for path in found["chunks"])
    assert all("/vectors/" in f"/{path}" for path in found["vectors"])


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_snapshot_with_the_name_of_a_configuration(name: str) -> None:
    found = paths(configs(name, [], [document("part"), *others()]))
    assert set(found) == {"all", "swh_Latn", "chunks", "vectors"}
    assert found["all"] == [document("part").path]


def test_names_stay_as_they_are_where_they_can() -> None:
    assert [published(name) for name in ("worldcuisines", "cvqa", "all", "a_and_b")] == [
        "worldcuisines", "cvqa", "all_SET", "a_and_b",
    ]  # fmt: skip
    assert members("part") == []
    assert members("cvqa_AND_worldcuisines") == ["cvqa", "worldcuisines"]
    assert members("part_SET") == ["part_SET"]


def test_names_that_are_too_long_together(tmp_path: Path) -> None:
    long = {f"{n}{'x' * 50}": ["d"] for n in range(5)}
    with pytest.raises(UserError, match="5 sets of questions") as caught:
        filled(tmp_path, long)
    assert "shorter names" in caught.value.hint
