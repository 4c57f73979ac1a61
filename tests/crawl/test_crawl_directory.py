"""Which crawl a recipe goes on with, what its plan is made of, and what a later crawl takes from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from crawl_recipes import crawl_of, dishes, on_wikis, outputs, pages, quiet, write_recipe
from wikis import Wikis

from m4corpus.crawl.config import CrawlConfig, CvqaConfig, PolitenessConfig, QueriesConfig, WorldCuisinesConfig
from m4corpus.crawl.directory import Plan, crawls, current, newest_finished
from m4corpus.crawl.questions import load
from m4corpus.errors import IntegrityError, UserError

QUERIES = "question_id,edition,query\n1,en,Rawon\n2,en,Har gow\n"


def plan_of(folder: Path, **options: Any) -> Plan:
    config = CrawlConfig(**({"queries": [QueriesConfig(name="mine", path="mine.csv")]} | options))
    return Plan.of(config, load(config, folder).inputs)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(QUERIES)
    return path


# The plan


def test_manners_are_no_part_of_the_plan(table: Path) -> None:
    plain = plan_of(table.parent)
    mannered = plan_of(
        table.parent,
        contact="cook@example.org",
        allow_private=["10.0.0.0/8"],
        politeness=PolitenessConfig(per_second=1, maxlag=0, max_wait=1),
    )
    assert mannered.fingerprint == plain.fingerprint
    assert not {"contact", "allow_private", "politeness"} & plain.config.keys()


def test_where_a_table_lies_does_not_matter(table: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "named otherwise.csv").write_text(QUERIES)
    moved = plan_of(tmp_path, queries=[QueriesConfig(name="mine", path="elsewhere/named otherwise.csv")])
    assert moved.fingerprint == plan_of(tmp_path).fingerprint
    (tmp_path / "dishes.csv").write_text("Name,Alias,Coarse-grained categories,Fine-grained categories\n")
    (tmp_path / "cvqa.jsonl").write_text("")
    both = {
        "worldcuisines": WorldCuisinesConfig(dishes="dishes.csv", locations=""),
        "cvqa": CvqaConfig(questions="cvqa.jsonl"),
    }
    assert str(tmp_path) not in json.dumps(plan_of(tmp_path, **both).config)
    (tmp_path / "dishes.csv").rename(tmp_path / "elsewhere" / "dishes.csv")
    further = {**both, "worldcuisines": WorldCuisinesConfig(dishes="elsewhere/dishes.csv", locations="")}
    (tmp_path / "dishes.csv").write_text("Name,Alias,Coarse-grained categories,Fine-grained categories\n")
    assert plan_of(tmp_path, **further).fingerprint == plan_of(tmp_path, **both).fingerprint


def test_what_is_asked_is_the_plan(table: Path) -> None:
    plain = plan_of(table.parent)
    asked_otherwise = [
        plan_of(table.parent, queries=[QueriesConfig(name="mine", path="mine.csv", results=11)]),
        plan_of(table.parent, queries=[QueriesConfig(name="yours", path="mine.csv")]),
        plan_of(table.parent, wiki={"html": "parsoid"}),
        plan_of(table.parent, wiki={"as_of": "2025-04-30T00:00:00Z"}),
        plan_of(table.parent, wiki={"licence": "CC0-1.0"}),
    ]
    table.write_text(QUERIES + "3,en,Gudeg\n")
    asked_otherwise.append(plan_of(table.parent))
    assert len({plan.fingerprint for plan in [plain, *asked_otherwise]}) == 1 + len(asked_otherwise)


def test_a_plan_is_read_as_it_was_written(table: Path, tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    plan.write(tmp_path / "plan.json")
    assert Plan.read(tmp_path / "plan.json") == plan


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('"results": 10', '"results": 11'), "was altered"),
        (lambda text: text.replace("mine", "yours"), "was altered"),
        (lambda text: text[: len(text) // 2], "is no plan"),
        (lambda _: "[]", "is no plan"),
        (lambda _: "{}", "is no plan"),
        (lambda _: "", "is no plan"),
    ],
    ids=["option", "name", "cut", "list", "empty-object", "empty"],
)
def test_an_altered_plan_is_found_out(table: Path, tmp_path: Path, change: Any, words: str) -> None:
    path = tmp_path / "plan.json"
    plan_of(tmp_path).write(path)
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))
    with pytest.raises(IntegrityError, match=words) as caught:
        Plan.read(path)
    assert str(path) in str(caught.value)


def test_a_plan_of_another_version_is_refused(table: Path, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    plan_of(tmp_path).write(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(UserError, match="another version") as caught:
        Plan.read(path)
    assert "--again" in caught.value.hint
    # And that helps.
    (tmp_path / "work" / "crawl-00001").mkdir(parents=True)
    path.rename(tmp_path / "work" / "crawl-00001" / "plan.json")
    with pytest.raises(UserError, match="another version"):
        current(tmp_path / "work", plan_of(tmp_path), again=False)
    assert current(tmp_path / "work", plan_of(tmp_path), again=True).number == 2


# Which crawl it is


def finish(path: Path) -> None:
    (path / "manifest.json").write_text("{}")


def test_a_crawl_is_begun_and_gone_on_with(table: Path, tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    begun = current(tmp_path / "work", plan, again=False)
    assert (begun.path.name, begun.number, begun.finished, begun.plan) == ("crawl-00001", 1, False, plan)
    assert current(tmp_path / "work", plan, again=False) == begun
    finish(begun.path)
    assert current(tmp_path / "work", plan, again=False) == begun
    again = current(tmp_path / "work", plan, again=True)
    assert again.path.name == "crawl-00002"
    assert newest_finished(tmp_path / "work") == begun
    finish(again.path)
    assert newest_finished(tmp_path / "work") == again


def test_another_plan_is_another_crawl(table: Path, tmp_path: Path) -> None:
    old = current(tmp_path / "work", plan_of(tmp_path), again=False)
    table.write_text(QUERIES + "3,en,Gudeg\n")
    changed = plan_of(tmp_path, wiki={"html": "parsoid"})
    with pytest.raises(UserError, match=r"wiki changed; table queries\.mine changed") as caught:
        current(tmp_path / "work", changed, again=False)
    assert "--again" in caught.value.hint
    assert [crawl.number for crawl in crawls(tmp_path / "work")] == [1]
    assert current(tmp_path / "work", changed, again=True).number == 2
    finish(tmp_path / "work" / "crawl-00002")
    table.write_text(QUERIES)
    assert current(tmp_path / "work", plan_of(tmp_path), again=False).number == 3, "the newest counts alone"
    assert old.plan == plan_of(tmp_path)


def test_again_leaves_an_unfinished_crawl_behind(table: Path, tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    current(tmp_path / "work", plan, again=False)
    assert current(tmp_path / "work", plan, again=True).number == 2


def test_what_is_no_crawl_does_not_count(table: Path, tmp_path: Path) -> None:
    root = tmp_path / "work"
    for name in ("crawl-00007", "crawl-1", "crawl-old", "read-0123456789ab"):
        (root / name).mkdir(parents=True)
    (root / "crawl-00009").touch()
    assert crawls(root) == []
    assert current(root, plan_of(tmp_path), again=False).number == 1


def test_many_crawls_are_in_order(table: Path, tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    for number in (99999, 2, 100000):
        (tmp_path / f"crawl-{number:05d}").mkdir()
        plan.write(tmp_path / f"crawl-{number:05d}" / "plan.json")
    assert [crawl.number for crawl in crawls(tmp_path)] == [2, 99999, 100000]
    assert current(tmp_path, plan, again=False).number == 100000


# What a later crawl takes over


@pytest.fixture
def recipe(wikis: Wikis, tmp_path: Path) -> Path:
    return write_recipe(tmp_path, {**on_wikis(wikis), **dishes(tmp_path, ("en", "id"))})


def parsed(wikis: Wikis) -> int:
    return sum("action=parse" in hit.target for hit in wikis.hits())


def test_a_finished_crawl_is_taken_from_whatever_was_asked(wikis: Wikis, recipe: Path, tmp_path: Path) -> None:
    first = crawl_of(recipe, tmp_path / "work").run(quiet)
    body = yaml.safe_load(recipe.read_text())
    body["crawl"]["worldcuisines"]["linked"] = 1
    recipe.write_text(yaml.safe_dump(body))
    wikis.forget_hits()
    second = crawl_of(recipe, tmp_path / "work").run(quiet)
    assert second.crawl.number == 2
    assert parsed(wikis) == len(pages(second.crawl).keys() - pages(first.crawl).keys())
    assert second.counters.fetched == len(wikis.hits())


def test_a_crawl_without_its_frontier_is_not_taken_from(wikis: Wikis, recipe: Path, tmp_path: Path) -> None:
    first = crawl_of(recipe, tmp_path / "work").run(quiet)
    for path in first.crawl.path.glob("frontier.sqlite*"):
        path.unlink()
    wikis.forget_hits()
    second = crawl_of(recipe, tmp_path / "work").run(quiet, again=True)
    assert parsed(wikis) == len(pages(second.crawl)) > 0
    assert outputs(second.crawl.path) == outputs(first.crawl.path)
    assert not list(first.crawl.path.glob("frontier.sqlite*")), "nothing is written to a crawl of the past"


def test_an_unfinished_crawl_is_not_taken_from(wikis: Wikis, recipe: Path, tmp_path: Path) -> None:
    first = crawl_of(recipe, tmp_path / "work").run(quiet)
    (first.crawl.path / "manifest.json").unlink()
    wikis.forget_hits()
    second = crawl_of(recipe, tmp_path / "work").run(quiet, again=True)
    assert parsed(wikis) == len(pages(second.crawl)) > 0


def test_a_damaged_crawl_of_the_past_is_told(wikis: Wikis, recipe: Path, tmp_path: Path) -> None:
    first = crawl_of(recipe, tmp_path / "work").run(quiet)
    archive = first.crawl.warc / "00000.warc.gz"
    content = bytearray(archive.read_bytes())
    for offset in range(len(content) // 2, len(content), 500):
        content[offset] ^= 1
    archive.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"crawl-00001.*00000\.warc\.gz is damaged"):
        crawl_of(recipe, tmp_path / "work").run(quiet, again=True)


def test_a_replay_does_not_depend_on_partitions(wikis: Wikis, recipe: Path, tmp_path: Path) -> None:
    crawl_of(recipe, tmp_path / "work").run(quiet)
    body = yaml.safe_load(recipe.read_text())
    recipe.write_text(yaml.safe_dump(body | {"partitions": 5}))
    assert crawl_of(recipe, tmp_path / "work").replay(quiet).same


def test_parts_of_before_do_not_stay(wikis: Wikis, recipe: Path, tmp_path: Path) -> None:
    first = crawl_of(recipe, tmp_path / "work").run(quiet)
    (first.crawl.path / "manifest.json").unlink()  # as if it had been killed at the end
    body = yaml.safe_load(recipe.read_text())
    recipe.write_text(yaml.safe_dump(body | {"partitions": 2}))
    done = crawl_of(recipe, tmp_path / "work").run(quiet)
    known = {part.path for part in [*done.artifact.parts(), *done.artifact.ledger()]}
    there = {path for path in outputs(done.crawl.path) if path.endswith(".parquet")}
    assert there == known
