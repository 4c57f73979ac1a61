"""The registry: 42 languages and their 56 regional, dialect and register varieties, found under any usual name.

The languages are those M4-RAG's retrieval environment covers; the varieties are CVQA's 39 country-language pairs and
WorldCuisines' 30 language varieties, 13 of which coincide. The tables are ``tables/languages.csv`` and
``tables/varieties.csv``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from m4corpus.errors import UserError
from m4corpus.tables import read_table
from m4corpus.tags import Tag, parse_tag, site_code

#: What sets a variety apart: where it is written, how distinct its speech is, or whom one speaks to.
KINDS = ("regional", "dialect", "register")
DATASETS = ("cvqa", "worldcuisines")


@dataclass(frozen=True, slots=True)
class Language:
    """One of the 42. ``code`` is ISO 639-3 of the individual language (``cmn``, not ``zho``).

    ``scripts`` are ISO 15924 codes, the usual one first; ``bcp47`` is the shortest tag in common use; ``edition`` is
    the code of its Wikipedia; ``macrolanguage`` (ISO 639-3) and ``iso639_1`` are empty where there is none.
    """

    code: str
    name: str
    native_name: str
    macrolanguage: str
    iso639_1: str
    scripts: tuple[str, ...]
    bcp47: str
    edition: str
    aliases: tuple[str, ...]

    @property
    def host(self) -> str:
        """Host name of its Wikipedia, ``zh-yue.wikipedia.org``."""
        return f"{self.edition}.wikipedia.org"

    @property
    def dump(self) -> str:
        """Database name of its Wikipedia, with which dump files begin: ``zh_yuewiki``."""
        return f"{self.edition.replace('-', '_')}wiki"

    @property
    def varieties(self) -> tuple[Variety, ...]:
        """Its varieties, in the order of the table; there is always at least one."""
        return tuple(v for v in varieties() if v.language == self.code)


@dataclass(frozen=True, slots=True)
class Variety:
    """One of the 56. ``language`` is the code of its :class:`Language`, ``kind`` one of :data:`KINDS`.

    ``cvqa`` holds the CVQA countries and ``worldcuisines`` the WorldCuisines ids it stands for; a variety with both is
    one of the 13 shared. ``query_only`` marks what questions are asked in but no Wikipedia edition is written in
    (registers, Medan Hokkien): no document may be labelled with it on the strength of its source.
    """

    id: str
    language: str
    name: str
    bcp47: str
    kind: str
    query_only: bool
    cvqa: tuple[str, ...]
    worldcuisines: tuple[str, ...]

    @property
    def datasets(self) -> tuple[str, ...]:
        """Which of :data:`DATASETS` ask questions in it."""
        return tuple(name for name, ids in zip(DATASETS, (self.cvqa, self.worldcuisines), strict=True) if ids)


@cache
def languages() -> tuple[Language, ...]:
    """All 42, ordered by English name."""
    return tuple(
        Language(**{**row, "scripts": _split(row["scripts"]), "aliases": _split(row["aliases"])})  # type: ignore[arg-type]
        for row in read_table("languages")
    )


@cache
def varieties() -> tuple[Variety, ...]:
    """All 56, grouped by language in the order of :func:`languages`."""
    return tuple(
        Variety(
            **{  # type: ignore[arg-type]
                **row,
                "query_only": row["query_only"] == "yes",
                "cvqa": _split(row["cvqa"]),
                "worldcuisines": _split(row["worldcuisines"]),
            }
        )
        for row in read_table("varieties")
    )


def resolve(text: str) -> Language | None:
    """The language ``text`` names, or None.

    Understood, in any case and with ``_`` or ``-``: ISO 639 codes, edition codes and their aliases, English and native
    names, BCP-47 tags with script, region or variant (``pt-BR``, ``zh-Hant-HK``), FLORES labels (``arb_Arab``), hosts
    and URLs of Wikimedia projects (``https://en.m.wikipedia.org/wiki/X``), database and dump file names
    (``zh_yuewiki-20250401-pages-articles.xml.bz2``), and variety ids (``ja_casual``).
    """
    site = site_code(text)
    if site is not None:
        return _names().get(_key(site))
    named = _names().get(_key(text))
    if named is not None:
        return named
    tag = parse_tag(text, set(_names()))
    return _names()[tag.language] if tag else None


def get(text: str) -> Language:
    """As :func:`resolve`, but raises :class:`UserError` with the closest known name when there is none."""
    language = resolve(text)
    if language is not None:
        return language
    from difflib import get_close_matches

    close = get_close_matches(_key(text), _names(), n=3)
    meant = list(dict.fromkeys(f"{_names()[c].name} ({_names()[c].code})" for c in close))
    suggestion = f"Did you mean {' or '.join(meant)}? " if meant else ""
    raise UserError(f"unknown language {text!r}", hint=f"{suggestion}`m4corpus languages` lists all 42.")


def resolve_variety(text: str) -> Variety | None:
    """The variety ``text`` names by id, WorldCuisines id or BCP-47 tag (any case, ``_`` or ``-``), or None.

    A tag with a region also finds the one variety of that language and region that is not a register
    (``zh-Hans-SG``, ``spa-MX``); a bare ``es`` is the id of European Spanish, as WorldCuisines has it.
    """
    key = _key(text)
    for variety in varieties():
        if key in {_key(variety.id), _key(variety.bcp47), *map(_key, variety.worldcuisines)}:
            return variety
    return regional_variety(text)


def regional_variety(tag: str) -> Variety | None:
    """The variety a document tagged ``tag`` is written in: decided by language and region, never a query-only one."""
    wanted = parse_tag(tag, set(_names()))
    if wanted is None or not wanted.region:
        return None
    language = _names()[wanted.language]
    for variety in language.varieties:
        own = _tag(variety)
        if own.region == wanted.region and not variety.query_only:
            return variety
    return None


def known_names(language: Language) -> tuple[str, ...]:
    """Everything :func:`resolve` takes for ``language`` word for word: codes, names, aliases, each once."""
    return tuple(dict.fromkeys(_spellings(language)))


@cache
def _names() -> dict[str, Language]:
    names: dict[str, Language] = {}
    for language in languages():
        for spelling in _spellings(language):
            other = names.setdefault(_key(spelling), language)
            if other is not language:
                raise ValueError(f"{spelling!r} names both {other.name} and {language.name}")
    return names


def _spellings(language: Language) -> Iterator[str]:
    yield language.code
    if language.iso639_1:
        yield language.iso639_1
    yield language.edition
    yield language.bcp47
    yield language.name
    yield language.native_name
    yield from language.aliases


def _tag(variety: Variety) -> Tag:
    tag = parse_tag(variety.bcp47, set(_names()))
    assert tag is not None, variety.bcp47
    return tag


def _key(text: str) -> str:
    """Spelling under which a name is looked up."""
    folded = unicodedata.normalize("NFC", text.strip()).casefold()
    return "-".join(folded.replace("_", "-").split())


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)
