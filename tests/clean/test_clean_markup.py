"""Blocks of what the parsers of MediaWiki 1.39, 1.43 and Parsoid write, from the rules of the markup."""

from __future__ import annotations

import time

import pytest

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.records import Page


def blocks(inner: str) -> list[tuple[str, int, str]]:
    html = f'<div class="mw-content-ltr mw-parser-output" lang="en" dir="ltr">{inner}</div>'
    document = clean_page(Page("1", "test", "a.html", "text/html", html), CleanConfig())
    assert document.cleaner == "mediawiki"
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


def rows(table: str) -> list[str]:
    return [text for kind, _, text in blocks(f'<table class="wikitable"><tbody>{table}</tbody></table>')]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "<tr><th>City</th><th>Year</th><th>People</th></tr><tr><td rowspan=2>Solo</td><td>1990</td><td>1</td></tr>"
            "<tr><td>2000</td><td>2</td></tr><tr><td colspan=2>Both</td><td>3</td></tr>",
            ["City | Year | People", "Solo | 1990 | 1", "Solo | 2000 | 2", "Both | 3"],
        ),
        (
            "<tr><td>a</td><td rowspan=3>b</td><td rowspan=2>c</td></tr><tr><td>d</td></tr>"
            "<tr><td>e</td><td>f</td></tr>",
            ["a | b | c", "d | b | c", "e | b | f"],
        ),
        (
            "<tr><td colspan=2 rowspan=2>a</td><td>b</td></tr><tr><td>c</td></tr>"
            "<tr><td>d</td><td>e</td><td>f</td></tr>",
            ["a | b", "a | c", "d | e | f"],
        ),
        ("<tr><th rowspan=0>a</th><td>b</td></tr><tr><td>c</td></tr>", ["a | b", "a | c"]),
        (f"<tr><td rowspan=2>{'long ' * 30}</td><td>b</td></tr><tr><td>c</td></tr>", [f"{'long ' * 30}| b", "c"]),
        ("<tr><td rowspan=x colspan=-1>a</td></tr><tr><td>b</td></tr>", ["a", "b"]),
        ("<tr><td>10<sup>3</sup></td><td>H<sub>2</sub>O</td></tr>", ["10³ | H₂O"]),
        ("<tr><td><ul><li>a</li><li>b</li></ul></td><td>c<br>d</td></tr>", ["a b | c d"]),
        ("<tr><td>a</td><td><table><tr><td>b</td><td>c</td></tr></table></td></tr>", ["a", "b | c"]),
        ("<tr><th>Flag</th><td><a><img src=x></a></td></tr><tr><th>Head</th><td>Ann</td></tr>", ["Head | Ann"]),
        ("<tr><th>Coordinates</th><td><span class=geo-inline>1°N</span></td></tr><tr><td>x</td></tr>", ["x"]),
    ],
)
def test_tables_are_rows(table: str, expected: list[str]) -> None:
    assert rows(table) == expected


def test_spans_cost_no_more_than_the_table() -> None:
    table = f"<tr>{'<td rowspan=60000>label</td>' * 500}</tr>" + "<tr><td>x</td></tr>" * 2000
    start = time.process_time()
    rows(table)
    assert time.process_time() - start < 5


