"""Where a text may be cut without splitting what a reader sees as one character (UAX #29 grapheme clusters)."""

from __future__ import annotations

from collections.abc import Iterator

import regex

_CLUSTER = regex.compile(r"\X")
# What continues the cluster before it, and what may draw the character after it into its own cluster.
_CONTINUES = regex.compile(r"[\p{GCB=EX}\p{GCB=SM}\p{GCB=ZWJ}]")
_PREPEND = regex.compile(r"\p{GCB=PP}")
_REACHES_ON = regex.compile(
    r"[\p{GCB=PP}\p{GCB=EX}\p{GCB=ZWJ}\p{GCB=RI}\p{GCB=L}\p{GCB=V}\p{GCB=T}\p{GCB=LV}\p{GCB=LVT}]"
)
_LINE_ENDS = "\n\r"


def clusters(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of the grapheme clusters of ``text[start:end]``; both ends must be boundaries themselves."""
    return (match.span() for match in _CLUSTER.finditer(text, start, end))


def is_boundary(text: str, at: int) -> bool:
    """Whether a cut before ``text[at]`` leaves all grapheme clusters whole."""
    if at in (0, len(text)):
        return True
    before, after = text[at - 1], text[at]
    if before in _LINE_ENDS:
        return not (before == "\r" and after == "\n")
    if before.isascii() and after.isascii():
        return True
    if after.isspace() and not _PREPEND.match(before):
        return True
    if not (_CONTINUES.match(after) or _REACHES_ON.match(before)):
        return True
    return any(end == at for _, end in _until(text, _known_boundary(text, at), at))


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without white space at its ends, as far as that is not part of a cluster with what stays."""
    while start < end and text[start].isspace() and is_boundary(text, start + 1):
        start += 1
    while end > start and text[end - 1].isspace() and is_boundary(text, end - 1):
        end -= 1
    return start, end


def _known_boundary(text: str, at: int) -> int:
    """A boundary before ``at`` that can be told at sight: at a space of the same line, or at the line's start."""
    line = max(text.rfind(end, 0, at) for end in _LINE_ENDS) + 1
    space = text.rfind(" ", line, at)
    return space if space > line and not _PREPEND.match(text[space - 1]) else line


def _until(text: str, start: int, at: int) -> Iterator[tuple[int, int]]:
    for span in clusters(text, start, len(text)):
        yield span
        if span[1] >= at:
            return
