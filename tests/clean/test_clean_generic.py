from __future__ import annotations

import logging

import pytest

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.ledger import Fail
from m4corpus.records import Document, Page

LONG = (
    "A kite is a light frame covered with paper, flown in the wind on a long string, and a festival celebrates it. " * 3
)


def clean(html: str, config: CleanConfig | None = None, media_type: str = "text/html") -> Document:
    return clean_page(Page("1", "test", "a.html", media_type, html), config or CleanConfig())


def blocks(document: Document) -> list[tuple[str, int, str]]:
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


def page(main: str, title: str = "Kites | Toys") -> str:
    return (
        f"<!DOCTYPE html><html><head><title>{title}</title></head><body>"
        "<nav><ul><li><a href='/'>Home</a></li><li><a href='/about'>About us</a></li></ul></nav>"
        f"<main><article><h1>Kites</h1><p>{LONG}</p>{main}<p>{LONG.replace('kite', 'dragon')}</p></article></main>"
        "<div class='cookie-banner'>We use cookies.</div><footer><p>Copyright, all rights reserved.</p></footer>"
        "</body></html>"
    )


def test_structure_survives_and_furniture_does_not() -> None:
    document = clean(
        page(
            "<h2>Kinds</h2><ul><li>Box<ul><li>Cody</li></ul></li><li>Delta</li></ul>"
            "<h3>Sizes</h3><table><tr><th>Name</th><th>Span</th></tr><tr><td>Rokkaku</td><td>2 m</td></tr></table>"
            "<blockquote><p>It flew.</p></blockquote>"
        )
    )
    assert (document.cleaner, document.title) == ("generic", "Kites")
    middle = [block for block in blocks(document) if block[0] not in ("paragraph",) and block[2] != "Kites"]
    assert middle == [
        ("heading", 2, "Kinds"),
        ("list_item", 1, "Box"),
        ("list_item", 2, "Cody"),
        ("list_item", 1, "Delta"),
        ("heading", 3, "Sizes"),
        ("table_row", 0, "Name | Span"),
        ("table_row", 0, "Rokkaku | 2 m"),
        ("quote", 0, "It flew."),
    ]
    assert "dragon is a light frame" in document.text
    for furniture in ("About us", "cookies", "Copyright"):
        assert furniture not in document.text


def test_raised_text_joiners_and_code_survive_trafilatura() -> None:
    code = "def f(x):\n    return x\n\nf(1)"
    document = clean(
        page(
            "<p>It rose 10<sup>3</sup> m with H<sub>2</sub>.</p><p>کتاب&zwnj;ها می\u200cخواهم 👨\u200d👩\u200d👧</p>"
            f"<pre>{code}</pre><pre><code>for a in b:\n    pass\n</code></pre>"
        )
    )
    assert "It rose 10³ m with H₂." in document.text
    assert "کتاب\u200cها می\u200cخواهم 👨\u200d👩\u200d👧" in document.text
    assert [text for kind, _, text in blocks(document) if kind == "code"] == [code, "for a in b:\n    pass"]


def test_figure_captions() -> None:
    figures = (
        "<figure><img src='a.png'></figure><figure><img src='b.png'><figcaption>A red kite</figcaption></figure>"
        "<p>After the figures the text goes on.</p>"
        "<figure><pre>x = 1\ny = 2</pre></figure>"
    )
    document = clean(page(figures))
    assert ("caption", 0, "A red kite") in blocks(document)
    assert ("code", 0, "x = 1\ny = 2") in blocks(document)
    assert "After the figures" in document.text
    assert "A red kite" not in clean(page(figures), CleanConfig(captions=False)).text


def test_a_short_page_in_wide_script_keeps_structure_and_loses_navigation() -> None:
    html = (
        "<html><head><title>風箏 - 網站</title></head><body><nav><a href='/'>首頁</a><a href='/a'>關於我們</a></nav>"
        "<main><article><h1>風箏</h1><p>風箏係一種用線牽引、借風力飛上天嘅玩具，\n有好長嘅歷史。</p><h2>歷史</h2>"
        "<p>相傳風箏最早喺中國出現，用竹同絲綢做成。</p></article></main><footer><p>版權所有</p></footer></body></html>"
    )
    assert blocks(clean(html)) == [
        ("heading", 1, "風箏"),
        ("paragraph", 0, "風箏係一種用線牽引、借風力飛上天嘅玩具，有好長嘅歷史。"),
        ("heading", 2, "歷史"),
        ("paragraph", 0, "相傳風箏最早喺中國出現，用竹同絲綢做成。"),
    ]


