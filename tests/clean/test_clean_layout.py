from __future__ import annotations

import time

import pytest

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.records import Document, Page

FIRST = "A kite is a light frame covered with paper, flown in the wind on a long string by one person or by two. " * 2
SECOND = "The frame is split bamboo, tied where the sticks cross, and the paper is glued over a thread around it. " * 2
THIRD = "In spring the fields are bare and the wind is steady, so that is when the whole village goes out to fly. " * 2
MENU = "<a href=/>Home</a> | <a href=/about>About us</a> | <a href=/list>Articles</a>"
FURNITURE = ("Home", "About us", "Articles", "The Attic", "Subscribe", "cookies", "Box kites")


def clean(html: str) -> Document:
    return clean_page(Page("1", "test", "a.html", "text/html", html), CleanConfig())


def blocks(html: str) -> list[tuple[str, int, str]]:
    document = clean(html)
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


def page(article: str, outside: str = "") -> str:
    """An old page: a table for the masthead, one with a menu, the article and a footer in its cells."""
    return (
        f"<HTML><HEAD><TITLE>Kites - The Attic</TITLE></HEAD><BODY>{outside}"
        "<TABLE WIDTH=100% BORDER=0><TR><TD><FONT SIZE=5><B>The Attic</B></FONT></TD><TD><FORM><INPUT NAME=q></FORM>"
        f"</TD></TR><TR><TD COLSPAN=2>{MENU}</TD></TR></TABLE>"
        "<TABLE WIDTH=780 CELLPADDING=8><TR VALIGN=top><TD WIDTH=160><B>More</B><BR>&#8226; <A HREF=a>Box kites</A><BR>"
        "&#8226; <A HREF=b>Drums</A><HR>Subscribe to our letter and hear of every new article first.<BR><FORM><INPUT>"
        f"</FORM></TD><TD><TABLE><TR><TD>{article}</TD></TR></TABLE></TD></TR>"
        "<TR><TD COLSPAN=2><FONT SIZE=1>The Attic collects short articles.<BR>This site uses cookies to work better. "
        f"<A HREF=#ok>Fine</A><BR>{MENU}</FONT></TD></TR></TABLE></BODY></HTML>"
    )


EXPECTED = [
    ("heading", 1, "Kites"),
    ("caption", 0, "A red kite over a field"),
    ("paragraph", 0, FIRST.strip()),
    ("heading", 2, "Making one"),
    ("paragraph", 0, SECOND.strip()),
    ("list_item", 1, "bamboo"),
    ("list_item", 1, "paper"),
    ("heading", 2, "Flying it"),
    ("paragraph", 0, THIRD.strip()),
    ("paragraph", 0, FIRST.strip()),
]
PICTURE = "<TABLE ALIGN=right><TR><TD><IMG SRC=a></TD></TR><TR><TD><I>A red kite over a field</I></TD></TR></TABLE>"
LIST = "<UL><LI>bamboo<LI>paper</UL>"


@pytest.mark.parametrize(
    "article",
    [
        f"<H1>Kites</H1>{PICTURE}<P><FONT SIZE=3>{FIRST}</FONT><H2>Making one</H2><P>{SECOND}{LIST}"
        f"<H2>Flying it</H2><P>{THIRD}<P>{FIRST}",
        f"<H1>Kites</H1>{PICTURE}<FONT SIZE=3>{FIRST}</FONT><BR><BR><P><FONT SIZE=+1><B>Making one</B></FONT><BR>"
        f"<FONT>{SECOND}</FONT><BR><BR>{LIST}<P><B>Flying it</B><BR><FONT>{THIRD}<BR>\n<BR>{FIRST}</FONT><BR><BR>",
        f"<H1>Kites</H1>{PICTURE}{FIRST}<BR><BR><B>Making one</B><BR><BR>{SECOND}{LIST}<CENTER><B>Flying it</B>"
        f"</CENTER>{THIRD}<BR><BR>{FIRST}",
    ],
    ids=["headings", "bold-lines", "loose"],
)
def test_an_article_in_a_cell_is_read_by_its_structure(article: str) -> None:
    assert blocks(page(article)) == EXPECTED


