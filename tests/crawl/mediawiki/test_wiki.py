"""Against real wikis: MediaWiki 1.39 and, where markup is concerned, 1.43."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from plain_fetcher import PlainFetcher, fetching
from wikis import Wikis

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.crawl.mediawiki import ImageInfo, Pin, Rendered, Wiki, api
from m4corpus.crawl.mediawiki.answers import continuation, data
from m4corpus.crawl.messages import Failed, Request
from m4corpus.ledger import Drop, Verdict
from m4corpus.records import Page

T = TypeVar("T")


def asking(wikis: Wikis, work: Callable[[Wiki, PlainFetcher], Awaitable[T]], **options: Any) -> T:
    """Runs ``work`` with a wiki of ``options`` (of ``WikiConfig``) and the fetcher it asks."""
    config = wikis.wiki_config(**options)
    return fetching(wikis.politeness(), lambda fetcher: work(Wiki(fetcher, config), fetcher))


def pinned(found: Pin | Verdict) -> Pin:
    assert isinstance(found, Pin), repr(found)
    return found


def slug(found: Pin | Verdict) -> str:
    assert isinstance(found, Drop), repr(found)
    return found.slug


def pageids(wikis: Wikis, edition: str, limit: int) -> list[int]:
    found = wikis.api(edition, list="allpages", aplimit=limit, apfilterredir="nonredirects")["query"]["allpages"]
    return [page["pageid"] for page in found]


# --- search


def test_a_search_goes_on_until_it_has_enough(wikis: Wikis) -> None:
    truth = wikis.api("en", list="search", srsearch="dish", srwhat="text", srlimit=500)["query"]["search"]
    assert len(truth) > 60

    async def work(wiki: Wiki, fetcher: PlainFetcher) -> None:
        for limit, requests in ((len(truth), 2), (55, 2), (50, 1), (7, 1), (500, 2)):
            fetcher.asked.clear()
            hits = await wiki.search("en", "dish", limit)
            assert [hit.pageid for hit in hits] == [hit["pageid"] for hit in truth][:limit]
            assert len(fetcher.asked) == requests

    asking(wikis, work)


def test_a_search_without_hits_is_an_answer(wikis: Wikis) -> None:
    assert asking(wikis, lambda wiki, fetcher: wiki.search("en", "nothing of the kind", 10)) == []


def test_namespaces_narrow_a_search(wikis: Wikis) -> None:
    hits = asking(wikis, lambda wiki, fetcher: wiki.search("en", "broth", 10), namespaces=[1])
    assert [hit.title for hit in hits] == ["Talk:Rawon"]


# --- language links


def test_language_links_are_continued_and_in_house_codes(wikis: Wikis) -> None:
    async def work(wiki: Wiki, fetcher: PlainFetcher) -> tuple[Any, Any, int]:
        few = Wiki(fetcher, wiki.config, links=3)
        pins = await wiki.pin_titles("en", ["Rawon", "Okonomiyaki", "Salt/Pepper + C", "Ful"])
        numbers = [pinned(pin).pageid for pin in pins.values()]
        at_once = await wiki.langlinks("en", numbers)
        fetcher.asked.clear()
        in_pieces = await few.langlinks("en", numbers[::-1])
        titles = {pin.title: at_once[pin.pageid] for pin in map(pinned, pins.values())}
        return titles, (at_once, in_pieces), len(fetcher.asked)

    titles, (at_once, in_pieces), requests = asking(wikis, work)
    assert at_once == in_pieces
    assert list(at_once) == list(in_pieces)
    assert requests >= 5
    assert titles["Rawon"]["zh-yue"] == "拉翁"
    assert titles["Salt/Pepper + C"] == {"zh-yue": "鹽"}
    assert titles["Okonomiyaki"]["ru"] == "Окономияки"
    assert titles["Ful"] == {}


def test_language_links_of_many_pages_take_a_request_for_fifty(wikis: Wikis) -> None:
    numbers = pageids(wikis, "en", 70)
    assert len(numbers) == 70

    async def work(wiki: Wiki, fetcher: PlainFetcher) -> None:
        found = await wiki.langlinks("en", numbers)
        assert list(found) == sorted(numbers)
        assert len(fetcher.asked) == 2
        assert any(found.values())

    asking(wikis, work)


# --- pins


def test_pages_are_pinned_fifty_at_a_time_whatever_their_order(wikis: Wikis) -> None:
    async def work(wiki: Wiki, fetcher: PlainFetcher) -> tuple[dict[int, Pin | Verdict], list[Request]]:
        numbers = list(range(1, 105))
        random.Random(1).shuffle(numbers)
        found = await wiki.pin("en", numbers)
        assert list(found) == sorted(numbers)
        return found, fetcher.asked

    found, asked = asking(wikis, work)
    again, asked_again = asking(wikis, work)
    assert [request.kind for request in asked] == ["pin", "pin", "pin", "title"]
    assert [request.url for request in asked] == [request.url for request in asked_again]
    assert {key: value for key, value in found.items() if isinstance(value, Pin)} == {
        key: value for key, value in again.items() if isinstance(value, Pin)
    }
    titles = {pin.redirected_from or pin.title: pin for pin in found.values() if isinstance(pin, Pin)}
    rawon = titles["Rawon"]
    assert rawon.timestamp == "2025-01-01T00:15:00Z"
    assert found[rawon.pageid] == rawon
    for title in ("Black beef soup", "Black soup of Java", "Keluak seed"):
        assert titles[title] == Pin("en", rawon.pageid, "Rawon", rawon.revision, rawon.timestamp, title)
    assert slug(found[104]) == "missing-page"
    broken = wikis.api("en", titles="Redirect to nowhere")["query"]["pages"][0]["pageid"]
    assert slug(found[broken]) == "missing-page"


def test_titles_are_resolved_as_the_wiki_does(wikis: Wikis) -> None:
    stubs = [page["title"] for page in wikis.api("en", list="allpages", aplimit=60)["query"]["allpages"]]
    asked = ["rawon", "Black_beef soup", "Rawon#Making", "Not a dish", "Redirect to nowhere", "a[b", "x|y",
             "jv:Rawon", "Special:Version", "Cre\u0302pe & cidre", 'What is a "dish"? 100% answered',
             "Salt/Pepper + C"]  # fmt: skip
    found = asking(wikis, lambda wiki, fetcher: wiki.pin_titles("en", [*stubs, *asked]))
    assert list(found) == sorted({*stubs, *asked})
    assert {pinned(found[title]).title for title in ("rawon", "Black_beef soup", "Rawon#Making")} == {"Rawon"}
    assert pinned(found["Black_beef soup"]).redirected_from == "Black beef soup"
    assert pinned(found["rawon"]).redirected_from == ""
    assert pinned(found["Cre\u0302pe & cidre"]).title == "Crêpe & cidre"
    for title in (asked[-1], asked[-2]):
        assert pinned(found[title]).title == title
    slugs = {title: slug(found[title]) for title in asked if not isinstance(found[title], Pin)}
    assert slugs == {
        "Not a dish": "missing-page", "Redirect to nowhere": "missing-page", "a[b": "invalid-title",
        "x|y": "invalid-title", "jv:Rawon": "interwiki", "Special:Version": "special-page",
    }  # fmt: skip


def test_redirects_in_a_circle_lead_nowhere(wikis: Wikis) -> None:
    try:
        wikis.edit("en", "Round", "#REDIRECT [[And round]]")
        wikis.edit("en", "And round", "#REDIRECT [[Round]]")
        wikis.edit("en", "Abroad", "#REDIRECT [[fr:Rawon]]")
        made = wikis.api("en", titles="Round|And round|Abroad")["query"]["pages"]
        numbers = {page["title"]: page["pageid"] for page in made}
        found = asking(wikis, lambda wiki, fetcher: wiki.pin("en", numbers.values()))
    finally:
        wikis.reset()
    slugs = {title: slug(found[number]) for title, number in numbers.items()}
    assert slugs == {"Round": "redirect-loop", "And round": "redirect-loop", "Abroad": "interwiki"}


def test_as_of_takes_the_revision_of_that_time(wikis: Wikis) -> None:
    async def work(wiki: Wiki, fetcher: PlainFetcher) -> tuple[dict[str, Pin | Verdict], Rendered]:
        found = await wiki.pin_titles("en", ["Rawon", "Black beef soup", "Gudeg"])
        rawon = pinned(found["Rawon"])
        by_id = await wiki.pin("en", [rawon.pageid, pinned(found["Black beef soup"]).pageid, 9999])
        assert by_id[rawon.pageid] == rawon
        assert slug(by_id[9999]) == "missing-page"
        return found, await wiki.html("en", rawon)

    found, html = asking(wikis, work, as_of="2024-06-30T00:00:00Z")
    assert pinned(found["Rawon"]).timestamp == "2024-01-02T00:15:00Z"
    assert pinned(found["Black beef soup"]).revision == pinned(found["Rawon"]).revision
    assert slug(found["Gudeg"]) == "after-as-of"
    assert "second draft" in html.html
    oldest = asking(wikis, lambda wiki, fetcher: wiki.pin_titles("en", ["Rawon"]), as_of="2023-06-30T00:00:00Z")
    assert pinned(oldest["Rawon"]).revision < pinned(found["Rawon"]).revision


# --- HTML


@pytest.mark.parametrize("parser", ["legacy", "parsoid"])
def test_a_pinned_revision_stays_what_it_was_when_the_page_is_edited(wikis: Wikis, parser: str) -> None:
    async def work(wiki: Wiki, fetcher: PlainFetcher) -> tuple[Pin, Pin, Rendered, Rendered]:
        before = pinned((await wiki.pin_titles("en", ["Koshary"]))["Koshary"])
        html = await wiki.html("en", before)
        await asyncio.to_thread(wikis.edit, "en", "Koshary", "Somebody emptied the bowl.")
        after = pinned((await wiki.pin_titles("en", ["Koshary"]))["Koshary"])
        assert "emptied" in (await wiki.html("en", after)).html
        return before, after, html, await wiki.html("en", before)

    try:
        before, after, html, html_again = asking(wikis, work, html=parser)
    finally:
        wikis.reset()
    assert after.pageid == before.pageid
    assert after.revision > before.revision
    assert "lentils" in html.html
    assert html_again == html


@pytest.mark.parametrize("release", ["wikis", "newer_wikis"])
@pytest.mark.parametrize("edition", ["en", "zh-yue", "arz"])
def test_both_parsers_clean_to_the_same_text(request: pytest.FixtureRequest, release: str, edition: str) -> None:
    family: Wikis = request.getfixturevalue(release)

    async def render(wiki: Wiki, fetcher: PlainFetcher) -> dict[str, Rendered]:
        pins = await wiki.pin(edition, sorted(pageids(family, edition, 500))[:30])  # the stubs come after
        assert not any(isinstance(pin, Verdict) for pin in pins.values())
        rendered = await asyncio.gather(*(wiki.html(edition, pinned(pin)) for pin in pins.values()))
        return {pinned(pin).title: html for pin, html in zip(pins.values(), rendered, strict=True)}

    legacy, parsoid = (asking(family, render, html=parser) for parser in ("legacy", "parsoid"))
    assert legacy.keys() == parsoid.keys()
    assert len(legacy) > 5
    for title, html in legacy.items():
        if title == "Blank page":
            continue
        assert _clean(html) == _clean(parsoid[title]), title
        assert html.title == parsoid[title].title == title
        # The legacy parser also counts the categories MediaWiki keeps for maintenance.
        assert [name for name in html.categories if name in parsoid[title].categories] == list(
            parsoid[title].categories
        )
    if edition == "en":
        assert legacy["Rawon"].categories == ("Dishes",)
        assert len(_clean(legacy["Kitchen measures"])[1]) > 30  # which has every markup there is


def _clean(rendered: Rendered) -> tuple[str, list[tuple[str, int, str]]]:
    """Text and blocks (kind, level, text) of a rendering."""
    document = clean_page(Page("id", "wiki", "here", "text/html", rendered.html, rendered.title), CleanConfig())
    assert document.cleaner == "mediawiki"
    return document.text, [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


@pytest.mark.parametrize(("parser", "slug"), [("legacy", "api-nosuchrevid"), ("parsoid", "http-status")])
def test_a_revision_that_is_gone_fails(wikis: Wikis, parser: str, slug: str) -> None:
    with pytest.raises(Failed) as failed:
        asking(wikis, lambda wiki, fetcher: wiki.html("en", Pin("en", 1, "Gone", 99_999, "")), html=parser)
    assert failed.value.slug == slug
    assert not failed.value.transient


def test_a_revision_whose_text_was_hidden_fails(wikis: Wikis) -> None:
    as_of = {"as_of": "2024-06-30T00:00:00Z"}
    pin = pinned(asking(wikis, lambda wiki, fetcher: wiki.pin_titles("en", ["Rawon"]), **as_of)["Rawon"])
    try:
        with sqlite3.connect(wikis.site.folder / "data" / "enwiki.sqlite") as connection:
            connection.execute("UPDATE revision SET rev_deleted = 1 WHERE rev_id = ?", [pin.revision])
        connection.close()
        with pytest.raises(Failed) as failed:
            asking(wikis, lambda wiki, fetcher: wiki.html("en", pin))
    finally:
        wikis.reset()
    assert failed.value.slug == "api-permissiondenied"


@pytest.mark.parametrize("parser", ["legacy", "parsoid"])
def test_a_revision_that_was_a_redirect_is_no_article(wikis: Wikis, parser: str) -> None:
    page = wikis.api("en", titles="Black beef soup", prop="revisions", rvprop="ids")["query"]["pages"][0]
    pin = Pin("en", page["pageid"], page["title"], page["revisions"][0]["revid"], "")
    with pytest.raises(Failed) as failed:
        asking(wikis, lambda wiki, fetcher: wiki.html("en", pin), html=parser)
    assert failed.value.slug == "was-redirect"


# --- files


def test_files_come_with_what_is_needed_to_credit_them(wikis: Wikis) -> None:
    found = asking(wikis, lambda wiki, fetcher: wiki.image_search(wikis.commons, "rawon", 50, width=40))
    titles = [image.title for image in found]
    assert "File:Rawon on a table.png" in titles
    image = found[titles.index("File:Rawon in a bowl.jpg")]
    assert (image.mime, image.width, image.height) == ("image/jpeg", 64, 48)
    assert image.author.startswith("Cook ")
    assert image.licence
    assert len(image.sha1) == 40
    same = found[titles.index("File:Rawon, the same again.jpg")]
    assert (same.sha1, same.size) == (image.sha1, image.size)
    assert image.thumb_url


def test_files_keep_the_order_of_the_search_over_several_answers(wikis: Wikis) -> None:
    async def work(wiki: Wiki, fetcher: PlainFetcher) -> list[ImageInfo]:
        at_once = await wiki.image_search(wikis.commons, "dish", 50)
        pieces: dict[int, ImageInfo] = {}
        go_on = None
        while True:
            asked = api.image_search(wikis.commons, "dish", limit=5, what="text", go_on=go_on)
            answer = data(await fetcher.get(asked))
            pieces |= api.images(answer)
            go_on = continuation(answer)
            if go_on is None:
                break
        assert len(fetcher.asked) > 4
        assert [pieces[place] for place in sorted(pieces)] == at_once
        assert await wiki.image_search(wikis.commons, "dish", 5) == at_once[:5]
        return at_once

    assert len(asking(wikis, work)) > 15


# --- a busy wiki


def test_a_lagging_wiki_is_asked_again_when_it_says(wikis: Wikis) -> None:
    async def work(fetcher: PlainFetcher) -> None:
        with wikis.lagging(30):
            search = asyncio.create_task(Wiki(fetcher, wikis.wiki_config()).search("en", "dish", 5))
            while not fetcher.troubles:
                await asyncio.sleep(0.01)
        assert len(await search) == 5
        [(slug, seconds)] = fetcher.troubles
        assert slug == "maxlag"
        assert seconds >= 5  # Retry-After of MediaWiki
        assert [response.status for response in fetcher.responses] == [200, 200]

    fetching(wikis.politeness(maxlag=5, max_wait=10), work)


def test_a_wiki_that_lags_too_long_fails_for_now(wikis: Wikis) -> None:
    with wikis.lagging(30):
        found = asking(wikis, lambda wiki, fetcher: wiki.pin("en", [1, 2]))
    assert {
        number: (verdict.slug, verdict.transient) for number, verdict in found.items() if isinstance(verdict, Failed)
    } == {
        1: ("retry-later", True),
        2: ("retry-later", True),
    }


def test_an_overloaded_wiki_is_asked_again(wikis: Wikis) -> None:
    async def work(wiki: Wiki, fetcher: PlainFetcher) -> None:
        with wikis.refusing(2, status=503, retry_after=0):
            hits = await wiki.search("en", "dish", 3)
        assert len(hits) == 3
        assert [response.status for response in fetcher.responses] == [503, 503, 200]

    asking(wikis, work)
