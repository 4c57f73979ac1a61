from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sources_work import pages, read_bytes, reasons

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.sources.m4rag import edition

ARTICLE: dict[str, Any] = {
    "id": "0a1b", "pageid": 42, "title": "紙鷂", "url": "https://zh-yue.wikipedia.org/wiki/%E7%B4%99%E9%B7%82",
    "content": [
        {"heading": "紙鷂", "content": ["紙鷂係一種玩具。"], "images": [], "access_time": "2025-04-02T10:00:00Z"},
        {"heading": "歷史", "content": ["好耐以前就有。"], "access_time": "2025-04-02T10:00:01Z",
         "images": [{"src": "a.jpg", "alt": "", "caption": "一隻紙鷂"}]},
    ],
}  # fmt: skip


def read(base: Path, *records: Any, **options: Any) -> list[Any]:
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return read_bytes(base, "en/articles.jsonl", lines.encode(), format="m4rag", **options)


def test_an_article_becomes_a_page_the_cleaner_reads(tmp_path: Path) -> None:
    (page,) = read(tmp_path, ARTICLE)
    assert (page.id, page.title, page.url) == ("0a1b", "紙鷂", ARTICLE["url"])
    assert (page.language_hint, page.hint_from) == ("zh-yue", "field")
    assert (page.fetched_at, page.licence) == ("2025-04-02T10:00:00Z", "CC-BY-SA-4.0")
    assert json.loads(page.content) == ARTICLE
    assert "好耐以前就有。" in clean_page(page, CleanConfig()).text


def test_content_is_canonical(tmp_path: Path) -> None:
    (first,) = read(tmp_path, ARTICLE)
    (second,) = read(tmp_path, dict(reversed(ARTICLE.items())))
    assert first.content == second.content


def test_the_recipes_licence_and_other_addresses(tmp_path: Path) -> None:
    assert read(tmp_path, ARTICLE, licence="own")[0].licence == "own"
    (page,) = read(tmp_path, {**ARTICLE, "url": "https://wikipedia.org.example.com/wiki/x"})
    assert (page.licence, page.language_hint) == ("", "")
    assert read(tmp_path, {**ARTICLE, "url": "https://["})[0].url == "https://["


def test_records_of_the_wrong_shape(tmp_path: Path) -> None:
    items = read(tmp_path, ARTICLE, {"id": "x"}, {**ARTICLE, "content": "text"}, {**ARTICLE, "id": []}, [1])
    assert len(pages(items)) == 1
    name = "articles.jsonl"
    assert reasons(items) == {
        f"{name}:2": "missing-field",
        f"{name}:3": "bad-field",
        f"{name}:4": "bad-id",
        f"{name}:5": "not-an-object",
    }
    assert items[1].id == "x"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://arz.wikipedia.org/wiki/X", "arz"),
        ("https://en.m.wikipedia.org/wiki/X", "en"),
        ("https://example.org/enwiki", ""),
        ("enwiki", ""),
        ("", ""),
    ],
)
def test_edition_of_an_address(url: str, code: str) -> None:
    assert edition(url) == code
