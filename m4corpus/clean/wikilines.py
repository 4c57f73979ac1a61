"""Lines of half-rendered wikitext to HTML: paragraphs, lists and preformatted lines, as MediaWiki's own second pass.

Inline markup is HTML already. What begins a line is marked with control characters, which no page may hold, so that a
literal asterisk is never taken for a list.
"""

from __future__ import annotations

import re

#: Before each list character of a line; before a space that opens a preformatted line.
ITEM, PREFORMATTED = "\x04", "\x05"
#: Around the number of a block rendered on its own.
BLOCK = "\x02"
#: Where a template was dropped.
GAP = "\x03"

_PREFIX = re.compile(rf"(?:{ITEM}[*#;:])+")
_MIDDLE = re.compile(rf"{ITEM}[*#;:]")
_PLACE = re.compile(rf"({BLOCK}\d+{BLOCK})")
_LISTS = {"*": ("ul", "li"), "#": ("ol", "li"), ";": ("dl", "dt"), ":": ("dl", "dd")}
_ONLY_GAPS = re.compile(rf"[\s{GAP}]*")
# Parentheses that held nothing but templates, and what is left of a list that began with one.
_EMPTY = re.compile(rf"\s?[(（]\s*{GAP}[\s,;:、，；{GAP}]*[)）]")
_OPENING = re.compile(rf"([(（])\s*{GAP}[\s,;:、，；{GAP}]*")
_BEFORE_STOP = re.compile(rf"[ \u00a0]+{GAP}+(?=[,.;:)])")


def close_gaps(text: str) -> str:
    """``text`` without the traces of dropped templates, empty parentheses among them."""
    if GAP not in text:
        return text
    text = _OPENING.sub(r"\1", _EMPTY.sub("", text))
    return _BEFORE_STOP.sub("", text).replace(GAP, "")


def lines_to_html(text: str, *, preformatted: bool = True) -> str:
    """HTML of half-rendered lines; ``preformatted`` says whether a leading space makes one so."""
    return _Lines(preformatted).render(text)


class _Lines:
    def __init__(self, preformatted: bool) -> None:
        self._preformatted = preformatted
        self._out: list[str] = []
        self._prefix = ""
        self._paragraph: list[str] = []
        self._verbatim: list[str] = []

    def render(self, text: str) -> str:
        for line in text.split("\n"):
            self._line(line)
        self._end_all()
        return "".join(self._out)

    def _line(self, line: str) -> None:
        if found := _PREFIX.match(line):
            self._end_text()
            self._item(found[0].replace(ITEM, ""), line[found.end() :])
            return
        self._to_prefix("")
        if line.startswith(PREFORMATTED) and self._preformatted and BLOCK not in line and not _blank(line[1:]):
            self._end_paragraph()
            self._verbatim.append(_plain(line[1:]))
            return
        self._end_verbatim()
        if _blank(line):  # also one that held nothing but templates, which stand for boxes there
            self._end_paragraph()
        for part in _PLACE.split(_plain(line)):
            if part.startswith(BLOCK):
                self._end_paragraph()
                self._out.append(part)
            elif not _blank(part):
                self._paragraph.append(part)

    def _item(self, prefix: str, content: str) -> None:
        # `; term : meaning` on one line
        while (middle := _MIDDLE.search(content)) is not None:
            self._open_item(prefix, content[: middle.start()])
            prefix, content = prefix[:-1] + middle[0][1:], content[middle.end() :]
        self._open_item(prefix, content)

    def _open_item(self, prefix: str, content: str) -> None:
        shared = self._to_prefix(prefix)
        if shared == len(prefix) and shared:
            _, old = _LISTS[self._prefix[-1]]
            _, new = _LISTS[prefix[-1]]
            self._out.append(f"</{old}><{new}>")
        for character in prefix[shared:]:
            outer, inner = _LISTS[character]
            self._out.append(f"<{outer}><{inner}>")
        self._prefix = prefix
        self._out.append(_plain(content))

    def _to_prefix(self, prefix: str) -> int:
        """Close the lists that do not go on; how many do."""
        shared = 0
        for old, new in zip(self._prefix, prefix, strict=False):
            if _LISTS[old][0] != _LISTS[new][0]:
                break
            shared += 1
        for character in reversed(self._prefix[shared:]):
            outer, inner = _LISTS[character]
            self._out.append(f"</{inner}></{outer}>")
        self._prefix = self._prefix[:shared]
        return shared

    def _end_paragraph(self) -> None:
        if self._paragraph:
            self._out.append("<p>" + "\n".join(self._paragraph) + "</p>")
            self._paragraph = []

    def _end_verbatim(self) -> None:
        if self._verbatim:
            self._out.append("<pre>" + "\n".join(self._verbatim) + "</pre>")
            self._verbatim = []

    def _end_text(self) -> None:
        self._end_paragraph()
        self._end_verbatim()

    def _end_all(self) -> None:
        self._end_text()
        self._to_prefix("")


def _plain(line: str) -> str:
    """A line without marks that mean nothing where they stand."""
    return _MIDDLE.sub(lambda found: found[0][1], line).replace(PREFORMATTED, " ")


def _blank(text: str) -> bool:
    return _ONLY_GAPS.fullmatch(text) is not None
