"""Finds the element that holds the main text of a page where the page marks none.

Manuals and reference pages (DocBook's output is one) often hold their text in plain divisions: no ``article``, no
``main``, no telling name, and nothing but text inside. A guesser collects loose paragraphs from such a page and leaves
headings, lists and notes behind; the element around the prose can be read by its own structure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from m4corpus.clean.flow import HEADINGS, ROLES, UNREAD
from m4corpus.clean.parse import Element, is_styled_away
from m4corpus.clean.unicode import inked

_BOXES = frozenset({"center", "div", "section", "table", "tbody", "td", "tr"})
#: What prose stands in; tables and bare divisions hold menus and the names of neighbouring pages as well.
_PROSE = HEADINGS | {"blockquote", "dd", "dt", "li", "p", "pre"}
_LINES = frozenset({"a", "div", "p"})
_LISTS = ("ul", "ol", "dl")
_FORMS = frozenset({"button", "form", "iframe", "input", "select", "textarea"})
_NAMED = frozenset({"div", "dl", "ol", "section", "ul"})
#: Words that open a class name, or a part of it, of what stands beside an article or under it.
_BESIDE = re.compile(
    r"(?:^|[-_\s])(?:author|byline|comment|footer|menu|nav|shar|sidebar|social|teaser|widget)"
    r"|(?<=[a-z])(?:Author|Byline|Comment|Footer|Menu|Nav|Shar|Sidebar|Social|Teaser|Widget)",
    re.IGNORECASE,
)
_ROLES = frozenset({"banner", "complementary", "contentinfo", "navigation", "search"})
_SECTIONS = ("article", "aside", "main", "nav", "section")
#: What says where the content is, to any reader of the page.
_MARKS = "boolean(.//article | .//main | .//*[@role='main' or @role='article' or @id='content'])"

#: Share of the prose the container holds.
_MOST = 0.95
#: A container without a heading grows up to the nearest one unless that makes its text so many times as long.
_LITTLE_MORE = 1.5
#: Text outside the container, links aside: at most this share of what is inside, or so many characters.
_REST, _SHORT_REST = 0.2, 250
#: A list with more links than a few, and such a share of its text inside them, is a table of contents or a menu.
_FEW_LINKS, _LINKED = 4, 0.8


@dataclass(slots=True)
class _Text:
    """What an element holds at any depth; texts in characters other than white space, ``plain`` outside links."""

    all: int = 0
    plain: int = 0
    prose: int = 0
    links: int = 0
    headings: int = 0


def is_landmark(element: Element) -> bool:
    """Whether an element surrounds the content, by its tag or role; ``header`` and ``footer`` of a section do not."""
    tag = element.tag
    if tag in ("nav", "aside") or element.get("role") in _ROLES:
        return True
    return tag in ("header", "footer") and next(element.iterancestors(_SECTIONS), None) is None


def find_container(body: Element) -> Element | None:
    """The innermost box around nearly all prose of ``body`` if it can be read as it stands, None if it cannot.

    It can when the page marks no content itself, there are headings inside, hardly any text and no title is left
    outside, and nothing inside is a landmark, a form or named like what surrounds an article. Linear in the size of
    ``body``.
    """
    if body.xpath(_MARKS):
        return None
    texts = _texts(body)
    box, enough = body, _MOST * texts[body].prose
    if not enough:
        return None
    while (inner := next((e for e in box if e.tag in _BOXES and texts[e].prose >= enough), None)) is not None:
        box = inner
    if not texts[box].headings:
        titled = next((above for above in box.iterancestors() if above in texts and texts[above].headings), None)
        if titled is not None and texts[titled].all <= _LITTLE_MORE * texts[box].all:
            box = titled
    rest = texts[body].plain - texts[box].plain
    headings = texts[box].headings
    if not headings or (headings < texts[body].headings and not _opens_with_heading(box)):
        return None
    if rest > max(_SHORT_REST, _REST * texts[box].plain) or any(_is_foreign(inner) for inner in box.iterdescendants()):
        return None
    return box


def drop_asides(box: Element) -> None:
    """Remove what is not shown and what leads away from the text, in place.

    The latter are tables of contents and menus, which are lists that hold little but links, with the line over them,
    and a last line that is one link.
    """
    # The `hidden` attribute is no ground: manuals hide all variants of a passage and let a script show one.
    for element in [element for element in box.iterdescendants() if is_styled_away(element)]:
        element.clear(keep_tail=True)
    texts = _texts(box)
    for part in list(box.iter(*_LISTS)):
        text = texts[part]
        if part is not box and text.links > _FEW_LINKS and text.all - text.plain > _LINKED * text.all:
            label, frame = part.getprevious(), part.getparent()
            if label is not None and label.tag == "p" and frame is not box and len(frame) == 2:
                label.clear(keep_tail=True)
            part.clear(keep_tail=True)
    last = box
    while (inner := next((part for part in reversed(last) if texts[part].all), None)) is not None:
        text = texts[inner]
        if inked(inner.tail):
            break
        if inner.tag in _LINES and text.links == 1 and not text.plain and _begins_line(inner):
            inner.clear(keep_tail=True)
        if inner.tag not in _BOXES:
            break
        last = inner


def _texts(body: Element) -> dict[Element, _Text]:
    texts = {element: _Text() for element in body.iter()}
    for element, text in reversed(texts.items()):
        if element.tag in UNREAD or is_styled_away(element) or is_landmark(element):
            text.all = text.plain = text.prose = text.links = text.headings = 0
        else:
            own = inked(element.text)
            text.all += own
            text.plain += own
            if element.tag == "a" and element.get("href") is not None:
                text.plain = 0
                text.links += 1
            if element.tag in _PROSE:
                text.prose = text.plain
            text.headings += element.tag in HEADINGS
        if element is not body:
            above, tail = texts[element.getparent()], inked(element.tail)
            above.all += text.all + tail
            above.plain += text.plain + tail
            above.prose += text.prose
            above.links += text.links
            above.headings += text.headings
    return texts


def _opens_with_heading(box: Element) -> bool:
    for element in box.iter():
        if element.tag in HEADINGS and inked("".join(element.itertext())):
            return True
        if element.tag not in UNREAD and inked(element.text):
            return False
        if element is not box and not len(element) and inked(element.tail):
            return False
    return False


def _begins_line(element: Element) -> bool:
    before = element.getprevious()
    if before is None:
        return not inked(element.getparent().text)
    return before.tag in ROLES and not inked(before.tail)


def _is_foreign(element: Element) -> bool:
    if element.tag in _FORMS or element.tag in ("header", "footer") or is_landmark(element):
        return True
    return element.tag in _NAMED and _BESIDE.search(element.get("class") or "") is not None
