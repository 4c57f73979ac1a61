"""Puts placeholders where a text has addresses that lead to a person: mail, telephone, network.

Only what can be told by its form is masked: mail addresses; telephone numbers in international form (``+44 ...``), as
a national one looks like a date, a price or an ISBN; and public IP addresses that no version number can be. Titles and
names are left as they are.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

import regex

from m4corpus.records import Block, Document

# In alphabets that put spaces between words, so that an address ends where Japanese goes on.
_LETTERS = r"\p{Latin}\p{Cyrillic}\p{Greek}\p{N}"
_LABEL = rf"[{_LETTERS}](?:[{_LETTERS}-]{{0,62}}[{_LETTERS}])?"
_EMAIL = regex.compile(
    rf"(?<![{_LETTERS}_.+-])[{_LETTERS}_%+-]++(?:\.[{_LETTERS}_%+-]++)*+@(?:{_LABEL}\.)+"
    rf"[\p{{Latin}}\p{{Cyrillic}}]{{2,24}}(?![{_LETTERS}_-])"
)
_PHONE = regex.compile(r"(?<![\w+])\+[1-9](?:[ .\u00a0/-]?\(?\d{1,5}\)?){2,7}(?!\w)")
_IPV4 = regex.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)")
_IPV6 = regex.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:.]*\w)")
_VERSION = regex.compile(r"(?i:version|release|v\.?|версия|バージョン|版本|버전)\s*$")


@dataclass(frozen=True, slots=True)
class Found:
    """``text[start:end]`` is personal data of the named kind."""

    kind: str
    start: int
    end: int


def masked(document: Document, kinds: Collection[str]) -> tuple[Document, Counter[str]]:
    """The document with ``[email]``, ``[phone]`` and ``[ip]`` in place of what was found, its blocks still fitting, and
    how many of each there were; the document itself where there is nothing."""
    found = list(personal(document.text, kinds))
    if not found:
        return document, Counter()
    text, shifts, at = "", [], 0
    for item in found:
        text += document.text[at : item.start]
        placeholder = f"[{item.kind}]"
        shifts.append((item.start, item.end, len(text), len(text) + len(placeholder)))
        text += placeholder
        at = item.end
    text += document.text[at:]
    counts = Counter(item.kind for item in found)
    blocks = [Block(b.kind, b.level, _moved(b.start, shifts, 2), _moved(b.end, shifts, 3)) for b in document.blocks]
    noted = " ".join(f"{kind}={count}" for kind, count in sorted(counts.items()))
    return replace(document, text=text, blocks=blocks, metadata={**document.metadata, "masked": noted}), counts


def personal(text: str, kinds: Collection[str]) -> Iterator[Found]:
    """Personal data of some kinds, in order, none within another."""
    found = [
        Found(kind, match.start(), match.end())
        for kind, pattern, holds in _PATTERNS
        if kind in kinds
        for match in pattern.finditer(text)
        if holds(match.group(), text[: match.start()][-24:])
    ]
    reached = 0
    for item in sorted(found, key=lambda f: (f.start, -f.end)):
        if item.start >= reached:
            reached = item.end
            yield item


def _moved(offset: int, shifts: list[tuple[int, int, int, int]], side: int) -> int:
    """Where an offset of the old text is in the new one; one within a placeholder goes to its start or its end."""
    moved = offset
    for shift in shifts:
        start, end, _, new_end = shift
        if offset >= end:
            moved = new_end + offset - end
        elif offset > start:
            return shift[side]
    return moved


def _is_email(match: str, _: str) -> bool:
    return len(match) <= 254 and "@" in match[1:65]


def _is_phone(match: str, _: str) -> bool:
    return 8 <= sum(c.isdigit() for c in match) <= 15 and match.count("(") == match.count(")")


def _is_public(match: str, before: str) -> bool:
    try:
        address = ipaddress.ip_address(match)
    except ValueError:
        return False
    # `2000::/3` holds all public ones of version 6; `a::b` is more likely an operator.
    if address.version == 6 and not (match[0] in "23" and match[:4].isalnum()):
        return False
    # `1.2.3.4` after "version" is none, nor are the addresses every manual has.
    return address.is_global and not _VERSION.search(before)


_PATTERNS: tuple[tuple[str, regex.Pattern[str], Callable[[str, str], bool]], ...] = (
    ("email", _EMAIL, _is_email),
    ("phone", _PHONE, _is_phone),
    ("ip", _IPV4, _is_public),
    ("ip", _IPV6, _is_public),
)
