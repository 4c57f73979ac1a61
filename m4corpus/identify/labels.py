"""The languages the carried model tells apart, and what a language hint means among them."""

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
    """A language documents can be labelled with. ``code`` is the registry's for the 42, else ISO 639-3.

    ``label`` is its two-letter code where there is one, else the code of its Wikipedia. Where messages come under a
    macrolanguage outside the 42 its code stays (``fas``): its members are not told apart. ``known`` says whether the
    carried model knows the language; one it does not can be named by a hint.
    """

    label: str
    code: str
    name: str
    scripts: tuple[str, ...]
    known: bool


@dataclass(frozen=True, slots=True)
class Hint:
    """The language a hint names. ``known`` says whether the carried model knows it."""

    code: str
    scripts: tuple[str, ...]
    known: bool


@cache
def labels() -> dict[str, Label]:
    """The table ``tables/lid.csv`` by label."""
    return {
        row["label"]: Label(
            row["label"], row["code"], row["name"], tuple(row["scripts"].split("|")), row["known"] == "yes"
        )
        for row in read_table("lid")
    }


@cache
def scripts_of() -> dict[str, tuple[str, ...]]:
    """Scripts each language the carried model knows is written in, by code."""
    return {label.code: label.scripts for label in labels().values() if label.known}


def label_of(language: str, script: str) -> str:
    """What text in a language and a script is counted under: ``arb_Arab``; ``und`` where the language was not told."""
    return f"{language}_{script}" if language and language != UNDETERMINED else UNDETERMINED


def code_of_tag(tag: str) -> str:
    """Code of a language given by its label or code, lower case; empty where the table has neither."""
    label = _outside().get(tag)
    return label.code if label else ""


@cache
def read_hint(hint: str) -> Hint | None:
    """The language ``hint`` names, in the registry or in the table; None when empty or neither knows it."""
    language = registry.resolve(hint)
    if language is not None:
        scripts = scripts_of().get(language.code, language.scripts)
        return Hint(language.code, scripts, language.code in scripts_of())
    tag = parse_tag(hint, _outside())
    if tag is None:
        return None
    label = _outside()[tag.language]
    return Hint(label.code, label.scripts, label.known)


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

    Raises :class:`UserError` for a language neither the registry nor the table knows.
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
