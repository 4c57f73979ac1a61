"""The same digests from any number of workers, from any order of files, and from every clean run."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest


@pytest.mark.parametrize("workers", ["1", "3"])
def test_the_number_of_workers_changes_nothing(built, tmp_path: Path, workers: str, helpers) -> None:
    summary = built.project.run(tmp_path / "work", "--workers", workers)
    assert helpers.fingerprints(summary) == helpers.fingerprints(built.summary)
    assert helpers.bytes_of(tmp_path / "work") == helpers.bytes_of(built.workdir)


def test_the_order_of_files_and_where_they_lie_changes_nothing(built, tmp_path: Path, helpers) -> None:
    def shuffled(files: list[Path]) -> list[Path]:
        return random.Random(7).sample(files, len(files))

    other = type(built.project)(tmp_path / "elsewhere")
    helpers.copy_pages(other.pages, shuffled)
    other.write_recipe()
    summary = other.run(tmp_path / "work", "--workers", "2")
    assert helpers.fingerprints(summary) == helpers.fingerprints(built.summary)


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


def test_one_changed_option_reruns_its_stage_and_what_follows(built, tmp_path: Path, helpers) -> None:
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
