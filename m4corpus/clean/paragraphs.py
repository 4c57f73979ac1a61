"""Paragraphs and headings where markup has none: text parted by two line breaks, bold lines that are headings."""

from __future__ import annotations

from m4corpus.clean.flow import ROLES, Role, tag_role
from m4corpus.clean.parse import Element
from m4corpus.clean.unicode import is_visible

_BOXES = frozenset(
    {"address", "article", "aside", "center", "details", "div", "fieldset", "footer", "form", "header", "main", "nav"}
    | {"section"}
)
_BOLD = frozenset({"b", "strong"})
#: Inline elements that style text and say nothing; they may span several paragraphs.
_STYLE = _BOLD | {"big", "em", "font", "i", "s", "small", "span", "strike", "u"}
#: What stands in a line of text; an element nobody knows does too, unless it holds blocks.
_IN_LINE = frozenset({Role.INLINE, Role.SKIP, Role.SUPERSCRIPT, Role.SUBSCRIPT, Role.RUBY_TEXT})
_BLOCKS = [tag for tag, role in ROLES.items() if role not in _IN_LINE | {Role.BREAK}]
#: Level of a bold line that stands for a heading; nothing in such a page says which it is.
_HEADING = "h2"
#: Longest such line, in characters.
_LONGEST = 100
# The ends of sentences in all scripts at hand: a bold line ending so is emphasis.
_SENTENCE_ENDS = tuple(".,;。、，；．｡।॥،؛۔።፣፤៕။")


def part_paragraphs(box: Element) -> None:
    """Put the loose text of ``box`` and of boxes inside it into paragraphs, in place; lists and tables stay.

    Text before and after two line breaks or a block is a paragraph of its own. A paragraph, or its first line, that is
    short and all bold becomes a heading when text follows. Linear in the size of ``box``.
    """
    _Parting(box).run()


class _Parting:
    """Collects what becomes the children of one box."""

    def __init__(self, box: Element) -> None:
        self._box = box
        self._parts: list[Element] = []
        self._paragraph: Element | None = None
        self._attributes: dict[str, str] = {}
        self._texts: list[str] = []
        self._breaks = 0
        self._bold = 0
        #: Whether the paragraph so far is one line of bold text.
        self._title = True
        self._heading: Element | None = None

    def run(self) -> None:
        self._inside(self._box)
        self._end()
        del self._box[:]
        self._box.text = None
        self._box.extend(self._parts)

    def _inside(self, element: Element) -> None:
        self._say(element.text)
        for child in list(element):
            tail, child.tail = child.tail, None
            self._child(child)
            self._say(tail)

    def _child(self, child: Element) -> None:
        role = tag_role(child)
        if role is Role.BREAK:
            self._breaks += 1
        elif child.tag == "p":
            self._end()
            self._attributes = dict(child.attrib)
            self._inside(child)
            self._end()
            self._attributes = {}
        elif child.tag in _STYLE or (child.tag == "a" and child.get("href") is None):
            self._bold += child.tag in _BOLD
            self._inside(child)
            self._bold -= child.tag in _BOLD
        elif role is Role.INLINE and child.tag != "a" and next(child.iter(*_BLOCKS), None) is not None:
            self._inside(child)
        elif role in _IN_LINE and next(child.iter(*_BLOCKS), None) is None:
            self._inline(child, visible=role is not Role.SKIP and is_visible(child.text_content()))
        else:
            self._end()
            if self._heading is not None and any(map(is_visible, child.itertext())):
                self._confirm()
            if child.tag in _BOXES:
                inner = _Parting(child)
                inner.run()
                # What a bold line at the end of a box is depends on what follows the box.
                if inner._heading is not None:
                    self._heading = inner._heading
            self._parts.append(child)

    def _say(self, text: str | None) -> None:
        if not text:
            return
        if not text.isspace():
            self._resume()
            self._title = self._title and self._bold > 0
        if self._paragraph is not None:
            self._texts.append(text)

    def _inline(self, element: Element, *, visible: bool) -> None:
        if visible:
            self._resume()
            self._title = False
        if self._paragraph is None:
            self._parts.append(element)
        else:
            self._write()
            self._paragraph.append(element)

    def _resume(self) -> None:
        """Something to read comes: act on the line breaks before it."""
        if self._paragraph is not None and self._breaks:
            if self._breaks > 1 or self._is_title():
                self._end()
            else:
                self._write()
                self._paragraph.append(self._box.makeelement("br"))
                self._title = False
        self._breaks = 0
        if self._paragraph is None:
            self._confirm()
            self._paragraph = self._box.makeelement("p", self._attributes)

    def _end(self) -> None:
        """The paragraph ends here, if there is one."""
        self._breaks = 0
        if (paragraph := self._paragraph) is not None:
            self._heading = paragraph if self._is_title() else None
            self._write()
            self._parts.append(paragraph)
        self._paragraph, self._title = None, True

    def _is_title(self) -> bool:
        text = "".join(self._texts).strip() if self._title else ""
        return 0 < len(text) <= _LONGEST and not text.endswith(_SENTENCE_ENDS)

    def _confirm(self) -> None:
        """A bold line with something after it is a heading."""
        if self._heading is not None:
            self._heading.tag = _HEADING
            self._heading = None

    def _write(self) -> None:
        if not self._texts or self._paragraph is None:
            return
        text = "".join(self._texts)
        self._texts.clear()
        if len(self._paragraph):
            last = self._paragraph[-1]
            last.tail = (last.tail or "") + text
        else:
            self._paragraph.text = (self._paragraph.text or "") + text
