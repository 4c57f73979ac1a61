"""Puts back what a guesser of main text left out of an article: the lead under its title, paragraphs between others.

The guesser gives text without a trace of where it stood. Here its paragraphs are found again on the page, and what the
page has beside them, of the same make, is compared with what it gave.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from m4corpus.clean.container import is_landmark
from m4corpus.clean.flow import HEADINGS, ROLES, UNREAD, Role
from m4corpus.clean.parse import Element, is_styled_away
from m4corpus.clean.unicode import count_wide, inked

_IN_LINE = (Role.SKIP, Role.INLINE, Role.BREAK, Role.SUPERSCRIPT, Role.SUBSCRIPT, Role.RUBY_TEXT)
_BLOCKS = tuple(tag for tag, role in ROLES.items() if role not in _IN_LINE)
#: Where paragraphs of an article stand.
_PARAGRAPHS = frozenset({"article", "div", "p", "section"})
#: What leads are written in too.
_LEADS = _PARAGRAPHS | {"h2", "h3"}
_NO_FLOW = UNREAD | {
    "aside", "blockquote", "dl", "figcaption", "figure", "footer", "form", "label", "nav", "ol", "table", "ul",
}  # fmt: skip
_NAMES = (
    "abo|ads?|advert|alert|author|banner|bio|byline|caption|comment|consent|cookie|copyright|credit|dialog|disclaimer"
    "|footer|hidden|login|menu|meta|modal|nav|news-?letter|overlay|paywall|popup|premium|print|promo|recommend|related"
    "|shar(?:e|ing)|sidebar|social|sponsor|subscri\\w*|tag|toolbar|widget"
)
#: Names of boxes beside the text, as words of a class or an id.
_BESIDE = re.compile(
    rf"(?:^|[-_\s])(?:{_NAMES})s?(?:$|[-_\s\d])"
    r"|(?<=[a-z])(?:Author|Byline|Bio|Caption|Comment|Copyright|Credit|Footer|Menu|Meta|Nav|Related|Shar|Sidebar|Social"
    r"|Widget)"
)
_TEASER = re.compile("teaser", re.IGNORECASE)
_ENDS = tuple(".!?…。！？।॥؟۔።။។\"'»”“’」』)）")
#: Least characters of a paragraph put back, a wide one counting for three, and of one that tells where the text is.
_LEAST, _TELLING = 60, 20
#: Largest share of links in one.
_LINKED = 0.5
#: So many missing paragraphs are another text.
_MOST = 1000


def fill_gaps(extracted: Element, body: Element, caption: str) -> None:
    """Add to ``extracted``, the text found on the page ``body``, paragraphs that belong to it, in place.

    They are paragraphs of prose between the title and the text found, and such between and after its paragraphs that
    have the same parent or the same names around them, but no captions, which begin with the mark ``caption``. Nothing
    changes where the text is not found again on the page.
    """
    found = _by_text(extracted)
    lines = [(line, text) for line, text in _lines(body) if text and text[0] != caption]
    known = [n for n, (line, text) in enumerate(lines) if _tells(line, text) and text in found]
    if not known:
        return
    first, last = known[0], known[-1]
    common = _common([lines[n][0] for n in known])
    parents = {lines[n][0].getparent() for n in known}
    makes = {_make(lines[n][0]) for n in known}
    titles = [n for n in range(first) if lines[n][0].tag == "h1"]
    # Without a title, the text begins where the box around it does.
    start = titles[-1] if titles else next(n for n in range(first + 1) if common[-1] in lines[n][0].iterancestors())
    whole = _squeeze("".join(extracted.itertext()))
    place: Element | None = None
    added = 0
    for n, (line, text) in enumerate(lines):
        if text in found:
            place = found[text]
            continue
        alike = line.getparent() in parents or _make(line) in makes
        if n < start or (n > first and (not alike or line.tag in HEADINGS)) or (n > last and _make(line) not in makes):
            continue
        if n > first and any(_TEASER.search(part.get("class") or "") for part in (line, line.getparent())):
            continue
        if not _is_prose(line, text) or text in whole or _is_beside(line, common):
            continue
        if (added := added + 1) > _MOST:
            return
        whole += text
        place = _put(extracted, place, line)


def _lines(body: Element) -> Iterator[tuple[Element, str]]:
    """Headings and paragraphs of the page with their texts, in reading order."""
    boxes = _boxes(body)
    for element in body.iter(*_PARAGRAPHS, *HEADINGS):
        if element.tag in HEADINGS or element not in boxes:
            yield element, _squeeze("".join(element.itertext()))


def _by_text(extracted: Element) -> dict[str, Element]:
    boxes = _boxes(extracted)
    found: dict[str, Element] = {}
    for element in extracted.iterdescendants():
        if element not in boxes and (text := _squeeze("".join(element.itertext()))):
            found.setdefault(text, element)
    return found


def _boxes(body: Element) -> set[Element]:
    """Elements that hold blocks."""
    boxes: set[Element] = set()
    for block in body.iter(*_BLOCKS):
        for above in block.iterancestors():
            if above in boxes:
                break
            boxes.add(above)
    return boxes


def _squeeze(text: str) -> str:
    return "".join(text.split())


def _tells(line: Element, text: str) -> bool:
    return line.tag not in HEADINGS and len(text) > _TELLING


def _common(lines: list[Element]) -> list[Element]:
    """What stands around all ``lines``, outermost first."""
    common: list[Element] = [*lines[0].iterancestors()][::-1]
    for line in lines[1:]:
        around = set(line.iterancestors())
        while common[-1] not in around:
            common.pop()
    return common


def _make(line: Element) -> Any:
    """What tells paragraphs of one template: tags, and first class names, of the two boxes around; else itself."""
    boxes = [box for box, _ in zip(line.iterancestors(), range(2), strict=False)]
    names = tuple((box.tag, ((box.get("class") or "").split() or [""])[0]) for box in boxes)
    return (line.tag, names) if any(name for _, name in names) else line


def _is_prose(line: Element, text: str) -> bool:
    if len(text) + 2 * count_wide(text) < _LEAST or not text.endswith(_ENDS) or line.tag not in _LEADS:
        return False
    linked = sum(inked("".join(link.itertext())) for link in line.iter("a"))
    return linked < _LINKED * len(text)


def _is_beside(line: Element, common: list[Element]) -> bool:
    """Whether a box around the line, inside what is around all of the text, says that it is something else."""
    for box in (line, *line.iterancestors()):
        if box in common:
            return False
        if box.tag in _NO_FLOW or is_styled_away(box) or box.get("hidden") is not None:
            return True
        # The header of the page holds the title here, or it would be gone.
        if box.tag != "header" and is_landmark(box):
            return True
        if _BESIDE.search(f"{box.get('class') or ''} {box.get('id') or ''}"):
            return True
    return False


def _put(extracted: Element, place: Element | None, line: Element) -> Element:
    """A paragraph with the text of ``line`` after ``place``, but never inside a list, table or quotation."""
    paragraph = extracted.makeelement("p")
    paragraph.text = " ".join("".join(line.itertext()).split())
    if place is None:
        extracted.insert(0, paragraph)
        return paragraph
    for above in place.iterancestors():
        if above is extracted:
            break
        if above.tag == "p" or (above.tag in ROLES and above.tag not in _PARAGRAPHS):
            place = above
    around = place.getparent()
    around.insert(around.index(place) + 1, paragraph)
    return paragraph
