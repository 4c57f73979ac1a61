"""A crawl of revisions that are known: the table, what it costs, and what is kept of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from crawl_recipes import crawl_of, on_wikis, write_recipe
from pydantic import ValidationError
from wikis import Wikis

from m4corpus.crawl.config import CrawlConfig, QueriesConfig, RevisionsConfig, WikiConfig
from m4corpus.crawl.directory import Plan
from m4corpus.crawl.mediawiki.records import Pin
from m4corpus.crawl.questions import load
from m4corpus.crawl.questions.estimate import estimate
from m4corpus.crawl.questions.stored import store, stored

TABLE = """edition,pageid,revision,title,timestamp
en,7,71,Rawon,2025-01-01T00:00:00Z
zh-yue,7,72,拉翁,
en,7,70,Rawon (old),
en,0,5,Nothing,
en,x,5,Nothing,
en,12,1234567890123,Nothing,
e n,12,5,Nothing,
en,12,5,,
"""


def config(**options: object) -> CrawlConfig:
    return CrawlConfig(revisions=RevisionsConfig(path="table.csv"), **options)  # type: ignore[arg-type]


def test_the_table(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(TABLE, encoding="utf-8")
    found = load(config(), tmp_path)
    assert found.pins == (
        Pin("en", 7, "Rawon", 71, "2025-01-01T00:00:00Z"),
        Pin("zh-yue", 7, "拉翁", 72, ""),
    )
    assert [(one.id, one.slug) for one in found.rejected] == [
        ("table.csv:3", "repeated-id"),
        ("table.csv:4", "bad-field"),
        ("table.csv:5", "bad-field"),
        ("table.csv:6", "bad-field"),
        ("table.csv:7", "bad-edition"),
        ("table.csv:8", "empty-title"),
    ]
    assert not found.questions
    store(found, tmp_path / "asked.jsonl")
    assert stored(tmp_path / "asked.jsonl") == found


def test_what_it_costs_is_certain(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(TABLE, encoding="utf-8")
    for html, kind in (("legacy", "parse"), ("parsoid", "revision")):
        made = config(wiki=WikiConfig(html=html))
        found = estimate(made, load(made, tmp_path))
        assert [(count.kind, count.number.least, count.number.most) for count in found.counts] == [(kind, 2, 2)]
        assert found.hosts == {"en.wikipedia.org": 1, "zh-yue.wikipedia.org": 1}
        assert found.counts[0].assumption == ""


def test_they_are_fetched_alone() -> None:
    with pytest.raises(ValidationError, match="fetched alone"):
        config(queries=[QueriesConfig(name="own", path="x.csv")])
    with pytest.raises(ValidationError, match="revisions or sites"):
        CrawlConfig()


def test_a_plan_without_them_is_what_it_was() -> None:
    plan = Plan.of(CrawlConfig(queries=[QueriesConfig(name="own", path="x.csv")]), {})
    assert "revisions" not in plan.config
    assert "path" not in Plan.of(config(), {}).config["revisions"]


def test_one_revision_that_was_edited_since_and_one_that_never_was(wikis: Wikis, tmp_path: Path) -> None:
    history = wikis.api("en", prop="revisions", titles="Rawon", rvlimit=10, rvprop="ids|timestamp")["query"]["pages"][0]
    oldest = history["revisions"][-1]
    rows = [f"en,{history['pageid']},{oldest['revid']},Rawon,{oldest['timestamp']}", "en,99999,99999,Never,"]
    (tmp_path / "table.csv").write_text("\n".join(["edition,pageid,revision,title,timestamp", *rows]), encoding="utf-8")
    sections = {**on_wikis(wikis), "revisions": {"path": "table.csv", "conditioned": ["worldcuisines"]}}
    told: list[str] = []
    wikis.forget_hits()
    done = crawl_of(write_recipe(tmp_path, sections), tmp_path / "work").run(lambda step, *_: told.append(step))
    assert {hit.target.partition("action=")[2].partition("&")[0] for hit in wikis.hits()} == {"parse"}
    assert (done.artifact.counts.outputs, done.artifact.counts.failed) == (1, {"api-nosuchrevid": 1})
    assert done.artifact.info["conditioned_on_answers"] == ["worldcuisines"]
    assert {"pins", "pages"} <= set(told)
