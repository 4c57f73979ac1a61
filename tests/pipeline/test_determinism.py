"""The same digests from any number of workers, from any order of files, and from every clean run."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
from projects import bytes_of, copy_pages, fingerprints


@pytest.mark.parametrize("workers", ["1", "3"])
def test_the_number_of_workers_changes_nothing(built, tmp_path: Path, workers: str) -> None:
    summary = built.project.run(tmp_path / "work", "--workers", workers)
    assert fingerprints(summary) == fingerprints(built.summary)
    assert bytes_of(tmp_path / "work") == bytes_of(built.workdir)


def test_the_order_of_files_and_where_they_lie_changes_nothing(built, tmp_path: Path) -> None:
    def shuffled(files: list[Path]) -> list[Path]:
        return random.Random(7).sample(files, len(files))

    other = type(built.project)(tmp_path / "elsewhere")
    copy_pages(other.pages, shuffled)
    other.write_recipe()
    summary = other.run(tmp_path / "work", "--workers", "2")
    assert fingerprints(summary) == fingerprints(built.summary)


def test_a_second_run_is_all_cached(built, tmp_path: Path) -> None:
    workdir = built.clone(tmp_path / "work")
    again = built.project.run(workdir)
    assert {stage["state"] for stage in again["stages"]} == {"cached"}
    assert Path(again["snapshot"]).name == Path(built.summary["snapshot"]).name


def test_every_stage_accounts_for_every_input(built) -> None:
    for stage in built.summary["stages"]:
        assert stage["inputs"] == stage["kept"] + sum(stage["dropped"].values()) + sum(stage["failed"].values())
    flow = built.summary["stages"]
    for before, after in pairwise(flow[:6]):
        assert after["inputs"] == before["outputs"]


def test_one_changed_option_reruns_its_stage_and_what_follows(built, tmp_path: Path) -> None:
    workdir = built.clone(tmp_path / "work")
    other = type(built.project)(tmp_path / "project")
    other.root.mkdir()
    other.pages.symlink_to(built.project.pages)
    other.write_recipe(size=80)
    plan = other.m4corpus("plan", other.recipe, "--workdir", workdir).stdout
    assert "option changed: size 96 -> 80" in plan
    states = {s["stage"]: s["state"] for s in other.run(workdir, "--workers", "2")["stages"]}
    assert states == {
        "read": "cached", "clean": "cached", "identify": "cached", "filter": "cached", "dedup": "cached",
        "chunk": "run", "embed": "run", "index": "run",
    }  # fmt: skip


def test_a_trial_takes_few_inputs_and_leaves_the_full_build_alone(built, tmp_path: Path) -> None:
    workdir = built.clone(tmp_path / "work")
    trial = built.project.run(workdir, "--limit", "8", "--workers", "2")
    assert trial["stages"][0]["inputs"] == 8
    assert Path(trial["snapshot"]).parent.name == "small-trial"
    assert (workdir / "snapshots" / "small" / "latest").read_text() == Path(built.summary["snapshot"]).name
    states = {stage["state"] for stage in built.project.run(workdir)["stages"]}
    assert states == {"cached"}


def test_a_trial_of_one_large_file_takes_exactly_what_it_is_told(project, tmp_path: Path) -> None:
    made = type(project)(tmp_path)
    made.pages.mkdir()
    lines = [f'{{"id": {n}, "text": "The potter signs bowl number {n} under its foot."}}' for n in range(40)]
    (made.pages / "all.jsonl").write_text("\n".join(lines), encoding="utf-8")
    made.recipe.write_text("name: one\nread: {sources: [{name: s, format: jsonl, path: pages}]}\n", encoding="utf-8")
    for limit in (1, 5, 20):
        trial = made.run(tmp_path / "w", "--limit", str(limit), "--until", "read")
        assert trial["stages"][0]["inputs"] == limit


def test_two_sources_with_numbers_of_their_own_keep_all(project, tmp_path: Path) -> None:
    made = type(project)(tmp_path)
    for name in ("a", "b"):
        (made.pages / name).mkdir(parents=True)
        rows = [f'{{"id": {n}, "text": "Record {n} of {name}."}}' for n in range(3)]
        (made.pages / name / "d.jsonl").write_text("\n".join(rows), encoding="utf-8")
    made.recipe.write_text(
        "name: two\nread:\n  sources:\n"
        "    - {name: a, format: jsonl, path: pages/a}\n    - {name: b, format: jsonl, path: pages/b}\n",
        encoding="utf-8",
    )
    assert made.run(tmp_path / "w", "--until", "read")["stages"][0]["kept"] == 6


def test_status_shows_no_stage_made_of_other_inputs(built, tmp_path: Path) -> None:
    workdir = built.clone(tmp_path / "work")
    other = type(built.project)(tmp_path / "project")
    other.root.mkdir()
    other.pages.symlink_to(built.project.pages)
    other.write_recipe()
    other.recipe.write_text(other.recipe.read_text() + "filter: {min_chars: 900}\n", encoding="utf-8")
    other.run(workdir, "--until", "filter")
    shown = json.loads(other.m4corpus("status", other.recipe, "--workdir", workdir, "--json").stdout)
    assert [stage["stage"] for stage in shown] == ["read", "clean", "identify", "filter"]
