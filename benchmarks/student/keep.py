"""Which aligned pairs are kept, under which labels: in a language wanted, translated, alike in length, not held out."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from aligned import Aligned
from apertium import FORM
from lid_labels import code_of

from m4corpus import languages
from m4corpus.identify.script import compatible, dominant_script

#: Languages of the teacher or of the tests beyond the 42, with their scripts.
BEYOND = {"deu": ("Latn",), "nld": ("Latn",), "pol": ("Latn",), "tur": ("Latn",), "ell": ("Grek",), "vie": ("Latn",)}
#: Pairs of a language whose pivots differ in nothing but numbers, names of keys and the like: at most so many, if they
#: are no forms of a word.
REPEATS = 2
#: One side of a pair may be this many times as long as the other, after this many letters are granted to the shorter.
LONGER, GRANTED = 2.5, 12
#: Characters of one that say as much as so many letters of an alphabet.
_DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SENTENCE = re.compile(r"[.!?।。！？؟።]+\s*")


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of the output: ``lang`` and ``pivot_lang`` are ``<ISO 639-3>_<ISO 15924>``."""

    lang: str
    text: str
    pivot_lang: str
    pivot: str
    kind: str
    source: str


@cache
def scripts_of(code: str) -> tuple[str, ...]:
    """Scripts a language is wanted in; none if it is not wanted."""
    ours = {language.code: language.scripts for language in languages.languages()}
    return ours.get(code, BEYOND.get(code, ()))


@cache
def wanted(tag: str) -> bool:
    """Whether pairs with the language of a locale tag are kept."""
    return bool(scripts_of(_code(tag)))


_code = cache(code_of)


@lru_cache(200_000)
def label(tag: str, text: str) -> str:
    """``hin_Deva`` for a text its package says is in the language of ``tag``; empty if it is not written like it."""
    code = _code(tag)
    scripts = scripts_of(code)
    found = dominant_script(text)
    if not scripts or found.share < 0.5 or not compatible(found.code, scripts):
        return ""
    if found.code in ("Hani", "Hans", "Hant"):
        if code == "jpn":
            return "jpn_Jpan"
        simplified = code == "cmn" and not re.search(r"(?i)hant|tw|hk|mo", tag)
        return f"{code}_{'Hans' if simplified else 'Hant'}"
    return f"{code}_{found.code}"


def kind_of(pivot: str) -> str:
    """What a piece of text is, by the number of its words."""
    words = len(pivot.split())
    ended = pivot.rstrip().endswith((".", "!", "?"))
    if words <= 3:
        return "word"
    if words > 40:
        return "paragraph"
    return "sentence" if ended or words > 12 else "message"


def alike(text: str, pivot: str) -> bool:
    """Whether two texts may say the same: both have letters, neither is far longer, one is no copy of the other."""
    if not re.search(r"[^\W\d_]{2}|" + _DENSE.pattern, text) or not re.search(r"[^\W\d_]{2}", pivot):
        return False
    ours, theirs = (len(side) + 2 * len(_DENSE.findall(side)) for side in (text, pivot))
    if max(ours, theirs) > LONGER * (min(ours, theirs) + GRANTED):
        return False
    words, others = text.casefold().split(), pivot.casefold().split()
    shared = sum((Counter(words) & Counter(others)).values())
    return words != others and not (len(words) > 3 and shared > 0.6 * len(words))


@lru_cache(200_000)
def template(pivot: str) -> str:
    """What pivots of one catalogue that hardly differ have in common."""
    return "".join(re.findall(r"[^\W\d_]+", pivot.casefold()))[:60]


def tidy(text: str) -> str:
    """A text without the placeholders of Python, and on one line."""
    return " ".join(re.sub(r"%\(\w+\)[a-z]?", " ", text).split())


class HeldOut:
    """Sentences of the Universal Declaration of Human Rights in every language: never trained on."""

    def __init__(self, folder: Path) -> None:
        self._known = {
            key
            for path in sorted(folder.glob("declaration/*"))
            for piece in re.findall(r">([^<>]{15,})<|\"([^\"]{15,})\"", path.read_text(encoding="utf-8"))
            for text in piece
            for key in _sentences(text)
        }

    def __contains__(self, text: str) -> bool:
        return any(key in self._known for key in _sentences(text))


def _sentences(text: str) -> Iterator[str]:
    for sentence in _SENTENCE.split(text):
        letters = re.sub(r"[\W\d_]+", "", sentence.casefold())
        if len(letters) >= 12:
            yield letters


def kept(found: Iterable[Aligned], source: str, held_out: HeldOut, longest: int = 1200) -> Iterator[Pair]:
    """Pairs worth training on, each once; both sides at most ``longest`` characters."""
    seen: set[bytes] = set()
    repeats: Counter[tuple[str, str]] = Counter()
    for pair in found:
        text, pivot = tidy(pair.text)[:longest], tidy(pair.pivot)[:longest]
        if not wanted(pair.tag) or not alike(text, pivot):
            continue
        ours = label(pair.tag, text)
        theirs = label(pair.pivot_tag, pivot)
        digest = hashlib.blake2b(f"{ours}\0{text}\0{pivot}".casefold().encode(), digest_size=8).digest()
        if not ours or not theirs or ours == theirs or digest in seen:
            continue
        seen.add(digest)
        repeats[ours, template(pivot)] += 1
        if (
            (pair.kind == FORM or repeats[ours, template(pivot)] <= REPEATS)
            and text not in held_out
            and pivot not in held_out
        ):
            yield Pair(ours, text, theirs, pivot, pair.kind or kind_of(pivot), source)
