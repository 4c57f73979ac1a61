from __future__ import annotations

import json
from typing import Any

import pytest

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.ledger import Fail
from m4corpus.records import Document, Page

ARTICLE = "application/vnd.m4rag.article+json"


def clean(content: str, media_type: str, **fields: Any) -> Document:
    return clean_page(Page("1", "test", "a:1", media_type, content, **fields), CleanConfig())


def article(**changes: Any) -> dict[str, Any]:
    image = {"src": "a.jpg", "alt": "red", "caption": "A red kite"}
    sections = [
        {"heading": "Kite", "content": ["It flies.", " "], "images": [image], "access_time": "2025-04-01"},
        {"heading": "History", "content": ["Old\nkites."], "images": [{"src": "b", "alt": None, "caption": None}]},
        {"heading": None, "content": ["More."], "images": None},
    ]
    record = {
        "id": "f00",
        "pageid": 7,
        "title": "Kite",
        "url": "https://en.wikipedia.org/wiki/Kite",
        "content": sections,
    }
    return record | changes


def test_plain_text_paragraphs() -> None:
    document = clean("First\nline.\r\n\r\n  \n Second.\n\n\n\nThird.", "text/plain", title="T", licence="CC0")
    assert document.text == "First line.\n\nSecond.\n\nThird."
    assert (document.cleaner, document.title, document.licence) == ("plain", "T", "CC0")
    assert len(document.blocks) == 3


def test_article() -> None:
    document = clean(json.dumps(article()), ARTICLE, metadata={"k": "v"})
    assert [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks] == [
        ("paragraph", 0, "It flies."),
        ("caption", 0, "A red kite"),
        ("heading", 2, "History"),
        ("paragraph", 0, "Old kites."),
        ("paragraph", 0, "More."),
    ]
    assert (document.cleaner, document.title, document.url) == ("m4rag", "Kite", "https://en.wikipedia.org/wiki/Kite")
    assert (document.fetched_at, document.metadata) == ("2025-04-01", {"k": "v"})


def test_first_heading_that_is_not_the_title_stays() -> None:
    sections = [{"heading": "Lead", "content": ["It flies."]}]
    assert clean(json.dumps(article(content=sections)), ARTICLE).text == "Lead\n\nIt flies."


@pytest.mark.parametrize("heading", ["Introduction", " Introduction ", "Kite"])
def test_the_heading_of_the_lead_section_is_none(heading: str) -> None:
    sections = [{"heading": heading, "content": ["Bina."]}, {"heading": "Introduction", "content": ["More."]}]
    found = clean(json.dumps(article(content=sections)), ARTICLE)
    assert found.text == "Bina.\n\nIntroduction\n\nMore."


def test_what_the_source_says_wins_over_the_record() -> None:
    document = clean(json.dumps(article()), ARTICLE, url="https://mirror/Kite", fetched_at="2026-01-01")
    assert (document.url, document.fetched_at) == ("https://mirror/Kite", "2026-01-01")


@pytest.mark.parametrize(
    ("content", "slug", "detail"),
    [
        ("{", "bad-article", "not JSON"),
        ("[" * 100_000, "bad-article", "nested too deep"),
        ("[]", "bad-article", "article: expected an object, found list"),
        (json.dumps(article(content=None)), "bad-article", "article.content: expected a list, found nothing"),
        (json.dumps(article(title=3)), "bad-article", "article.title: expected a string or null, found int"),
        (json.dumps(article(content=["x"])), "bad-article", "content[0]: expected an object, found str"),
        (
            json.dumps(article(content=[{"content": "x"}])),
            "bad-article",
            "content[0].content: expected a list, found str",
        ),
        (json.dumps(article(content=[{"content": [1]}])), "bad-article", "content[0].content[0]: expected a string"),
        (json.dumps(article(content=[{"content": [], "images": [1]}])), "bad-article", "content[0].images[0]"),
        (json.dumps(article(content=[])), "empty-text", "sections=0"),
        (json.dumps(article(content=[{"content": ["a\ud800"]}])), "lone-surrogates", "U+D800"),
        (json.dumps(article(content=[{"content": ["a\0"]}])), "control-characters", "U+0000"),
    ],
)
def test_bad_articles_name_what_is_wrong(content: str, slug: str, detail: str) -> None:
    with pytest.raises(Fail) as caught:
        clean(content, ARTICLE)
    assert caught.value.slug == slug
    assert detail in caught.value.detail