def test_a_page_that_marks_no_container_keeps_headings_and_lists() -> None:
    def title(level: int, text: str) -> str:
        heading = f'<h{level} class="title"><a name="x"></a>{text}</h{level}>'
        return f'<div class="titlepage"><div><div>{heading}</div></div></div>'

    html = (
        "<html><head><title>Kites</title></head><body><div class='navheader'><table><tr><td><a href='a'>Prev</a></td>"
        f"<td><a href='b'>Next</a></td></tr></table><hr></div><div class='sect1'>{title(2, 'Kites')}<p>{LONG}</p>"
        f"<div class='sect2'>{title(3, 'Kinds')}<p>{LONG.replace('kite', 'box kite')}</p>"
        "<div class='itemizedlist'><ul><li class='listitem'><p>Cody</p></li><li class='listitem'><p>Delta</p></li></ul>"
        f"</div><p>{LONG.replace('kite', 'delta')}</p></div></div>"
        "<div class='navfooter'><hr><table><tr><td><a href='a'>Prev</a></td></tr></table></div></body></html>"
    )
    document = clean(html)
    assert [b for b in blocks(document) if b[0] != "paragraph"] == [
        ("heading", 2, "Kites"),
        ("heading", 3, "Kinds"),
        ("list_item", 1, "Cody"),
        ("list_item", 1, "Delta"),
    ]
    assert "Prev" not in document.text


@pytest.mark.parametrize("html", ["<p>Just a fragment</p>", "Just a fragment", "<html><body><div>Just a fragment"])
def test_fragments(html: str) -> None:
    assert clean(html).text == "Just a fragment"


@pytest.mark.parametrize(
    ("html", "slug"),
    [
        ("", "empty-text"),
        (" \n ", "empty-text"),
        ("<!-- nothing -->", "empty-text"),
        ("<html><head><title>T</title></head><body><img src=a><script>var a = 1</script></body></html>", "empty-text"),
        ("<html><body><form><label>Name</label><button>Go</button></form></body></html>", "no-content"),
        ("<html><body><nav><p>Home</p></nav><footer><p>Copyright</p></footer></body></html>", "no-content"),
        ("<div>" * 200_000 + "x", "too-deep"),
        ("<b>" * 300 + "x", "too-deep"),
    ],
)
def test_pages_without_usable_text_fail(html: str, slug: str) -> None:
    with pytest.raises(Fail) as caught:
        clean(html)
    assert caught.value.slug == slug


def test_nesting_up_to_the_limit_is_read() -> None:
    assert clean("<html><body>" + "<div>" * 250 + f"<p>{LONG}</p>").text.startswith("A kite")
    with pytest.raises(Fail, match="too-deep"):
        clean("<html><body>" + "<div>" * 20 + "x", CleanConfig(max_depth=10))


def test_declared_encoding_is_ignored_in_decoded_text() -> None:
    declared = '<?xml version="1.0" encoding="iso-8859-1"?><html><head><meta charset="gbk"></head>'
    html = f"{declared}<body><p>凧 {LONG}</p></body></html>"
    assert clean(html, media_type="application/xhtml+xml").text.startswith("凧 A kite")


def test_it_says_nothing(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        clean(page(""))
    assert not [record for record in caplog.records if record.name.startswith("trafilatura")]
    assert capfd.readouterr() == ("", "")


def test_unknown_media_type_and_size() -> None:
    with pytest.raises(Fail, match="unknown-media-type"):
        clean("%PDF", media_type="application/pdf")
    with pytest.raises(Fail, match="too-large"):
        clean("x" * 11, CleanConfig(max_chars=10))


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>Kites | Toys</title>", "Kites"),
        ("<title>Toys</title><meta property='og:title' content='All kites'>", "All kites"),
        ("<title>Toys</title>", "Toys"),
        ("", "Kites"),
    ],
)
def test_title(head: str, title: str) -> None:
    assert clean(f"<html><head>{head}</head><body><h1>Kites</h1><p>{LONG}</p></body></html>").title == title
