"""Dumps that MediaWiki's own dumpBackup.php writes, compared with what the same wiki's API says."""

from __future__ import annotations

import bz2
import gzip
import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sources_work import pages, read, read_bytes, source
from wikis import Wikis

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.records import Document, Page
from m4corpus.sources.readers import Failure

pytestmark = pytest.mark.timeout(600)  # made anew, the wikis take a while on a slow machine

PACKED: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress}


def revisions(wikis: Wikis, edition: str) -> dict[str, dict[str, Any]]:
    """Every article of a wiki by its title, as its API has it."""
    found: dict[str, dict[str, Any]] = {}
    more: dict[str, Any] = {}
    while True:
        answer = wikis.api(
            edition, generator="allpages", gaplimit=50, prop="revisions|info",
            rvprop="ids|timestamp|content", rvslots="main", **more,
        )  # fmt: skip
        found |= {page["title"]: page for page in answer["query"]["pages"]}
        if "continue" not in answer:
            return found
        more = answer["continue"]


def everything(wikis: Wikis, edition: str) -> int:
    """Pages of a wiki in all namespaces."""
    pages = wikis.api(edition, meta="siteinfo", siprop="statistics")["query"]["statistics"]["pages"]
    assert isinstance(pages, int)
    return pages


def outline(document: Document) -> list[tuple[str, int, str]]:
    """Headings, paragraphs, list entries and quotations; tables and captions are partly made by templates."""
    kinds = ("heading", "paragraph", "list_item", "quote")
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks if b.kind in kinds]


@pytest.mark.parametrize(
    ("schema", "full", "end"),
    [
        ("0.11", False, ""),
        ("0.10", False, ".gz"),
        ("0.11", True, ".bz2"),
        ("0.10", True, ""),
    ],
)
@pytest.mark.parametrize("edition", ["en", "zh-yue"])
def test_every_page_is_accounted_for_and_is_what_the_api_says(
    wikis: Wikis, tmp_path: Path, edition: str, schema: str, full: bool, end: str
) -> None:
    content = wikis.dump(edition, tmp_path / "dump.xml", schema=schema, full=full).read_bytes()
    assert f'version="{schema}"'.encode() in content
    assert content.count(b"<page>") == everything(wikis, edition)
    packed = PACKED[end](content)
    items = read_bytes(tmp_path, f"wiki-pages.xml{end}", packed, format="dump")
    assert len(items) == content.count(b"<page>")

    truth = revisions(wikis, edition)
    redirects = {title for title, page in truth.items() if page.get("redirect")}
    blank = {title for title, page in truth.items() if not page["length"]}
    kept = {page.title: page for page in pages(items)}
    assert set(kept) == set(truth) - redirects - blank
    for title, page in kept.items():
        expected = truth[title]["revisions"][0]
        assert (page.revision, page.fetched_at) == (str(expected["revid"]), expected["timestamp"])
        assert page.content == expected["slots"]["main"]["content"]
        assert page.locator == f"wiki-pages.xml{end}#{truth[title]['pageid']}"
    elsewhere = content.count(b"<page>") - len(truth)
    expected_reasons = {"redirect": len(redirects), "empty-text": len(blank), "namespace": elsewhere}
    assert Counter(item.reason for item in items if isinstance(item, Failure)) == +Counter(expected_reasons)


def test_a_dump_of_wikipedia_gives_m4rags_ids(wikis: Wikis, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    wikis.dump("zh-yue", folder / "pages.xml", server="https://zh-yue.wikipedia.org")
    found = {page.title: page for page in pages(read(tmp_path, source("dump", "in/pages.xml")))}
    number = revisions(wikis, "zh-yue")["拉翁"]["pageid"]
    page = found["拉翁"]
    assert page.id == hashlib.md5(f"{number}_zh-yue".encode()).hexdigest()
    assert page.url == "https://zh-yue.wikipedia.org/wiki/%E6%8B%89%E7%BF%81"
    assert page.language_hint == "zh-yue"
    assert page.licence == "CC-BY-SA-4.0"


@pytest.mark.parametrize("edition", ["en", "ja", "zh-yue", "arz", "fr"])
def test_sections_are_those_of_the_pages_the_wiki_renders(wikis: Wikis, tmp_path: Path, edition: str) -> None:
    items = read_bytes(tmp_path, "pages.xml", wikis.dump(edition, tmp_path / "d.xml").read_bytes(), format="dump")
    config = CleanConfig()
    titles = set()
    for page in pages(items):
        if page.title.startswith(("Boiled", "Pickled", "Smoked", "Steamed")):
            continue  # much like the grilled
        parsed = wikis.api(edition, action="parse", oldid=page.revision, prop="text")["parse"]
        assert parsed["revid"] == int(page.revision)
        rendered = clean_page(Page("1", "s", "x", "text/html", parsed["text"], title=page.title), config)
        assert rendered.cleaner == "mediawiki"
        expected, found = outline(rendered), outline(clean_page(page, config))
        if page.title in ("Kitchen measures", "Ful"):  # text that templates make
            expected, found = ([block for block in blocks if block[0] == "heading"] for blocks in (expected, found))
        assert found == expected, page.title
        titles.add(page.title)
    assert len(titles) >= 6
