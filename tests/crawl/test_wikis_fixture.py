"""The wikis the crawl is tested with are real: what the other tests take for granted of them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import lxml.html
import pytest
import wiki_content
from wikis import Wikis

pytestmark = pytest.mark.timeout(600)  # made anew, the wikis take a while on a slow machine


def fetch(address: str) -> tuple[int, dict[str, str], str]:
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


def pages(answer: Any) -> dict[str, Any]:
    return {page["title"]: page for page in answer["query"]["pages"]}


def revision(wikis: Wikis, edition: str, title: str) -> Any:
    (page,) = wikis.api(edition, prop="revisions", titles=title)["query"]["pages"]
    return page["revisions"][0]


@pytest.mark.parametrize(
    ("edition", "query", "title"),
    [
        ("en", "keluak tree", "Rawon"),
        ("id", "daging sapi", "Rawon"),
        ("ja", "煮込む", "ラウォン"),
        ("zh-yue", "牛肉", "拉翁"),
        ("arz", "فطار", "فول مدمس"),
        ("fr", "sarrasin", "Crêpe (cuisine)"),
    ],
)
def test_every_wiki_searches_bodies_in_its_own_language(wikis: Wikis, edition: str, query: str, title: str) -> None:
    hits = wikis.api(edition, list="search", srsearch=query, srwhat="text")["query"]["search"]
    assert title in [hit["title"] for hit in hits]


def test_a_search_has_more_results_than_a_page_of_them(wikis: Wikis) -> None:
    titles: list[str] = []
    more: dict[str, Any] = {}
    while True:
        answer = wikis.api("en", list="search", srsearch="dish", srwhat="text", srlimit=50, **more)
        titles += [hit["title"] for hit in answer["query"]["search"]]
        if "continue" not in answer:
            break
        more = answer["continue"]
    assert len(titles) == len(set(titles)) == answer["query"]["searchinfo"]["totalhits"] > 60


def test_language_links_name_house_editions_and_are_continued(wikis: Wikis) -> None:
    found: dict[str, str] = {}
    more: dict[str, Any] = {}
    requests = 0
    while True:
        answer = wikis.api("en", prop="langlinks", titles="Rawon|Porridge", lllimit=5, **more)
        requests += 1
        for link in pages(answer)["Rawon"].get("langlinks", []):
            found[link["lang"]] = link["title"]
        if "continue" not in answer:
            break
        more = answer["continue"]
    assert requests > 3
    assert found["zh-yue"] == "拉翁"
    assert set(found) == {"id", "ja", "zh-yue", "fr", "jv", "su", "ms"}
    assert pages(wikis.api("ja", titles=found["ja"]))[found["ja"]]["pageid"]
    assert "missing" not in pages(wikis.api("zh-yue", titles="拉翁"))["拉翁"]


def test_both_parsers_render_the_revision_that_is_asked_for(wikis: Wikis) -> None:
    history = wikis.api("en", prop="revisions", titles="Rawon", rvlimit=10, rvprop="ids|timestamp")
    newest, middle, oldest = pages(history)["Rawon"]["revisions"]
    assert [entry["timestamp"][:4] for entry in (newest, middle, oldest)] == ["2025", "2024", "2023"]
    old = wikis.api("en", action="parse", oldid=oldest["revid"], prop="text|revid|categories")["parse"]
    assert old["revid"] == oldest["revid"]
    assert "first draft" in old["text"]
    new = wikis.api("en", action="parse", oldid=newest["revid"], prop="text|categories")["parse"]
    assert [category["category"] for category in new["categories"]] == ["Dishes"]
    assert '<h2><span class="mw-headline" id="Making">' in new["text"]
    assert 'src="/en/images/' in new["text"]
    status, headers, html = fetch(f"{wikis.base}/en/rest.php/v1/revision/{middle['revid']}/html")
    assert (status, headers["Content-type"].split(";")[0]) == (200, "text/html")
    assert "second draft" in html
    assert re.search(r'<section data-mw-section-id="1"[^>]*><h2 id="Draft">Draft</h2>', html)


def test_the_newer_release_wraps_its_headings(newer_wikis: Wikis) -> None:
    title = "Kitchen measures"
    parsed = newer_wikis.api("en", action="parse", page=title, prop="text")["parse"]["text"]
    assert '<div class="mw-heading mw-heading2"><h2 id="Spoons">Spoons</h2>' in parsed
    newest = revision(newer_wikis, "en", title)["revid"]
    assert fetch(f"{newer_wikis.base}/en/rest.php/v1/revision/{newest}/html")[0] == 200


def test_both_releases_hold_the_same_revisions(wikis: Wikis, newer_wikis: Wikis) -> None:
    def all_of(which: Wikis, edition: str) -> list[tuple[int, str, int]]:
        answer = which.api(edition, generator="allpages", gaplimit=500, prop="info")
        return sorted((page["pageid"], page["title"], page["lastrevid"]) for page in answer["query"]["pages"])

    for edition in wikis.editions:
        assert all_of(wikis, edition) == all_of(newer_wikis, edition)


def test_redirects_missing_pages_and_odd_titles(wikis: Wikis) -> None:
    answer = wikis.api("en", titles="Keluak seed|black_beef soup|Not a dish|A page nobody wrote", redirects=1)["query"]
    assert {"from": "black_beef soup", "to": "Black beef soup"}.items() <= answer["normalized"][0].items()
    assert {entry["from"]: entry["to"] for entry in answer["redirects"]} == {
        "Black beef soup": "Rawon",
        "Keluak seed": "Rawon",
    }
    missing = [page["title"] for page in answer["pages"] if page.get("missing")]
    assert sorted(missing) == ["A page nobody wrote", "Not a dish"]
    for title in ('What is a "dish"? 100% answered', "Salt/Pepper + C", "Crêpe & cidre"):
        assert pages(wikis.api("en", titles=title))[title]["pageid"]
        address = wikis.wiki_config().page.format(edition="en", title=urllib.parse.quote(title.replace(" ", "_")))
        status, _, html = fetch(address)
        assert status == 200
        heading = lxml.html.document_fromstring(html).get_element_by_id("firstHeading")
        assert heading.text_content() == title


def test_pages_in_the_wiki_are_those_written(wikis: Wikis) -> None:
    for edition, articles in wiki_content.family().items():
        texts = {article.title: article.texts[-1] for article in articles if not article.deleted}
        titles = [title for title in texts if ":" not in title or " :" in title]
        answer = wikis.api(edition, generator="allpages", gaplimit=500, prop="info")
        assert sorted(pages(answer)) == sorted(titles)


def test_a_lagging_wiki_turns_requests_away_itself(wikis: Wikis) -> None:
    address = f"{wikis.base}/en/api.php?action=query&format=json&titles=Rawon&maxlag="
    with wikis.lagging(30):
        status, headers, body = fetch(address + "5")
        assert (status, headers["Retry-After"], headers["X-Database-Lag"]) == (200, "5", "30")
        assert json.loads(body)["error"]["code"] == "maxlag"
        assert "error" not in json.loads(fetch(address + "31")[2])
    assert "error" not in json.loads(fetch(address + "5")[2])


def test_refusals_are_counted_and_every_request_is_noted(wikis: Wikis) -> None:
    address = f"{wikis.base}/en/api.php?action=query&format=json"
    wikis.forget_hits()
    with wikis.refusing(2, status=429, retry_after=7):
        answers = [fetch(address) for _ in range(3)]
    assert [(status, headers.get("Retry-After")) for status, headers, _ in answers] == [
        (429, "7"),
        (429, "7"),
        (200, None),
    ]
    assert [(hit.method, hit.target, hit.status) for hit in wikis.hits()] == [
        ("GET", "/en/api.php?action=query&format=json", status) for status in (429, 429, 200)
    ]
    assert wikis.hits()[0].agent.startswith("Python-urllib")


def test_an_edit_makes_a_new_revision_until_it_is_taken_back(wikis: Wikis) -> None:
    before = revision(wikis, "fr", "Rawon")
    try:
        wikis.edit("fr", "Rawon", "Une soupe tout autre, au sassafras.")
        after = revision(wikis, "fr", "Rawon")
        assert after["parentid"] == before["revid"]
        hits = wikis.api("fr", list="search", srsearch="sassafras", srwhat="text")["query"]["search"]
        assert [hit["title"] for hit in hits] == ["Rawon"]
    finally:
        wikis.reset()
    assert revision(wikis, "fr", "Rawon") == before


def test_images_have_authors_licences_and_bytes(wikis: Wikis) -> None:
    query = {
        "action": "query", "format": "json", "formatversion": "2", "generator": "search", "gsrsearch": "rawon",
        "gsrnamespace": "6", "gsrwhat": "text", "prop": "imageinfo", "iiprop": "url|size|mime|sha1|extmetadata",
    }  # fmt: skip
    answer = json.loads(fetch(f"{wikis.commons}?{urllib.parse.urlencode(query)}")[2])
    images = {title: page["imageinfo"][0] for title, page in pages(answer).items()}
    assert {image["mime"] for image in images.values()} == {"image/jpeg", "image/png", "image/gif"}
    jpeg = images["File:Rawon in a bowl.jpg"]
    assert jpeg["sha1"] == images["File:Rawon, the same again.jpg"]["sha1"]
    assert jpeg["extmetadata"]["LicenseShortName"]["value"] in ("CC BY-SA 4.0", "CC0", "Public domain")
    assert jpeg["extmetadata"]["Artist"]["value"].startswith("Cook")
    with urllib.request.urlopen(jpeg["url"], timeout=60) as image:
        assert image.headers["Content-Type"] == "image/jpeg"
        assert len(image.read()) == jpeg["size"]


def test_the_servers_end_with_whoever_started_them(wikis: Wikis) -> None:
    script = Path(wiki_content.__file__).with_name("wikis.py")
    starter = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert starter.stdout
    base = starter.stdout.readline().strip()
    assert base != wikis.base
    assert fetch(f"{base}/en/api.php?action=query&format=json")[0] == 200
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{base}/alive", timeout=5).close()
        except OSError:
            return
        time.sleep(0.05)
    raise AssertionError("the server is still there")
