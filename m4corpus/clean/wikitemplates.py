"""Templates that only format their argument: the text they show, without the wiki that defines them.

A dump holds calls of templates and not what they expand to. Nearly all are dropped: what ``{{Infobox ...}}`` shows is
anyone's guess. A few are the same on every wiki that has them and show an argument as it is; without them a sentence
would lose the very word it is about.
"""

from __future__ import annotations

import re
from typing import Any

#: Shown: one positional argument, by number.
_ARGUMENT = {
    "abbr": 1, "angbr": 1, "big": 1, "center": 1, "em": 1, "fs interlinear": 1, "gloss": 1, "kbd": 1, "ill": 1,
    "interlanguage link": 1, "lang": 2, "linktext": 1, "lang-x": 1, "mono": 1, "mvar": 1, "nobold": 1, "nobr": 1,
    "noitalic": 1, "nowrap": 1, "rtl-lang": 2, "script": 2, "small": 1, "smaller": 1, "smallcaps": 1, "strong": 1,
    "sc": 1, "tlit": 2, "tooltip": 1, "tt": 1, "unicode": 1, "var": 1, "vr": 1, "wikt-lang": 2, "zh-full": 1,
}  # fmt: skip
#: Shown: the last positional argument.
_LAST = frozenset({"transl", "transliteration", "font color", "color", "fontcolor", "colored text"})
#: Shown: a character.
_CHARACTER = {
    "!": "|", "=": "=", "nbsp": " ", "ndash": "–", "–": "–", "mdash": "—", "—": "—", "snd": " – ", "spnd": " – ",
    "spaced ndash": " – ", "okina": "ʻ", "hamza": "ʾ", "ayin": "ʿ", "sharp": "♯", "flat": "♭", "pi": "π", "·": " · ",
    "dot": " · ", "bullet": " • ", "•": " • ", "middot": " · ", "'": "'", "\"": "\"", "thinsp": " ", "zwj": "\u200d",
    "zwnj": "\u200c", "shy": "", "wbr": "", "dagger": "†", "times": "×", "°": "°",
}  # fmt: skip
_MEASURES = frozenset({"convert", "cvt"})
_BETWEEN = {"-": "–", "–": "–", "to": " to ", "and": " and ", "or": " or ", "by": " by ", "x": " × ", "*": " × "}
_NUMBER = re.compile(r"[-−+]?[\d.,/⁄]*\d")
#: ``{{lang-de|...}}``: the code is part of the name.
_LANG = re.compile(r"lang-[a-z]{2,3}(?:-[a-z0-9]+)*")


def argument_shown(name: str, positional: list[Any]) -> Any | None:
    """The positional argument that a template shows as it is, None for all others; ``name`` is in lower case."""
    wanted = _ARGUMENT.get("lang-x" if _LANG.fullmatch(name) else name)
    if wanted is None and name in _LAST and positional:
        wanted = len(positional)
    return positional[wanted - 1] if wanted is not None and len(positional) >= wanted else None


def text_shown(name: str, positional: list[str]) -> str | None:
    """The plain text of templates for characters, fractions and measures, None for all others."""
    if name in _CHARACTER:
        return _CHARACTER[name]
    values = [value.strip() for value in positional]
    if name in ("frac", "sfrac", "fraction") and 1 <= len(values) <= 3:
        return {1: f"1/{values[-1]}", 2: "/".join(values), 3: f"{values[0]} {'/'.join(values[1:])}"}[len(values)]
    if name in _MEASURES:
        return _measure(values)
    return None


def _measure(values: list[str]) -> str | None:
    """``10|to|20|km|mi`` as "10 to 20 km": what was measured, not what it was converted to."""
    shown, rest = "", list(values)
    while rest and _NUMBER.fullmatch(rest[0]):
        shown += rest.pop(0)
        if len(rest) > 1 and rest[0] in _BETWEEN and _NUMBER.fullmatch(rest[1]):
            shown += _BETWEEN[rest.pop(0)]
            continue
        unit = rest[0] if rest and not _NUMBER.fullmatch(rest[0]) else ""
        return f"{shown} {unit}".strip()
    return None
