"""The tests' MediaWiki wikis for benchmarks, and recipes that ask them questions."""

from __future__ import annotations

import csv
import importlib
import json
import random
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import yaml

#: Where the tests keep their wikis: real MediaWiki on PHP's own web server.
_SUPPORT = Path(__file__).parents[1] / "tests" / "support"
#: Questions about titles are asked so many at once: what goes into one request.
_TOGETHER = 50


def support(name: str) -> Any:
    """A module of the tests' support."""
    if str(_SUPPORT) not in sys.path:
        sys.path.insert(0, str(_SUPPORT))
    return importlib.import_module(name)


def names_of(recipe: Path) -> list[str]:
    """What the questions of a recipe ask for, in their order."""
    from m4corpus.crawl.questions import load as load_questions
    from m4corpus.recipe import load

    config = load(recipe).crawl
    assert config is not None
    return [question.queries[0].text for question in load_questions(config, recipe.parent).questions]


def dish_names(wikis: Any) -> list[str]:
    """Titles of the English wiki's articles."""
    found = wikis.api("en", list="allpages", apfilterredir="nonredirects", aplimit=500)
    return [page["title"] for page in found["query"]["allpages"]]


def write_dishes(folder: Path, wikis: Any, names: Iterable[str], **manners: float) -> Path:
    """A recipe that asks for these names as WorldCuisines' dishes; the first and the last word of each are its
    categories, so that questions have pages in common, as the real ones do."""
    folder.mkdir()
    with (folder / "dishes.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["Name", "Alias", "Coarse-grained categories", "Fine-grained categories"])
        for name in names:
            words = name.lower().split()
            table.writerow([name, "[{'no_alias': 'English'}]", json.dumps(words[:1]), json.dumps(words[-1:])])
    questions = {"dishes": "dishes.csv", "locations": "", "editions": list(wikis.editions)}
    return _write_recipe(folder, wikis, {"worldcuisines": questions}, manners)


def write_titles(folder: Path, wikis: Any, titles: Iterable[str], **manners: float) -> Path:
    """A recipe that asks for the English pages with these titles."""
    folder.mkdir()
    rows = ({"question_id": str(n // _TOGETHER), "edition": "en", "query": title} for n, title in enumerate(titles))
    (folder / "titles.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    questions = [{"name": "titles", "path": "titles.jsonl", "titles": True}]
    return _write_recipe(folder, wikis, {"queries": questions}, manners)


def _write_recipe(folder: Path, wikis: Any, questions: dict[str, Any], manners: dict[str, float]) -> Path:
    wiki = wikis.wiki_config()
    crawl = {
        "contact": "benchmark@example.org",
        "allow_private": list(wikis.allow_private),
        "politeness": manners,
        "wiki": {"api": wiki.api, "rest": wiki.rest, "page": wiki.page, "what": wiki.what},
        **questions,
    }
    recipe = {"name": "dishes", "crawl": crawl, "read": {"sources": [{"name": "wikipedia", "format": "crawl"}]}}
    path = folder / "dishes.yaml"
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    return path


def add_pages(wikis: Any, count: int) -> list[str]:
    """A page of 3,000 words in the English wiki, and copies of it under so many titles, which are returned.

    Copied in the database: MediaWiki itself takes a tenth of a second to save a page.
    """
    chance, vocabulary = random.Random(1), ["".join(parts) for parts in product("bdkmt", "aiou", ("ra", "li", "ne"))]
    paragraphs = [" ".join(chance.choices(vocabulary, k=100)) for _ in range(30)]
    wikis.edit("en", "Long page", "\n\n".join(f"== {n} ==\n{paragraph}" for n, paragraph in enumerate(paragraphs)))
    path = wikis.site.folder / "data" / f"{support('wiki_site').database('en')}.sqlite"
    titles = [f"Long_page_{number}" for number in range(count)]
    with closing(sqlite3.connect(path)) as database, database:
        found = database.execute("SELECT page_id, page_latest FROM page WHERE page_title = 'Long_page'").fetchone()
        (first_page, first_revision) = database.execute(
            "SELECT max(page_id), max(rev_id) FROM page, revision"
        ).fetchone()
        for number, title in enumerate(titles, 1):
            page, revision = first_page + number, first_revision + number
            _copy(database, "page", "page_id", found[0], page_id=page, page_latest=revision, page_title=title)
            _copy(database, "revision", "rev_id", found[1], rev_id=revision, rev_page=page)
            _copy(database, "revision_comment_temp", "revcomment_rev", found[1], revcomment_rev=revision)
            _copy(database, "slots", "slot_revision_id", found[1], slot_revision_id=revision, slot_origin=revision)
    return [title.replace("_", " ") for title in titles]


def _copy(database: sqlite3.Connection, table: str, key: str, row: int, **other: object) -> None:
    """Insert a row like that whose ``key`` is ``row``, but for some values."""
    columns = [column[1] for column in database.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(f":{column}" if column in other else column for column in columns)
    database.execute(f"INSERT INTO {table} SELECT {values} FROM {table} WHERE {key} = {row}", other)
