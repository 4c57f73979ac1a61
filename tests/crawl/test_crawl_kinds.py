"""Crawls of every kind against real wikis: either parser, an earlier time, articles by title, questions of CVQA."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from crawl_recipes import crawl_of, dishes, ledger, on_wikis, outputs, pages, quiet, write_recipe
from wikis import Wikis

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.crawl.directory import CrawlDirectory
from m4corpus.crawl.export import export
from m4corpus.records import Page
from m4corpus.sources.m4rag import article_id

BEFORE = "2024-06-01T00:00:00Z"


def by_title(crawl: CrawlDirectory) -> dict[tuple[str, str], Page]:
    return {(page.language_hint, page.title): page for page in pages(crawl).values()}


def named(folder: Path, rows: list[tuple[str, str, str]], **options: Any) -> dict[str, Any]:
    """A section for queries of one's own."""
    lines = [json.dumps({"question_id": id, "edition": edition, "query": query}) for id, edition, query in rows]
    (folder / "mine.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return {"queries": [{"name": "mine", "path": "mine.jsonl", **options}]}


def test_either_parser_gives_the_same_text(wikis: Wikis, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, {**on_wikis(wikis), **dishes(tmp_path, ("en", "zh-yue"))})
    legacy = crawl_of(recipe, tmp_path / "legacy").run(quiet)
    body = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    body["crawl"]["wiki"]["html"] = "parsoid"
    recipe.write_text(yaml.safe_dump(body), encoding="utf-8")
    wikis.forget_hits()
    parsoid = crawl_of(recipe, tmp_path / "parsoid").run(quiet)
    assert not [hit for hit in wikis.hits() if "action=parse" in hit.target]
    assert [hit for hit in wikis.hits() if "/rest.php/v1/revision/" in hit.target]
    old, new = pages(legacy.crawl), pages(parsoid.crawl)
    assert {"en", "zh-yue"} == {page.language_hint for page in old.values()}
    assert {id: page.revision for id, page in old.items()} == {id: page.revision for id, page in new.items()}
    for id, page in old.items():
        other = new[id]
        assert page.content != other.content
        assert (page.title, page.url, page.fetched_at) == (other.title, other.url, other.fetched_at)
        assert page.metadata["queries"] == other.metadata["queries"]
        # The legacy parser puts pages into categories of its own, such as those with broken links.
        assert set(json.loads(page.metadata["categories"])) >= set(json.loads(other.metadata["categories"])) != set()
        assert clean_page(page, CleanConfig()).blocks == clean_page(other, CleanConfig()).blocks
    assert crawl_of(recipe, tmp_path / "parsoid").replay(quiet).same


def test_as_of_an_earlier_time(wikis: Wikis, tmp_path: Path) -> None:
    titles = [("1", "en", "Rawon"), ("2", "en", "Har gow"), ("3", "id", "Rawon"), ("4", "en", "Black beef soup")]
    sections = {**on_wikis(wikis, wiki={"as_of": BEFORE}), **named(tmp_path, titles, titles=True)}
    done = crawl_of(write_recipe(tmp_path, sections), tmp_path / "work").run(quiet)
    found = by_title(done.crawl)
    assert found.keys() == {("en", "Rawon"), ("id", "Rawon")}
    rawon = found["en", "Rawon"]
    revisions = wikis.api("en", prop="revisions", titles="Rawon", rvprop="ids|timestamp", rvlimit=9)["query"]["pages"]
    second = revisions[0]["revisions"][1]
    assert (rawon.revision, rawon.fetched_at) == (str(second["revid"]), second["timestamp"])
    assert rawon.fetched_at < BEFORE
    assert "second draft" in rawon.content
    assert done.artifact.info["as_of"] == BEFORE
    born_later = [entry for entry in ledger(done.crawl) if entry.slug == "after-as-of"]
    assert [entry.locator for entry in born_later] == ["(en) Har gow"]
    assert crawl_of(tmp_path / "dishes.yaml", tmp_path / "work").replay(quiet).same


def test_pages_born_later_are_dropped_from_searches(wikis: Wikis, tmp_path: Path) -> None:
    rows = [("1", "en", "rawon"), ("2", "en", "dumpling")]
    sections = {**on_wikis(wikis, wiki={"as_of": BEFORE}), **named(tmp_path, rows)}
    done = crawl_of(write_recipe(tmp_path, sections), tmp_path / "work").run(quiet)
    assert by_title(done.crawl).keys() == {("en", "Rawon")}
    later = [entry for entry in ledger(done.crawl) if entry.slug == "after-as-of"]
    assert later
    assert {(entry.outcome, entry.detail) for entry in later} == {("dropped", f"as_of={BEFORE}")}
    assert done.artifact.counts.dropped["after-as-of"] == len(later)


TITLES = [
    ("direct", "en", "Rawon"),
    ("spelled", "en", "rawon"),
    ("redirect", "en", "Black beef soup"),
    ("double", "en", "Black soup of Java"),
    ("section", "en", "Keluak seed"),
    ("nowhere", "en", "Redirect to nowhere"),
    ("deleted", "en", "Not a dish"),
    ("never", "en", "A page nobody wrote"),
    ("special", "en", "Special:Version"),
    ("invalid", "en", "<nothing>"),
    ("odd", "en", 'What is a "dish"? 100% answered'),
    ("elsewhere", "zh-yue", "拉翁"),
]


def test_articles_by_title(wikis: Wikis, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, {**on_wikis(wikis), **named(tmp_path, TITLES, titles=True)})
    crawl = crawl_of(recipe, tmp_path / "work")
    done = crawl.run(quiet)
    found = by_title(done.crawl)
    assert found.keys() == {("en", "Rawon"), ("en", 'What is a "dish"? 100% answered'), ("zh-yue", "拉翁")}
    rawon = found["en", "Rawon"]
    told = {entry.id.split(":")[2].split("#")[0]: entry for entry in ledger(done.crawl) if entry.id.startswith("mine:")}
    assert told.keys() == {id for id, _, _ in TITLES}, "every query has its row"
    wrong = {id: entry.slug for id, entry in told.items() if entry.outcome != "kept"}
    assert wrong == {
        "nowhere": "missing-page",
        "deleted": "missing-page",
        "never": "missing-page",
        "special": "special-page",
        "invalid": "invalid-title",
    }
    asked = [json.loads(line) for line in (done.crawl.path / "questions.jsonl").read_text().splitlines()]
    leads = {question["question_id"].removeprefix("mine:"): question["article_ids"] for question in asked}
    assert {id for id, articles in leads.items() if articles == [rawon.id]} == {
        "direct", "spelled", "redirect", "double", "section",
    }  # fmt: skip
    assert [leads[id] for id in wrong] == [[]] * len(wrong)
    reached = json.loads(rawon.metadata["queries"])
    assert ["en", "Black soup of Java"] in reached
    assert len(reached) == 5
    assert done.artifact.info["conditioned_on_answers"] == []
    assert crawl.replay(quiet).same


def test_a_title_without_a_page_is_no_failure(wikis: Wikis, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, {**on_wikis(wikis), **named(tmp_path, TITLES, titles=True)})
    done = crawl_of(recipe, tmp_path / "work").run(quiet)
    assert not done.artifact.counts.failed
    assert done.artifact.counts.dropped["missing-page"] == 3


CVQA = [
    {
        "ID": "1",
        "Subset": "('Indonesian', 'Indonesia')",
        "Question": "Sup apa ini?",
        "Translated Question": "Which soup is this?",
        "Options": ["Gudeg", "Rawon", "Soto", "Bakso"],
        "Translated Options": ["Gudeg", "Rawon", "Soto", "Bakso"],
        "Label": 1,
    },
    {
        "ID": "2",
        "Subset": "('Japanese', 'Japan')",
        "Question": "お好み焼き " + "とても長い質問です " * 60,
        "Translated Question": "Which pancake is this?",
        "Options": ["お好み焼き", "うどん", "そば", "寿司"],
        "Translated Options": ["Okonomiyaki", "Udon", "Soba", "Sushi"],
        "Label": 0,
    },
    {
        "ID": "3",
        "Subset": "('Indonesian', 'Indonesia')",
        "Question": "Apa?",
        "Translated Question": "What?",
        "Options": ["a", "b", "c", "d"],
        "Translated Options": ["a", "b", "c", "d"],
        "Label": 7,
    },
]
EXPANSIONS = [
    {"ID": "1-Indonesian", "queries": "- rawon\n- sup daging hitam"},
    {"ID": "1-English", "queries": "- black beef soup\n- keluak"},
    {"ID": "2-Japanese", "queries": ["お好み焼き"]},
]


def cvqa_recipe(folder: Path, wikis: Wikis, **options: Any) -> Path:
    for name, rows in (("cvqa.jsonl", CVQA), ("expansions.jsonl", EXPANSIONS)):
        (folder / name).write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    section = {"questions": "cvqa.jsonl", "expansions": "expansions.jsonl", **options}
    return write_recipe(folder, {**on_wikis(wikis), "cvqa": section})


def test_questions_of_cvqa_and_their_export(wikis: Wikis, tmp_path: Path) -> None:
    done = crawl_of(cvqa_recipe(tmp_path, wikis), tmp_path / "work").run(quiet)
    assert done.artifact.info["conditioned_on_answers"] == ["cvqa"]
    asked = {
        question["question_id"]: question
        for question in map(json.loads, (done.crawl.path / "questions.jsonl").read_text().splitlines())
    }
    assert list(asked) == ["1", "2"]
    how = [(query["edition"], query["how"]) for query in asked["1"]["queries"]]
    assert how[:2] == [("id", "expansion"), ("id", "expansion")]
    assert {("id", "question"), ("id", "answer"), ("en", "question"), ("en", "answer")} <= set(how)
    trimmed = [query for query in asked["2"]["queries"] if "trimmed_from" in query]
    assert [len(query["text"]) <= 300 < len(query["trimmed_from"]) for query in trimmed] == [True]
    found = by_title(done.crawl)
    assert {("id", "Rawon"), ("en", "Rawon"), ("ja", "お好み焼き"), ("en", "Okonomiyaki")} <= found.keys()
    rawon = wikis.api("id", titles="Rawon")["query"]["pages"][0]["pageid"]
    assert article_id(str(rawon), "id") in asked["1"]["article_ids"]
    told = {entry.slug: entry for entry in ledger(done.crawl) if entry.outcome != "kept"}
    assert {"bad-label", "no-expansions"} <= told.keys()
    lacking = {entry.detail for entry in ledger(done.crawl) if entry.slug == "no-expansions"}
    assert lacking == {"2-English", "3-Indonesian"}, "a row with several faults is told of each"
    counts = export(done.crawl.path, tmp_path / "out")["cvqa"]
    mapping = [json.loads(line) for line in (tmp_path / "out/cvqa/question_article.jsonl").read_text().splitlines()]
    assert [row["question_id"] for row in mapping] == ["1", "2"]
    assert mapping[0]["queries"][0] == "rawon", "as M4-RAG lists the queries of CVQA, without their edition"
    articles = {row["id"] for row in map(json.loads, (tmp_path / "out/cvqa/articles.jsonl").read_text().splitlines())}
    assert articles == {id for row in mapping for id in row["article_ids"]}
    assert counts.articles == len(articles) == done.artifact.counts.outputs


@pytest.mark.parametrize(
    ("use", "conditioned"), [(["question"], []), (["answer"], ["cvqa"])], ids=["question", "answer"]
)
def test_variants_of_cvqa(wikis: Wikis, tmp_path: Path, use: list[str], conditioned: list[str]) -> None:
    done = crawl_of(cvqa_recipe(tmp_path, wikis, use=use), tmp_path / "work").run(quiet)
    assert done.artifact.info["conditioned_on_answers"] == conditioned
    lines = (done.crawl.path / "questions.jsonl").read_text().splitlines()
    assert {query["how"] for line in lines for query in json.loads(line)["queries"]} == set(use)
    assert all(question["conditioned"] is bool(conditioned) for question in map(json.loads, lines))


def test_two_sets_that_reach_one_page(wikis: Wikis, tmp_path: Path) -> None:
    sections = {**on_wikis(wikis), **named(tmp_path, [("1", "en", "Rawon")], titles=True)}
    (tmp_path / "yours.csv").write_text("question_id,edition,query\n1,en,keluak\n", encoding="utf-8")
    sections["queries"].append({"name": "yours", "path": "yours.csv"})
    wikis.forget_hits()
    done = crawl_of(write_recipe(tmp_path, sections), tmp_path / "work").run(quiet)
    rawon = by_title(done.crawl)["en", "Rawon"]
    assert sum(f"oldid={rawon.revision}" in hit.target for hit in wikis.hits()) == 1
    assert json.loads(rawon.metadata["queries"]) == [["en", "Rawon"], ["en", "keluak"]]
    written = export(done.crawl.path, tmp_path / "out")
    assert list(written) == ["mine", "yours"]
    for plan in written:
        lines = (tmp_path / "out" / plan / "articles.jsonl").read_text().splitlines()
        assert rawon.id in {json.loads(line)["id"] for line in lines}
    assert outputs(done.crawl.path).keys() >= {"questions.jsonl", "manifest.json"}


def test_images_are_fetched_and_written(wikis: Wikis, tmp_path: Path) -> None:
    images = {"images": {"api": wikis.commons, "download": True, "width": 0}}
    crawl = crawl_of(write_recipe(tmp_path, {**on_wikis(wikis), **dishes(tmp_path, ("en",)), **images}), tmp_path / "w")
    done = crawl.run(quiet)
    lines = (done.crawl.path / "images.jsonl").read_text().splitlines()
    fetched = {image["image_id"]: image for image in map(json.loads, lines) if "content_sha256" in image}
    expected = {id: image["content_sha256"] for id, image in fetched.items() if "same_as" not in image}
    wikis.forget_hits()
    assert crawl.export_images(done.crawl, tmp_path / "out") == {"kept": len(expected)}
    files = (tmp_path / "out" / "images").iterdir()
    assert {file.stem: hashlib.sha256(file.read_bytes()).hexdigest() for file in files} == expected != {}
    assert not wikis.hits()
