"""The dominant script of a text, as an ISO 15924 code, from the Unicode Script property of its characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from functools import cache, lru_cache
from typing import Any, NamedTuple

from m4corpus.identify import sinitic
from m4corpus.tables import read_table

#: Code for a text without a single letter of a known script.
UNKNOWN = "Zzzz"

# Japanese prose is mostly kana; a Chinese text that quotes a Japanese name has a few.
_KANA_SHARE = 0.1

# About how many letters of an alphabet say as much as one of these; without, a Chinese page is outvoted by the few
# commands it explains. Arabic leaves out its short vowels.
_WEIGHTS = {"Hani": 3, "Kana": 3, "Hang": 2, "Arab": 2}

# Scripts that a text in one of these is written with; any other is written with itself.
_TOGETHER = {
    "Hang": ("Hang", "Hani"),
    "Hans": ("Hani",),
    "Hant": ("Hani",),
    "Jpan": ("Hani", "Kana"),
}


class Script(NamedTuple):
    """``code`` and the ``share`` (0 to 1) of the text's letters and marks, as weighted, that are of this script."""

    code: str
    share: float


def dominant_script(text: str) -> Script:
    """The script most of ``text`` is written in.

    A Han character or a kana counts as three letters of an alphabet, a Hangul syllable or an Arabic letter as two. Han
    with at least a tenth of kana is ``Jpan``; Han without is ``Hans`` or ``Hant`` where characteristic characters tell,
    else ``Hani``; Hangul is ``Hang``. Digits, punctuation and symbols do not count. Ties go to the code first in
    alphabetical order; no letters give ``Zzzz`` with share 0.
    """
    return leading_script(weighted_scripts(text), text)


def weighted_scripts(text: str) -> Counter[str]:
    """Letters and marks of each script, as :func:`dominant_script` counts them."""
    return Counter({code: count * _WEIGHTS.get(code, 1) for code, count in count_scripts(text).items()})


def leading_script(weighted: Counter[str], text: str) -> Script:
    """As :func:`dominant_script`, for a text whose scripts have been counted (:func:`weighted_scripts`)."""
    counts = weighted.copy()
    total = counts.total()
    if not total:
        return Script(UNKNOWN, 0.0)
    kana = counts.pop("Kana", 0)
    if kana and kana >= _KANA_SHARE * (kana + counts["Hani"]):
        counts["Jpan"] = kana + counts.pop("Hani", 0)
    code = min(counts, key=lambda name: (-counts[name], name))
    share = counts[code] / total
    return Script(sinitic.han_script(text) if code == "Hani" else code, share)


def count_scripts(text: str) -> Counter[str]:
    """Characters of each script; ``Hani`` for Han, and ``Kana`` for hiragana and katakana together."""
    counts: Counter[str] = Counter()
    for character, count in Counter(text).items():
        if code := script_of_character(character):
            counts[code] += count
    return counts


def compatible(script: str, expected: Collection[str]) -> bool:
    """Whether a text in ``script`` may be of a language written in the ``expected`` scripts; an unknown one always may.

    ``Hani`` stands for either form of Chinese writing, on both sides, and for Japanese without kana.
    """
    if script == UNKNOWN or script in expected:
        return True
    han = {"Hani", "Hans", "Hant"}
    if script in han:
        return not han.isdisjoint(expected) or "Jpan" in expected
    return False


def scripts_written(script: str) -> tuple[str, ...]:
    """The scripts, as :func:`count_scripts` names them, that a text in ``script`` is written with."""
    return _TOGETHER.get(script, (script,))


@lru_cache(maxsize=1 << 16)
def script_of_character(character: str) -> str:
    """The script of one character as :func:`count_scripts` names it; empty for what is no letter of a known script."""
    match = _pattern().match(character)
    return str(match.lastgroup) if match else ""


@cache
def _pattern() -> Any:
    import regex

    properties = {row["code"]: row["property"] for row in read_table("scripts") if row["property"]}
    groups = [rf"(?P<{code}>\p{{Script={name}}})" for code, name in properties.items()]
    return regex.compile("|".join([*groups, r"(?P<Kana>[\p{Script=Hiragana}\p{Script=Katakana}])"]))
