"""Markup to blocks: the part every HTML cleaner shares.

A cleaner says what *role* each element plays; the walk turns roles into blocks at any depth, so wrappers a skin or a
parser version puts around things change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from m4corpus.clean.blocks import Blocks
from m4corpus.clean.parse import Element
from m4corpus.clean.raised import subscript, superscript
from m4corpus.clean.spans import Spans


class Role(Enum):
    """What an element does to the text."""

    SKIP = auto()
    INLINE = auto()
    BREAK = auto()
    BLOCK = auto()
    HEADING = auto()
    LIST = auto()
    TABLE = auto()
    ROW = auto()
    CELL = auto()
    QUOTE = auto()
    CODE = auto()
    CAPTION = auto()
    SUPERSCRIPT = auto()
    SUBSCRIPT = auto()
    RUBY_TEXT = auto()


_TAGS: dict[Role, str] = {
    Role.SKIP: "script style template noscript head title meta link iframe object embed applet audio video canvas svg"
    " map area button input select option optgroup datalist textarea progress dialog rp",
    Role.BREAK: "br",
    Role.BLOCK: "html body address article aside center dd details div dt fieldset figure footer form header hgroup hr"
    " legend li main menu nav noinclude p search section summary tbody thead tfoot colgroup",
    Role.HEADING: "h1 h2 h3 h4 h5 h6",
    Role.LIST: "ul ol dl dir",
    Role.TABLE: "table",
    Role.ROW: "tr",
    Role.CELL: "td th",
    Role.QUOTE: "blockquote",
    Role.CODE: "pre listing xmp plaintext",
    Role.CAPTION: "figcaption caption",
    Role.SUPERSCRIPT: "sup",
    Role.SUBSCRIPT: "sub",
    Role.RUBY_TEXT: "rt",
}
ROLES: dict[str, Role] = {tag: role for role, tags in _TAGS.items() for tag in tags.split()}
#: Tags of headings, and tags that are not read.
HEADINGS = frozenset(tag for tag, role in ROLES.items() if role is Role.HEADING)
UNREAD = frozenset(tag for tag, role in ROLES.items() if role is Role.SKIP)

#: Roles that part words: text before, inside and after such an element never runs together.
_PARTING = frozenset(set(Role) - {Role.SKIP, Role.INLINE, Role.SUPERSCRIPT, Role.SUBSCRIPT, Role.RUBY_TEXT})

_LAYOUT = [tag for tag, role in ROLES.items() if role in (Role.HEADING, Role.TABLE, Role.CODE)]

RoleOf = Callable[[Element], Role]
#: Is told of every element once it has been read, with the blocks ``[first, last)`` that are its own; an element
#: that is part of a larger block has none, and stands where ``first`` says.
Watch = Callable[[Element, int, int], None]


def tag_role(element: Element) -> Role:
    """Role by tag alone; an unknown tag is inline."""
    return ROLES.get(element.tag, Role.INLINE)


class _Context(NamedTuple):
    """What loose text becomes where the walk stands."""

    kind: str = "paragraph"
    level: int = 0
    group: int = 0


class Flow:
    """Walks trees into ``blocks``; ``text_of`` may put a text in place of an element (a formula), None to go on."""

    def __init__(
        self,
        blocks: Blocks,
        role_of: RoleOf = tag_role,
        text_of: Callable[[Element], str | None] | None = None,
        *,
        tables: bool = True,
        captions: bool = True,
        watch: Watch | None = None,
    ) -> None:
        self._blocks = blocks
        self._role_of = role_of
        self._text_of = text_of
        self._tables = tables
        self._captions = captions
        self._watch = watch
        self._loose: list[str] = []

    def walk(self, root: Element) -> None:
        """Append the blocks of everything inside ``root``."""
        self._inside(root, _Context())
        self._flush(_Context())

    def _flush(self, context: _Context) -> None:
        if self._loose:
            text = "".join(self._loose)
            self._loose.clear()
            self._blocks.add(context.kind, text, level=context.level, group=context.group)

    def _inside(self, element: Element, context: _Context) -> None:
        if element.text:
            self._loose.append(element.text)
        for child in element:
            role = self._role_of(child)
            if (text := self._replacement(child, role)) is not None:
                self._loose.append(text)
            elif role is Role.INLINE or role is Role.CELL:
                first = len(self._blocks)
                self._inside(child, context)
                self._tell(child, first)
            elif role is not Role.SKIP:
                self._flush(context)
                first = len(self._blocks)
                self._structure(child, role, context)
                self._flush(context)
                self._tell(child, first)
            if child.tail:
                self._loose.append(child.tail)

    def _tell(self, element: Element, first: int) -> None:
        if self._watch is not None:
            self._watch(element, first, len(self._blocks))

    def _replacement(self, element: Element, role: Role) -> str | None:
        """Text that stands for the whole element, None when its content counts."""
        if self._text_of is not None and (text := self._text_of(element)) is not None:
            return text
        if role is Role.BREAK:
            return "\n"
        if role is Role.SUPERSCRIPT:
            return superscript(self.inline(element))
        if role is Role.SUBSCRIPT:
            return subscript(self.inline(element))
        if role is Role.RUBY_TEXT:
            return f"({text})" if (text := self.inline(element).strip()) else ""
        return None

    def _structure(self, element: Element, role: Role, context: _Context) -> None:
        if role is Role.HEADING:
            self._blocks.add("heading", self.inline(element), level=int(element.tag[1]))
        elif role is Role.LIST:
            nested = context.kind == "list_item"
            group = context.group if nested else self._blocks.new_group()
            level = context.level + 1 if nested else 1
            self._nested(element, _Context("list_item", level, group))
        elif role is Role.TABLE:
            if self._tables:
                self._table(element, self._blocks.new_group())
        elif role is Role.QUOTE:
            self._nested(element, _Context("quote"))
        elif role is Role.CODE:
            self._blocks.add("code", self.inline(element, verbatim=True))
        elif role is Role.CAPTION:
            if self._captions:
                self._nested(element, _Context("caption"))
        else:
            self._nested(element, context)

    def _nested(self, element: Element, context: _Context) -> None:
        self._inside(element, context)
        self._flush(context)

    def _table(self, element: Element, group: int) -> None:
        """Rows of a table, of its sections too, but not of tables within its cells."""
        spans = Spans()
        for child in element:
            role = self._role_of(child)
            if role is Role.ROW:
                self._row(child, group, spans)
            elif child.tag in ("tbody", "thead", "tfoot") and role is not Role.SKIP:
                self._table(child, group)
            elif role is not Role.SKIP:
                first = len(self._blocks)
                self._structure(child, role, _Context())
                self._tell(child, first)

    def _row(self, row: Element, group: int, spans: Spans) -> None:
        texts: list[str] = []
        cells = [cell for cell in row if self._role_of(cell) is not Role.SKIP]
        spans.begin_row()
        for cell in cells:
            texts += spans.before()
            if self._is_layout(cell):
                self._add_row(texts, group)
                self._nested(cell, _Context())
                spans.take(cell, "")
            else:
                text = " ".join(self.inline(cell).split())
                spans.take(cell, text)
                texts.append(text)
        texts += spans.rest()
        if not _is_lone_label(cells, texts):
            self._add_row(texts, group)

    def _add_row(self, texts: list[str], group: int) -> None:
        self._blocks.add("table_row", " | ".join(filter(None, texts)), group=group)
        texts.clear()

    def _is_layout(self, cell: Element) -> bool:
        """A cell holding headings, code or tables of its own arranges a page; it is no datum."""
        return any(self._role_of(inner) is not Role.SKIP for inner in cell.iterdescendants(*_LAYOUT))

    def inline(self, element: Element, *, verbatim: bool = False) -> str:
        """Text of an element on its own, words apart wherever its structure parts them (unless ``verbatim``)."""
        parts: list[str] = []
        self._gather(element, parts, verbatim)
        return "".join(parts)

    def _gather(self, element: Element, parts: list[str], verbatim: bool) -> None:
        parts.append(element.text or "")
        for child in element:
            role = self._role_of(child)
            if (text := self._replacement(child, role)) is not None:
                parts.append(text)
            elif role is not Role.SKIP:
                apart = " " if role in _PARTING and not verbatim else ""
                parts.append(apart)
                self._gather(child, parts, verbatim)
                parts.append(apart)
                self._tell(child, len(self._blocks))
            parts.append(child.tail or "")


def _is_lone_label(cells: list[Element], texts: list[str]) -> bool:
    """Whether a row is the label of something that is not text: a picture, coordinates."""
    label, *data = cells or [None]
    if label is None or label.tag != "th" or not data or any(cell.tag != "td" for cell in data):
        return False
    return sum(map(bool, texts)) == 1 and any(len(cell) for cell in data)
