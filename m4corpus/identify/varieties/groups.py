"""The groups within which varieties are told apart by their text, and what each group's markers can be trusted with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp

from m4corpus import languages as registry
from m4corpus.identify.varieties.markers import Found, marker_sets
from m4corpus.identify.varieties.reading import Reading
from m4corpus.tags import parse_tag

DIALECT, REGION, REGISTER = "dialect", "region", "register"


@dataclass(frozen=True, slots=True)
class Group:
    """Varieties that compete for the same text.

    ``languages`` are the ISO 639-3 codes of the texts it judges, ``scripts`` the ISO 15924 codes, empty for any.
    ``silence`` is the score of a text that shows nothing: the higher, the more markers it takes. ``ceiling`` is the
    most confidence it gives: what a text is about, quotes and borrows limits what its words say of its author.
    """

    name: str
    kind: str
    languages: tuple[str, ...]
    silence: float
    ceiling: float
    scripts: tuple[str, ...] = ()

    @property
    def varieties(self) -> tuple[str, ...]:
        """Tags of the varieties it knows, those outside the registry included."""
        return marker_sets()[self.name].varieties


_HAN = ("Hani", "Hans", "Hant")
GROUPS = (
    Group("arabic", DIALECT, ("arb", "arz"), 0.0, 0.97, ("Arab",)),
    Group("sinitic", DIALECT, ("cmn", "yue", "nan"), 0.0, 0.97, _HAN),
    Group("min-nan-latin", DIALECT, ("nan",), 1.0, 0.9, ("Latn",)),
    Group("malayic", DIALECT, ("ind", "zsm", "min"), 0.0, 0.95, ("Latn",)),
    Group("spanish", REGION, ("spa",), 2.0, 0.9, ("Latn",)),
    Group("chinese", REGION, ("cmn",), 2.0, 0.9, _HAN),
    Group("portuguese", REGION, ("por",), 0.5, 0.95, ("Latn",)),
    Group("bengali", REGION, ("ben",), 2.0, 0.85, ("Beng",)),
    Group("register-id", REGISTER, ("ind",), 0.5, 0.95),
    Group("register-ja", REGISTER, ("jpn",), 0.5, 0.97),
    Group("register-ko", REGISTER, ("kor",), 0.5, 0.97),
    Group("register-ru", REGISTER, ("rus",), 0.5, 0.95),
    Group("register-jv", REGISTER, ("jav",), 0.5, 0.97),
    Group("register-su", REGISTER, ("sun",), 0.5, 0.9),
    Group("register-si", REGISTER, ("sin",), 0.5, 0.85),
)


@dataclass(frozen=True, slots=True)
class Scored:
    """How a group reads a text: the most probable variety, empty where no marker was found; its ``confidence`` (0 to
    1); the ``markers`` it rests on; the probability of every variety of the group."""

    variety: str
    confidence: float
    markers: str
    probabilities: dict[str, float]


def group(name: str) -> Group:
    """The group called ``name``; KeyError when there is none."""
    return {g.name: g for g in GROUPS}[name]


def groups_of(language: str, script: str = "") -> tuple[Group, ...]:
    """The groups that judge texts in ``language`` (ISO 639-3) and ``script`` (ISO 15924; empty for any)."""
    return tuple(g for g in GROUPS if language in g.languages and (not script or not g.scripts or script in g.scripts))


def score(judging: Group, text: str | Reading) -> Scored:
    """Read ``text`` for the markers of a group; equals go to the variety first in the table."""
    found = marker_sets()[judging.name].count(Reading(text) if isinstance(text, str) else text)
    return _scored(judging, found)


def _scored(judging: Group, found: Found) -> Scored:
    most = max(judging.silence, *found.scores.values())
    weights = {variety: exp(value - most) for variety, value in found.scores.items()}
    total = sum(weights.values()) + exp(judging.silence - most)
    probabilities = {variety: weight / total for variety, weight in weights.items()}
    best = max(probabilities, key=lambda v: probabilities[v])
    # Where only words tell countries apart, one word may be quoted, or name what is told of.
    fewest = 2 if judging.kind == REGION else 1
    if sum(best in marker.varieties for marker, _ in found.seen) < fewest:
        return Scored("", 0.0, "", probabilities)
    return Scored(best, min(probabilities[best], judging.ceiling), found.of(best), probabilities)


@cache
def language_of(variety: str) -> str:
    """ISO 639-3 code of the language a variety's tag belongs to; empty for a language outside the registry."""
    known = registry.resolve_variety(variety)
    if known is not None:
        return known.language
    names = {name.casefold(): lang.code for lang in registry.languages() for name in registry.known_names(lang)}
    tag = parse_tag(variety, names)
    return names[tag.language] if tag else ""