def test_lists_in_lists() -> None:
    html = (
        "<dl><dt>Term</dt><dd>One</dd><dd>Two<ul><li>Sub</li></ul></dd></dl>"
        "<ol><li>a<ul><li>b<dl><dd>c</dd></dl></li></ul>tail</li></ol>"
    )
    assert blocks(html) == [
        ("list_item", 1, "Term"),
        ("list_item", 1, "One"),
        ("list_item", 1, "Two"),
        ("list_item", 2, "Sub"),
        ("list_item", 1, "a"),
        ("list_item", 2, "b"),
        ("list_item", 3, "c"),
        ("list_item", 1, "tail"),
    ]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("m<sup>−2</sup>, <sup>14</sup>C, x<sup>2</sup><sub>i</sub>, 1<sup>er</sup>", "m⁻², ¹⁴C, x²ᵢ, 1ᵉʳ"),
        ('<span class="frac"><span class="num">1</span>&frasl;<span class="den">2</span></span> cup', "1⁄2 cup"),
        ('A<sup class="reference"><a href="#n"><span class="cite-bracket">[</span>1</a></sup>.', "A."),
        ('A<sup class="mw-ref reference" typeof="mw:Extension/ref"><a><span>[2]</span></a></sup>.', "A."),
        ('A<span id="coordinates"><a>Coordinates</a>: <span class="geo">1; 2</span></span>.', "A."),
        ('A <span class="geo-inline"><span class="geo-dms">1°N</span></span>b', "A b"),
        ("<ruby><rb>東京</rb><rp>（</rp><rt>とうきょう</rt><rp>）</rp></ruby>は", "東京(とうきょう)は"),
        ("<ruby>漢<rt>かん</rt>字<rt>じ</rt></ruby>", "漢(かん)字(じ)"),
        ('قال <bdi>RAG</bdi> و<span dir="ltr">abc</span>&#8206; نص.', "قال RAG وabc\u200e نص."),
        ("Roses are red<br />\nViolets are blue", "Roses are red Violets are blue"),
        ("long<wbr>word <code>x = 1</code> <abbr title=t>ab</abbr>&shy;c", "longword x = 1 abc"),
        ('<span class="ext-phonos"><a>ⓘ</a></span>said <span class="IPA">[a]</span>', "said [a]"),
        (
            'so <span class="mwe-math-element"><span style="display: none;"><math alttext="{\\displaystyle a_{1}}">'
            '</math></span><img alt="{\\displaystyle a_{1}}"></span>.',
            "so a_{1}.",
        ),
    ],
)
def test_lines(markup: str, text: str) -> None:
    assert blocks(f"<p>{markup}</p>") == [("paragraph", 0, text)]


def test_poems_and_code() -> None:
    html = (
        '<div class="poem"><p>Red<br />\nblue</p></div><pre>a\n  b &lt; c\n</pre><div class="mw-highlight" dir="ltr">'
        '<pre><span></span><span class="k">if</span> x:\n    <span class="k">pass</span>\n</pre></div>'
    )
    assert blocks(html) == [
        ("paragraph", 0, "Red blue"),
        ("code", 0, "a\n  b < c"),
        ("code", 0, "if x:\n    pass"),
    ]


@pytest.mark.parametrize(
    "thumb", ['<div class="thumb"><div><a><img></a></div></div>', '<span typeof="mw:File"><img></span>']
)
def test_galleries(thumb: str) -> None:
    html = (
        '<ul class="gallery mw-gallery-packed"><li class="gallerycaption">Bowls</li><li class="gallerybox">'
        f'<div>{thumb}<div class="gallerytext">\n<p>One <i>dish</i>\n</p></div></div></li></ul>'
    )
    assert blocks(html) == [("caption", 0, "Bowls"), ("caption", 0, "One dish")]


def test_infoboxes() -> None:
    html = (
        '<table class="infobox"><tbody><tr><th colspan="2" class="infobox-above">Rawon</th></tr><tr><td colspan="2">'
        '<span typeof="mw:File"><img></span><div class="infobox-caption">Bowl</div></td></tr><tr><th scope="row">Place'
        '</th><td><div class="plainlist"><ul><li>Java</li><li>Bali</li></ul></div></td></tr><tr><td colspan="2">'
        '<div class="navbar plainlinks"><ul><li>v</li><li>e</li></ul></div></td></tr></tbody></table>'
    )
    assert [text for _, _, text in blocks(html)] == ["Rawon", "Bowl", "Place | Java Bali"]


@pytest.mark.parametrize(
    "heading",
    [
        '<h2><span id="x"></span><span class="mw-headline" id="X">H<sub>2</sub></span>{edit}</h2>',
        '<div class="mw-heading mw-heading2"><h2 id="X">H<sub>2</sub></h2>{edit}</div>',
        '<section data-mw-section-id="1"><h2 id="X">H<sub>2</sub></h2></section>',
    ],
    ids=["1.39", "1.43", "parsoid"],
)
def test_headings(heading: str) -> None:
    edit = '<span class="mw-editsection"><span>[</span><a>edit</a><span>]</span></span>'
    assert blocks(f"{heading.format(edit=edit)}<p>x</p>") == [("heading", 2, "H₂"), ("paragraph", 0, "x")]
