from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from paper_wiki import PaperWiki

from m4corpus.crawl.config import CrawlConfig
from m4corpus.crawl.questions import load
from m4corpus.crawl.questions.estimate import Estimate, estimate

#: Folder with WorldCuisines' own tables (final_data.csv, location_and_cuisine.csv).
REAL = os.environ.get("M4CORPUS_REAL_WORLDCUISINES", "")


def dishes(base: Path, *names: str) -> None:
    head = "Name,Coarse-grained categories,Fine-grained categories\n"
    (base / "dishes.csv").write_text(head + "".join(f"{name},[],[]\n" for name in names))


def estimated(base: Path, **options: Any) -> Estimate:
    config = CrawlConfig(**options)
    return estimate(config, load(config, base))


def numbers(estimate: Estimate) -> dict[str, tuple[int, int, int]]:
    return {count.kind: (count.number.least, count.number.expected, count.number.most) for count in estimate.counts}


def test_known_queries_are_counted_exactly_and_once(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("question_id,edition,query\na,en,x\nb,en,x\nb,id,x\n")
    own = {"name": "mine", "path": "own.csv", "results": 10}
    dry = estimated(tmp_path, queries=[own], images={"download": True})
    assert numbers(dry)["search"] == (2, 2, 2)
    assert numbers(dry)["parse"][2] == 20
    assert numbers(dry)["image-search"] == (1, 1, 1)
    assert numbers(dry)["image"][2] == 10
    assert dry.questions == {"mine": 2}
    assert dry.reference.searches.expected == 3
    assert json.loads(json.dumps(dry.as_dict()))["requests"]["most"] == dry.requests.most


def test_titles_cost_one_request_an_edition_and_a_page_each(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("question_id,edition,query\na,en,x\na,en,y\na,id,x\n")
    dry = estimated(tmp_path, queries=[{"name": "m", "path": "own.csv", "titles": True}], wiki={"html": "parsoid"})
    assert numbers(dry) == {"title": (2, 2, 2), "pin": (0, 2, 2), "revision": (0, 3, 3)}


def test_a_dish_stays_within_its_bounds(tmp_path: Path) -> None:
    dishes(tmp_path, "Rawon")
    section = {"dishes": "dishes.csv", "locations": "", "editions": ["en", "id", "jv"]}
    dry = estimated(tmp_path, worldcuisines=section)
    assert numbers(dry)["search"] == (3, 3, 7)
    questions = load(CrawlConfig(worldcuisines=section), tmp_path)
    none = PaperWiki({})
    english = ["Rawon", "Rawon two", "Rawon three", "Rawon four"]
    all_linked = PaperWiki({"en": english}, {t: {"id": f"id {t}", "jv": f"jv {t}"} for t in english})
    for wiki, expected in ((none, 3), (all_linked, 7)):
        asyncio.run(questions.questions[0].answer(wiki))
        assert sum(kind == "search" for kind, *_ in wiki.asked) == expected


def test_equal_names_of_dish_and_category_are_searched_once(tmp_path: Path) -> None:
    text = 'Name,Coarse-grained categories,Fine-grained categories\nSoup,"[""soup""]",[]\n'
    (tmp_path / "dishes.csv").write_text(text)
    section = {"dishes": "dishes.csv", "locations": "", "editions": ["en", "id"]}
    dry = estimated(tmp_path, worldcuisines=section)
    assert numbers(dry)["search"][0] == 2
    assert dry.reference.searches.least == 6


def test_hours_follow_the_slowest_of_host_and_whole(tmp_path: Path) -> None:
    rows = "".join(f"{n},en,q{n}\n" for n in range(100))
    (tmp_path / "own.csv").write_text("question_id,edition,query\n" + rows)
    own = {"queries": [{"name": "m", "path": "own.csv", "results": 1}]}
    one = estimated(tmp_path, **own, politeness={"per_second": 1, "total_per_second": 10})
    assert one.bound == "en.wikipedia.org at 1 a second"
    assert one.hours[1] == pytest.approx(one.requests.expected / 3600)
    narrow = estimated(tmp_path, **own, politeness={"per_second": 5, "concurrency": 1})
    assert narrow.bound == "en.wikipedia.org at 2.5 a second"
    whole = estimated(tmp_path, **own, politeness={"per_second": 5, "total_per_second": 0.5})
    assert whole.hours[2] == pytest.approx(whole.requests.most / 0.5 / 3600)


def test_as_of_pins_pages_one_by_one_and_sites_are_counted(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("question_id,edition,query\na,en,x\n")
    dry = estimated(
        tmp_path,
        queries=[{"name": "m", "path": "own.csv", "results": 10}],
        wiki={"as_of": "2025-04-30T00:00:00Z"},
        sites=[{"name": "s", "start": ["https://a.example/"], "max_pages": 7}],
    )
    assert numbers(dry)["pin"][2] == 10
    assert numbers(dry)["page"] == (1, 7, 7)


def test_a_plan_of_the_size_of_worldcuisines_takes_seconds(tmp_path: Path) -> None:
    dishes(tmp_path, *(f"dish {n}" for n in range(2414)))
    started = time.monotonic()
    dry = estimated(tmp_path, worldcuisines={"dishes": "dishes.csv", "locations": ""})
    assert time.monotonic() - started < 10
    assert numbers(dry)["search"][0] == 2414 * 24
    assert dry.requests.expected < dry.reference.requests.expected


@pytest.mark.skipif(not Path(REAL, "final_data.csv").is_file(), reason="set M4CORPUS_REAL_WORLDCUISINES to its tables")
def test_the_real_tables_make_the_plan_of_the_reference() -> None:
    section = {"dishes": "final_data.csv", "locations": "location_and_cuisine.csv"}
    config = CrawlConfig(worldcuisines=section)
    questions = load(config, Path(REAL))
    kinds = [question.id.split("-")[0] for question in questions.questions]
    assert {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)} == {
        "food": 2414,
        "category": 747,
        "cuisine": 401 * 24 - 1,
    }
    assert [r.slug for r in questions.rejected].count("superseded-row") == 28
    dry = estimate(config, questions)
    assert dry.requests.expected < dry.reference.requests.expected / 2
