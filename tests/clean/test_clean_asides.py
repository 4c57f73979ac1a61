from __future__ import annotations

import pytest

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.records import Page

LONG = "A kite is a light frame covered with paper, flown in the wind on a long string, and a feast celebrates it. " * 3
LEAD = "Every spring the village flies its kites from the hill, and this year the oldest was a hundred years old."


def text(html: str) -> str:
    return clean_page(Page("1", "test", "a.html", "text/html", html), CleanConfig()).text


def page(middle: str = "", before: str = "", after: str = "") -> str:
    return (
        f"<html><head><title>Kites</title></head><body><nav><a href='/'>Home</a></nav><div class='page'><h1>Kites</h1>"
        f"{before}<article class='story'><p>{LONG}</p>{middle}<p>{LONG.replace('kite', 'dragon')}</p></article>{after}"
        "</div></body></html>"
    )


@pytest.mark.parametrize(
    "line",
    [
        "<p>Read more: <a href='/x'>How the dragon kites came to the north</a></p>",
        "<p><a href='/x'>How the dragon kites came to the north</a></p>",
        "<p><b>Read these too:</b></p><p><a href='/x'>How the dragon kites came to the north</a></p>",
        "<h3>More about this</h3><p>» <a href='/x'>How the dragon kites came to the north</a></p>",
        "<p>Foto: Ann Other/dpa</p>",
        "<p>(Credit: Ann Other)</p>",
        "<p>© Ann Other</p>",
        "<figure><img src='a.png'><figcaption>Photo by: Ann Other</figcaption></figure>",
        "<figure><a href='https://shop.example/?from=us'><img src='a.png'></a><figcaption>Buy our dragon</figcaption>"
        "</figure>",
    ],
)
def test_lines_that_are_no_part_of_the_text_go(line: str) -> None:
    assert text(page(line)) == text(page())


@pytest.mark.parametrize(
    "line",
    [
        "<p>Read <a href='/x'>how the dragon kites came to the north</a> and what became of them there.</p>",
        "<p>PDF: <a href='/x'>dragon-kites</a></p>",
        "<p>Photos show that dragon kites: red ones, blue ones.</p>",
    ],
)
def test_text_with_links_and_words_for_pictures_stays(line: str) -> None:
    assert "dragon-kites" in text(page(line)) or "dragon kites" in text(page(line))


def test_a_list_of_linked_paragraphs_stays_what_it_is() -> None:
    links = "".join(f"<p><a href='/{n}'>Number {n}: how dragon kites came to village {n}</a></p>" for n in range(90))
    assert "village 80" in text(f"<html><body><article><h1>All</h1>{links}</article></body></html>")


@pytest.mark.parametrize(
    "before",
    [
        f"<div class='teaser-text'><p>{LEAD}</p></div>",
        f"<div class='article-intro'>{LEAD}</div>",
        f"<header><h2>{LEAD}</h2></header>",
    ],
)
def test_the_lead_between_title_and_text_is_put_back(before: str) -> None:
    assert text(page(before=before)).replace("Kites\n\n", "", 1).startswith(LEAD)


@pytest.mark.parametrize(
    "before",
    [
        f"<div class='share-box'><p>{LEAD}</p></div>",
        f"<aside><p>{LEAD}</p></aside>",
        f"<figure><figcaption>{LEAD}</figcaption></figure>",
        f"<div style='display: none'><p>{LEAD}</p></div>",
        "<div class='date'>12 May 2026, by Ann Other</div>",
    ],
)
def test_what_stands_beside_the_text_is_not(before: str) -> None:
    assert LEAD not in text(page(before=before))
    assert "Ann Other" not in text(page(before=before))


def test_boxes_of_the_same_make_are_one_text() -> None:
    parts = "".join(
        f"<div class='module'><div class='text'><p>{LONG.replace('kite', word)}</p></div></div>"
        for word in ("box kite", "delta", "sled", "rokkaku")
    )
    found = text(f"<html><body><h1>Kites</h1><div class='shell'>{parts}</div></body></html>")
    places = [found.find(f"A {word} is") for word in ("box kite", "delta", "sled", "rokkaku")]
    assert -1 not in places
    assert places == sorted(places)


def test_nothing_is_put_back_twice() -> None:
    before = f"<div class='intro-desktop'><p>{LEAD}</p></div><div class='intro-mobile'><p>{LEAD}</p></div>"
    assert text(page(before=before)).count(LEAD) == 1
