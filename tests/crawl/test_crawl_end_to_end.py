"""A crawl in the manner of WorldCuisines against real MediaWiki wikis: whole, killed, replayed, and done again."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from wikis import Wikis

from m4corpus.crawl.directory import CrawlDirectory
from m4corpus.crawl.run import Crawl, CrawlResult
from m4corpus.ledger import entries
from m4corpus.recipe import load
from m4corpus.records import Page, from_batches
from m4corpus.sources.m4rag import article_id
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.parts import read_batches

DISHES = """Name,Alias,Coarse-grained categories,Fine-grained categories
Rawon,"[{'no_alias': 'English'}]","[""soup""]","[""beef soup""]"
Ful medames,"[{'no_alias': 'English'}]","[""stew""]","[""bean stew""]"
Har gow,"[{'no_alias': 'English'}]","[""dumpling""]","[""dumpling""]"
Black beef soup,"[{'no_alias': 'English'}]","[""soup""]","[""beef soup""]"
"""
OUTPUTS = ("questions.jsonl", "images.jsonl", "manifest.json")


def quiet(step: str, done: int, total: int) -> None:
    pass


@pytest.fixture
def recipe(wikis: Wikis, tmp_path: Path) -> Path:
    """A recipe over the wikis, with everything a crawl can ask of them."""
    (tmp_path / "dishes.csv").write_text(DISHES, encoding="utf-8")
    wiki = wikis.wiki_config()
    politeness = wikis.politeness()
    path = tmp_path / "dishes.yaml"
    body = {
        "name": "dishes",
        "partitions": 3,
        "crawl": {
            "contact": "cook@example.org",
            "allow_private": list(wikis.allow_private),
            "politeness": {
                "concurrency": politeness.concurrency,
                "per_second": politeness.per_second,
                "total_per_second": politeness.total_per_second,
                "backoff": politeness.backoff,
                "attempts": politeness.attempts,
            },
            "wiki": {"api": wiki.api, "rest": wiki.rest, "page": wiki.page, "what": "text"},
            "worldcuisines": {
                "dishes": "dishes.csv",
                "locations": "",
                "editions": list(wikis.editions),
            },
            "images": {"api": wikis.commons, "keep": 3},
        },
        "read": {"sources": [{"name": "wikipedia", "format": "crawl"}]},
    }
    path.write_text(yaml.safe_dump(body, allow_unicode=True), encoding="utf-8")
    return path


def crawl(recipe: Path, workdir: Path) -> Crawl:
    return Crawl(load(recipe), recipe.parent, workdir)


def outputs(crawl: CrawlDirectory) -> dict[str, bytes]:
    paths = [*crawl.path.glob("pages/*"), *crawl.path.glob("ledger/*"), *(crawl.path / name for name in OUTPUTS)]
    return {path.relative_to(crawl.path).as_posix(): path.read_bytes() for path in sorted(paths)}


def pages(result: CrawlResult) -> dict[str, Page]:
    artifact = result.artifact
    return {
        page.id: page
        for part in artifact.parts()
        for page in from_batches(Page, read_batches(artifact.directory / part.path))
    }


def run_command(recipe: Path, workdir: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "m4corpus", "crawl", str(recipe), "--workdir", str(workdir), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_questions_become_pinned_pages(wikis: Wikis, recipe: Path, tmp_path: Path) -> None:
    wikis.forget_hits()
    result = crawl(recipe, tmp_path / "work").run(quiet)
    found = pages(result)
    truth = wikis.api("en", prop="revisions", titles="Rawon", rvprop="ids|timestamp")["query"]["pages"][0]
    rawon = found[article_id(str(truth["pageid"]), "en")]
    assert rawon.revision == str(truth["revisions"][0]["revid"])
    assert rawon.fetched_at == truth["revisions"][0]["timestamp"]
    assert "mw-parser-output" in rawon.content
    queries = json.loads(rawon.metadata["queries"])
    assert ["en", "rawon"] in queries
    assert len(queries) > 1, "a page many queries reach keeps them all"
    # Rawon by the title its language link gives, in an edition where it has one.
    assert any(page.language_hint == "id" and page.title == "Rawon" for page in found.values())
    ledger = list(entries(result.artifact.directory, result.artifact.ledger()))
    assert len({(e.id, e.locator) for e in ledger}) == len(ledger)
    assert sum(e.outputs for e in ledger) == len(found) == result.artifact.counts.outputs
    # Each page was fetched once, however many queries reached it.
    parsed = [hit.target for hit in wikis.hits() if "action=parse" in hit.target]
    assert len(parsed) == len(set(parsed)) == len(found)
    assert {hit.agent.split()[1] for hit in wikis.hits() if hit.agent.startswith("m4corpus/")} == {"(cook@example.org)"}


def test_questions_record_conditioning_and_fallbacks(recipe: Path, tmp_path: Path, wikis: Wikis) -> None:
    result = crawl(recipe, tmp_path / "work").run(quiet)
    assert result.artifact.info["conditioned_on_answers"] == ["worldcuisines"]
    asked = [json.loads(line) for line in (result.crawl.path / "questions.jsonl").read_text().splitlines()]
    by_id = {question["question_id"]: question for question in asked}
    assert list(by_id)[:4] == ["food-1", "food-2", "food-3", "food-4"]
    how = {query["how"] for question in asked for query in question["queries"]}
    assert {"name", "langlink", "fallback"} <= how
    known = set(pages(result))
    assert all(set(question["article_ids"]) <= known for question in asked)
    images = [json.loads(line) for line in (result.crawl.path / "images.jsonl").read_text().splitlines()]
    assert images
    assert all(image["image_info"]["mime"] in ("image/jpeg", "image/png") for image in images)


def test_a_second_run_has_nothing_to_do(wikis: Wikis, recipe: Path, tmp_path: Path) -> None:
    crawl(recipe, tmp_path / "work").run(quiet)
    wikis.forget_hits()
    again = crawl(recipe, tmp_path / "work").run(quiet)
    assert not wikis.hits()
    assert again.counters.fetched == 0


def test_replay_needs_no_network(wikis: Wikis, recipe: Path, tmp_path: Path) -> None:
    done = crawl(recipe, tmp_path / "work").run(quiet)
    before = outputs(done.crawl)
    wikis.forget_hits()
    replayed = crawl(recipe, tmp_path / "work").replay(quiet)
    assert replayed.same
    # All that is not the archive or the plan can be lost.
    for path in done.crawl.path.rglob("*"):
        if path.is_file() and path.name != "plan.json" and not path.name.endswith(".warc.gz"):
            path.unlink()
    rebuilt = crawl(recipe, tmp_path / "work").replay(quiet)
    assert rebuilt.same
    assert outputs(done.crawl) == before
    assert not wikis.hits()


@pytest.mark.timeout(240)
def test_killed_at_any_moment_it_ends_the_same(wikis: Wikis, recipe: Path, tmp_path: Path) -> None:
    started = time.monotonic()
    whole = crawl(recipe, tmp_path / "whole").run(quiet)
    duration = time.monotonic() - started
    expected, requests = outputs(whole.crawl), whole.counters.fetched
    chance = random.Random(3)
    for attempt in range(3):
        workdir = tmp_path / f"killed-{attempt}"
        wikis.forget_hits()
        kills = 0
        for _ in range(4):
            process = run_command(recipe, workdir)
            time.sleep(0.8 + chance.random() * duration)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.wait()
        result = crawl(recipe, workdir).run(quiet)
        assert kills, "no run was killed: the crawl is too fast for this test"
        assert outputs(result.crawl) == expected
        # What was under way when it was killed may have been asked twice, and nothing else.
        under_way = wikis.politeness().concurrency
        assert len(wikis.hits()) <= requests + kills * under_way


def test_an_edit_changes_one_page(wikis: Wikis, recipe: Path, tmp_path: Path) -> None:
    first = crawl(recipe, tmp_path / "work").run(quiet)
    try:
        text = wikis.api("en", action="parse", page="Rawon", prop="wikitext")["parse"]["wikitext"]
        wikis.edit("en", "Rawon", f"{text}\nMany have it in the morning.")
        wikis.forget_hits()
        second = crawl(recipe, tmp_path / "work").run(quiet, again=True)
    finally:
        hits = wikis.hits()
        wikis.reset()
    assert second.crawl.number == first.crawl.number + 1
    old, new = pages(first), pages(second)
    changed = [id for id in old.keys() | new.keys() if old.get(id) != new.get(id)]
    assert [new[id].title for id in changed] == ["Rawon"]
    assert int(new[changed[0]].revision) > int(old[changed[0]].revision)
    assert sum("action=parse" in hit.target for hit in hits) == 1, "unchanged revisions are not fetched again"


def test_a_changed_recipe_does_not_go_on_with_an_unfinished_crawl(recipe: Path, tmp_path: Path, wikis: Wikis) -> None:
    from m4corpus.errors import UserError

    process = run_command(recipe, tmp_path / "work")
    deadline = time.monotonic() + 30
    while not list((tmp_path / "work").rglob("frontier.sqlite")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    body = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    body["crawl"]["worldcuisines"]["linked"] = 1
    recipe.write_text(yaml.safe_dump(body), encoding="utf-8")
    with pytest.raises(UserError, match="worldcuisines changed"):
        crawl(recipe, tmp_path / "work").run(quiet)


def test_from_crawl_to_search(recipe: Path, tmp_path: Path, wikis: Wikis) -> None:
    from m4corpus.pipeline import Pipeline
    from m4corpus.snapshot import open_snapshot

    done = crawl(recipe, tmp_path / "work").run(quiet)
    result = Pipeline.from_file(recipe, tmp_path / "work").run()
    assert result.stages[0].counts.inputs == done.artifact.counts.outputs
    assert result.stages[0].counts.kept == done.artifact.counts.outputs
    assert result.snapshot
    snapshot = open_snapshot(result.snapshot)
    assert snapshot.manifest["conditioned_on_answers"] == ["worldcuisines"]
    assert "contact" not in snapshot.manifest["recipe"]["crawl"]
    hits = snapshot.search("black beef soup", k=3)
    assert "Rawon" in {hit.chunk.title for hit in hits}
    assert all(hit.chunk.revision for hit in hits)


@pytest.fixture(autouse=True)
def _work_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("M4CORPUS_CONTACT", raising=False)
    yield
    assert "M4CORPUS_CONTACT" not in os.environ


def test_the_artifact_is_sealed(recipe: Path, tmp_path: Path, wikis: Wikis) -> None:
    done = crawl(recipe, tmp_path / "work").run(quiet)
    assert list(Artifact.open(done.crawl.path).problems()) == []
