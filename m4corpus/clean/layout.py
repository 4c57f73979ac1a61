"""Opens tables that arrange a page rather than data, so that an article in a cell is read as one.

Before style sheets, pages put navigation, article and footer into the cells of a table. Every rule here is about
structure: what cells hold, how much of the page's text stands in them, how much of that is links.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from m4corpus.clean.flow import HEADINGS, UNREAD
from m4corpus.clean.paragraphs import part_paragraphs
from m4corpus.clean.parse import Element
from m4corpus.clean.unicode import inked

_SECTIONS = frozenset({"tbody", "tfoot"})
_STRUCTURE = HEADINGS | {"table", "ul", "ol", "dl", "form", "hr", "pre"}

#: Share of the page's text outside links that makes a cell or table the place of the article.
_MOST = 0.5
#: Share of it that stands in layout tables of a page with nothing to read around them.
_NEARLY_ALL = 0.9
#: Share of a cell's text inside links from which on it is navigation.
_LINKS = 0.5
#: A cell beside the article with more links than a few is navigation unless so much text, in characters, is around
#: each of them.
_FEW_LINKS = 2
_TEXT_FOR_LINK = 100
#: Longest caption of a picture in a table of its own, in characters.
_CAPTION = 300


@dataclass(slots=True)
class _Content:
    """What an element holds at any depth; ``text`` and ``linked`` count characters other than white space."""

    text: int = 0
    linked: int = 0
    links: int = 0
    images: int = 0
    forms: int = 0
    headings: int = 0
    paragraphs: int = 0
    structure: int = 0

    @property
    def prose(self) -> int:
        return self.text - self.linked

    @property
    def navigation(self) -> bool:
        return self.links > 0 and self.linked > _LINKS * self.text

    def add(self, other: _Content) -> None:
        self.text += other.text
        self.linked += other.linked
        self.links += other.links
        self.images += other.images
        self.forms += other.forms
        self.headings += other.headings
        self.paragraphs += other.paragraphs
        self.structure += other.structure


def open_layout(body: Element) -> None:
    """Turn the layout tables of ``body`` into divisions, without cells of navigation, in place.

    Where one cell, or else one table, holds most of the page's text, its loose text becomes paragraphs, and cells
    beside it stay only when they look like more of it; the division around all that becomes an ``article`` unless the
    page marks one itself or holds text outside such tables. A page without layout tables stays as it is. Linear in the
    size of ``body``.
    """
    if next(body.iter("table"), None) is None:
        return
    contents = _contents(body)
    enough = _MOST * contents[body].prose
    unruled = [table for table in body.iter("table") if _is_unruled(table)]
    tables = [table for table in unruled if any(_arranges(contents[cell], enough) for cell in _cells(table))]
    main = next((e for t in reversed(tables) for e in (*_cells(t), t) if contents[e].prose > enough), None)
    if main is not None:
        # A page laid out by tables puts a picture and its caption, a frame around a note, into one column too.
        layout = set(tables)
        tables = [table for table in unruled if table in layout or _is_column(table)]
    path = set() if main is None else {main, *main.iterancestors()}
    within = set() if main is None else set(main.iter())
    article = main
    marked = next(body.iter("article", "main"), None) is not None or not _within_tables(body, set(tables), contents)
    for table in reversed(tables):
        beside = main is not None and table not in within
        for cell in list(_cells(table)):
            if cell in path:
                continue
            content = contents[cell]
            if content.navigation or (beside and not _continues(content)):
                cell.drop_tree()
            elif beside and table in path and content.text:
                article = table
        _open(table, contents)
    if article is not None:
        if not marked:
            article.tag = "article"
        part_paragraphs(article)


def _contents(body: Element) -> dict[Element, _Content]:
    """Content of every element, parents summing up their children."""
    elements = list(body.iter())
    contents = {element: _Content() for element in elements}
    for element in reversed(elements):
        content, tag = contents[element], element.tag
        if tag in UNREAD:
            content.text = content.linked = 0
        else:
            content.text += inked(element.text)
        if tag == "a" and element.get("href") is not None:
            content.linked = content.text
            content.links += 1
        content.images += tag == "img"
        content.forms += tag == "form"
        content.headings += tag in HEADINGS
        content.paragraphs += tag == "p" or _is_second_break(element)
        content.structure += tag in _STRUCTURE
        if element is not body:
            above = contents[element.getparent()]
            above.add(content)
            above.text += inked(element.tail)
    return contents


def _is_second_break(element: Element) -> bool:
    before = element.getprevious() if element.tag == "br" else None
    return before is not None and before.tag == "br" and not inked(before.tail)


def _is_unruled(table: Element) -> bool:
    """Whether nothing says that a table holds data: no border, caption or header."""
    if table.get("border", "0").strip() not in ("", "0") or any(part.tag in ("caption", "thead") for part in table):
        return False
    return not any(cell.tag == "th" for row in _rows(table) for cell in row)


def _is_column(table: Element) -> bool:
    return all(len(row) <= 1 for row in _rows(table))


def _arranges(cell: _Content, enough: float) -> bool:
    """Whether a cell holds what no datum is made of."""
    return cell.structure > 0 or cell.paragraphs > 1 or cell.prose > enough


def _within_tables(body: Element, tables: set[Element], contents: dict[Element, _Content]) -> bool:
    """Whether nearly all text of the page and all its headings stand in layout tables."""
    outermost = [t for t in tables if not any(above in tables for above in t.iterancestors("table"))]
    headings = sum(contents[table].headings for table in outermost)
    prose = sum(contents[table].prose for table in outermost)
    return headings == contents[body].headings and prose >= _NEARLY_ALL * contents[body].prose


def _rows(table: Element) -> Iterator[Element]:
    for part in table:
        if part.tag == "tr":
            yield part
        elif part.tag in _SECTIONS:
            yield from part.iterchildren("tr")


def _cells(table: Element) -> Iterator[Element]:
    for row in _rows(table):
        yield from row.iterchildren("td")


def _continues(content: _Content) -> bool:
    """Whether a cell beside the article may be more of it: it has its form, and is neither a menu nor a form."""
    if content.forms or not content.headings + content.paragraphs:
        return False
    return content.links <= _FEW_LINKS or content.prose >= _TEXT_FOR_LINK * content.links


def _open(table: Element, contents: dict[Element, _Content]) -> None:
    cells = list(_cells(table))
    if (caption := _picture_caption(table, cells, contents)) is not None:
        for cell in cells:
            cell.tag = "figcaption" if cell is caption else "div"
        table.tag = "figure"
    else:
        for cell in cells:
            cell.tag = "div"
        table.tag = "div"
    for row in list(_rows(table)):
        row.tag = "div"
    for part in table:
        if part.tag in _SECTIONS:
            part.tag = "div"


def _picture_caption(table: Element, cells: list[Element], contents: dict[Element, _Content]) -> Element | None:
    """The cell under or over the only picture of a table that holds nothing else."""
    content = contents[table]
    told = [cell for cell in cells if contents[cell].text]
    if content.images != 1 or content.structure > 1 or len(told) != 1 or contents[told[0]].images:
        return None
    return told[0] if contents[told[0]].text <= _CAPTION and not content.linked else None
