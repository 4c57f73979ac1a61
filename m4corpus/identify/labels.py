"""The 176 labels of lid.176 as ISO 639-3 codes, and what a language hint means in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from m4corpus import languages as registry
from m4corpus.errors import UserError
from m4corpus.tables import read_table
from m4corpus.tags import parse_tag

#: The code of text whose language could not be told (ISO 639-2).
UNDETERMINED = "und"


@dataclass(frozen=True, slots=True)
class Label:
    """A label of the model. ``code`` is the registry's code for the 42, else the ISO 639 code the label stands for.

    Where the label is a macrolanguage outside the 42 its code is too (``fas``): the model cannot tell its members
    apart. ``eml`` and ``nah`` are no ISO 639-3 codes; they become ``egl`` and stay ``nah`` (ISO 639-2).
    """

    label: str
    code: str
    name: str
    scripts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hint:
    """The language a hint names. ``known`` says whether lid.176 has a label for it.

    ``relatives`` are codes of the labels that share its macrolanguage, the nearest a model without it can come.
    """

    code: str
    scripts: tuple[str, ...]
    known: bool
    relatives: frozenset[str]


@cache
def labels() -> dict[str, Label]:
    """The table ``tables/lid176.csv`` by label."""
    return {
        row["label"]: Label(row["label"], row["code"], row["name"], tuple(row["scripts"].split("|")))
        for row in read_table("lid176")
    }


@cache
def scripts_of() -> dict[str, tuple[str, ...]]:
    """Scripts each code of the model is written in."""
    return {label.code: label.scripts for label in labels().values()}


@cache
def read_hint(hint: str) -> Hint | None:
    """The language ``hint`` names, in the registry or among the model's labels; None when empty or neither knows it."""
    language = registry.resolve(hint)
    if language is not None:
        same = {
            other.code
            for other in registry.languages()
            if other.macrolanguage and other.macrolanguage == language.macrolanguage
        }
        scripts = scripts_of().get(language.code, language.scripts)
        return Hint(language.code, scripts, language.code in scripts_of(), frozenset(same - {language.code}))
    tag = parse_tag(hint, _outside())
    if tag is None:
        return None
    label = _outside()[tag.language]
    return Hint(label.code, label.scripts, True, frozenset())


@cache
def _outside() -> dict[str, Label]:
    """Labels under the names a hint may use: their code, their two-letter label, their English name."""
    names = {label.label: label for label in labels().values() if label.label not in _MISLEADING}
    names |= {label.code: label for label in labels().values()}
    return names | {label.name.lower(): label for label in labels().values()}


# Wikipedia's `als` is Alemannic, ISO 639-3 `als` is Tosk Albanian: as a hint it is neither.
_MISLEADING = {"als"}


def language_code(name: str) -> str:
    """The ISO 639 code documents carry for a language given by any code or name; ``und`` for what could not be told.

    Raises :class:`UserError` for a language neither the registry nor lid.176 knows.
    """
    if name == UNDETERMINED:
        return name
    hint = read_hint(name)
    if hint is None:
        raise UserError(f"unknown language {name!r}", "`m4corpus languages` lists the registry's names and codes.")
    return hint.code


@cache
def language_names() -> dict[str, str]:
    """English name of every language a document can be labelled with, by its code."""
    names = {label.code: label.name for label in labels().values()}
    return names | {language.code: language.name for language in registry.languages()}
