"""Globs over relative paths, as shells read them: ``*`` stays within a folder, ``**`` crosses folders."""

from __future__ import annotations

import re
from functools import lru_cache

_WILD = re.compile(r"[*?\[]")
_TOKEN = re.compile(r"\[(!?)(\]?[^\]]+|\])\]|(\*)|(\?)|(.)", re.DOTALL)
_FLAGS = re.IGNORECASE | re.DOTALL
_FOLDERS = r"(?:(?!\.)[^/]+/)*"


def has_wildcard(text: str) -> bool:
    """Whether ``text`` is a pattern and not a plain path."""
    return _WILD.search(text) is not None


class Glob:
    """A pattern over paths relative to one folder.

    Letters match in either case; ``**`` and a wildcard at the start of a name match no leading dot.
    """

    def __init__(self, pattern: str) -> None:
        self._segments = [segment for segment in pattern.split("/") if segment not in ("", ".")]
        parts = [_FOLDERS if segment == "**" else f"{_translated(segment)}/" for segment in self._segments]
        whole = "".join(parts)
        # A final ** stands for any file below.
        whole = whole + r"(?!\.)[^/]+" if self._segments[-1:] == ["**"] else whole.removesuffix("/")
        self._whole = re.compile(whole, _FLAGS)

    def matches(self, path: str) -> bool:
        """Whether the whole of ``path`` matches."""
        return self._whole.fullmatch(path) is not None

    def leads_to(self, folder: str) -> bool:
        """Whether anything inside ``folder`` could match; True when in doubt."""
        names = folder.split("/")
        for position, name in enumerate(names):
            if position >= len(self._segments):
                return False
            if self._segments[position] == "**":
                dotted = any(segment.startswith(".") for segment in self._segments[position:])
                return dotted or not any(below.startswith(".") for below in names[position:])
            if not _name(self._segments[position]).fullmatch(name):
                return False
        return len(names) < len(self._segments)


@lru_cache(maxsize=256)
def _name(segment: str) -> re.Pattern[str]:
    return re.compile(_translated(segment), _FLAGS)


def _translated(segment: str) -> str:
    """Regular expression for one folder or file name."""
    parts = [r"(?!\.)"] if segment.startswith(("*", "?", "[")) else []
    for negated, members, star, question, literal in _TOKEN.findall(segment):
        if members:
            escaped = re.sub(r"([\\[\]^&~|])", r"\\\1", members)
            parts.append(f"[^/{escaped}]" if negated else f"[{escaped}]")
        else:
            parts.append("[^/]*" if star else "[^/]" if question else re.escape(literal))
    expression = "".join(parts)
    try:
        re.compile(expression)
    except re.error:  # a range such as [z-a]
        return re.escape(segment)
    return expression
