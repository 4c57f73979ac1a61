"""Reading language tags, and the language code in the address or database name of a Wikimedia site."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from m4corpus.tables import read_table

_PROJECT = "wiki(?:pedia|source|quote|books|news|versity|voyage)|wiktionary"
_HOST = re.compile(rf"(?:www\.)?(?P<code>[a-z][a-z-]*)(?:\.(?:m|zero))?\.(?:{_PROJECT})\.org\.?")
_DATABASE = re.compile(
    r"(?P<code>[a-z][a-z_]*?)(?:wiki(?:source|quote|books|news|versity|voyage)?|wiktionary)"
    r"(?:-(?:\d{8}|latest)(?:-.*)?)?"
)
_REGION = re.compile(r"[a-z]{2}|\d{3}")
_VARIANT = re.compile(r"[a-z0-9]{5,8}|\d[a-z0-9]{3}")


@dataclass(frozen=True, slots=True)
class Tag:
    """Parts of a language tag, lower case; ``script`` and ``region`` are empty when not given."""

    language: str
    script: str
    region: str


def parse_tag(text: str, known: Container[str]) -> Tag | None:
    """Parts of a BCP-47 tag (also with ``_``) whose language is in ``known``, or None when it is not such a tag.

    The language is the longest known run of leading subtags, so ``zh-min-nan-TW`` is Min Nan and not Chinese.
    """
    subtags = text.strip().lower().replace("_", "-").split("-")
    for length in range(len(subtags), 0, -1):
        language = "-".join(subtags[:length])
        if language in known:
            rest = _script_and_region(subtags[length:])
            return Tag(language, *rest) if rest else None
    return None


def site_code(text: str) -> str | None:
    """Code of the Wikimedia project edition an address, host, database or dump file name belongs to, or None.

    ``http://zh-yue.m.wikipedia.org/wiki/X`` and ``dumps/zh_yuewiki-latest-pages-articles.xml.bz2`` give ``zh-yue``.
    """
    lowered = text.strip().lower()
    if "://" not in lowered and not lowered.startswith("//"):
        lowered = f"//{lowered}"
    try:
        address = urlsplit(lowered)
        host = _HOST.fullmatch(address.hostname or "")
    except ValueError:
        return None
    if host:
        return host["code"]
    database = _DATABASE.fullmatch(lowered.rstrip("/").rsplit("/", 1)[-1])
    return database["code"].replace("_", "-") if database else None


def _script_and_region(subtags: list[str]) -> tuple[str, str] | None:
    """Script and region among the subtags after the language; None when they are no well-formed rest of a tag."""
    rest = list(subtags)
    script = rest.pop(0) if rest and rest[0] in _scripts() else ""
    region = rest.pop(0) if rest and _REGION.fullmatch(rest[0]) else ""
    while rest and _VARIANT.fullmatch(rest[0]):
        rest.pop(0)
    if rest and not (len(rest[0]) == 1 and len(rest) > 1 and all(rest)):
        return None
    return script, region


@cache
def _scripts() -> frozenset[str]:
    return frozenset(row["code"].lower() for row in read_table("scripts"))