@pytest.mark.parametrize("outside", ["", "<P>Under construction.</P>"])
def test_furniture_in_cells_goes(outside: str) -> None:
    text = clean(page(f"<H1>Kites</H1><P>{FIRST}<P>{SECOND}<UL><LI>bamboo</UL><P>{THIRD}", outside)).text
    assert not [furniture for furniture in FURNITURE if furniture in text]
    assert "bamboo" in text


def test_a_data_table_in_a_layout_cell_stays_one() -> None:
    data = "<TABLE BORDER=1><CAPTION>Sizes</CAPTION><TR><TH>Name<TH>Span<TR><TD>Rokkaku<TD>2 m</TABLE>"
    found = blocks(page(f"<H1>Kites</H1><P>{FIRST}</P>{data}<P>{SECOND}"))
    assert [text for kind, _, text in found if kind == "table_row"][-2:] == ["Name | Span", "Rokkaku | 2 m"]


def test_a_title_in_a_row_of_its_own_and_a_second_cell_of_the_article_stay() -> None:
    html = (
        f"<BODY><TABLE><TR><TD>{MENU}</TD></TR><TR><TD><H1>Kites</H1></TD></TR><TR><TD><P>{FIRST}<P>{SECOND}</TD></TR>"
        f"<TR><TD><H2>Flying it</H2><P>{THIRD}</TD></TR><TR><TD>{MENU}</TD></TR></TABLE></BODY>"
    )
    assert blocks(html) == [
        ("heading", 1, "Kites"),
        ("paragraph", 0, FIRST.strip()),
        ("paragraph", 0, SECOND.strip()),
        ("heading", 2, "Flying it"),
        ("paragraph", 0, THIRD.strip()),
    ]


def test_an_article_spread_over_rows_of_one_table() -> None:
    rows = "".join(
        f"<TR><TD><B>Part {n}</B><BR>{text}<BR><BR>And so on.</TD></TR>"
        for n, text in enumerate((FIRST, SECOND, THIRD), 1)
    )
    found = blocks(f"<BODY><TABLE><TR><TD>{MENU}<HR></TD></TR>{rows}</TABLE></BODY>")
    assert found[:3] == [("heading", 2, "Part 1"), ("paragraph", 0, FIRST.strip()), ("paragraph", 0, "And so on.")]
    assert [text for kind, _, text in found if kind == "heading"] == ["Part 1", "Part 2", "Part 3"]


def test_bold_text_that_is_no_heading_stays_in_its_paragraph() -> None:
    long = "Never fly near a power line, whatever the wind " * 4
    found = blocks(
        page(
            f"<H1>Kites</H1><P>{FIRST}<P><B>Mind the wires.</B><BR>{SECOND}<P><B>{long}</B><BR>{THIRD}"
            f"<P><B>Kites</B> fly.<P>{SECOND}"
        )
    )
    assert [text for kind, _, text in found if kind == "heading"] == ["Kites"]
    assert ("paragraph", 0, f"Mind the wires. {SECOND.strip()}") in found
    assert ("paragraph", 0, "Kites fly.") in found


def test_a_page_with_a_plain_data_table_is_left_alone() -> None:
    rows = "<tr><td>Rokkaku</td><td>2 m</td></tr><tr><td>Delta</td><td>3 m</td></tr>"
    found = blocks(f"<body><h1>Kites</h1><p>{FIRST}</p><table>{rows}</table><p>{SECOND}<br><br>{THIRD}</p></body>")
    assert [text for kind, _, text in found if kind == "table_row"] == ["Rokkaku | 2 m", "Delta | 3 m"]


@pytest.mark.parametrize(
    "unit",
    [
        "<p><b>x</b><br>y",
        "a<b></b>",
        "x<font>y</font><br><br>",
        "<a name=x></a>text",
        "<table><tr><td><p>x<p>y</table>",
        "<div>x</div>y",
    ],
)
def test_time_grows_with_the_page(unit: str) -> None:
    def took(count: int) -> float:
        from m4corpus.clean.layout import open_layout
        from m4corpus.clean.parse import parse_html

        body = parse_html(f"<body><table><tr><td><h1>K</h1>{unit * count}</td></tr></table></body>", 256).find("body")
        start = time.process_time()
        open_layout(body)
        return time.process_time() - start

    took(100)
    # Ten times the page; a cost that grew with its square would be a hundred times. The best of three has no neighbour.
    assert min(took(40_000) for _ in range(3)) < 40 * max(0.02, min(took(4_000) for _ in range(3)))
