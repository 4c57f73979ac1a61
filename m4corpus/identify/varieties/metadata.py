"""What a document's source says of its variety: the tag it was given, the edition or country of its host, its address.

The reliabilities are expectations, stated in ``docs/varieties.md``: how often the claim is right of a page in that
language, where a page of another country, a copy or a careless template is what makes it wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from urllib.parse import urlsplit

from m4corpus import languages as registry
from m4corpus.identify.varieties.decision import Claim
from m4corpus.languages import Language, Variety
from m4corpus.tags import parse_tag, site_code

#: Reliability of a tag by where it was read: templates put ``es-ES`` and ``pt-PT`` on pages from anywhere.
TAGS = {"recipe": 0.97, "field": 0.95, "path": 0.92, "attribute": 0.85}
_TAG, _EDITION, _HOST, _ADDRESS = 0.9, 0.98, 0.9, 0.9
#: Country-code domains that are sold as something else, unless a second label says that it is the country's own.
_SOLD = frozenset({"co", "me", "tv", "io", "ai", "cc", "fm", "am", "to", "ly", "la", "nu", "ws", "gg", "sh", "ac"})
_SECOND = frozenset(
    {"com", "co", "gov", "gob", "gub", "edu", "ac", "org", "net", "mil", "nom", "or", "ne", "go", "web"}
)
_LOCALE = re.compile(r"[a-z]{2,3}[-_](?:[a-z]{4}[-_])?[a-z]{2}", re.IGNORECASE)
# Host names end in these where ISO 3166 has another code.
_COUNTRIES = {"uk": "gb", "eu": "", "su": "ru"}


def claims(language: str, hint: str = "", hint_from: str = "", url: str = "") -> Iterator[Claim]:
    """Claims about a document in ``language`` (ISO 639-3) with this language hint (``records.Page``) and address.

    A query-only variety is never claimed: what a source is says nothing of register.
    """
    spoken = registry.resolve(language)
    if spoken is None:
        return
    yield from _from_tag(spoken, hint, TAGS.get(hint_from, _TAG))
    yield from _from_edition(spoken, hint, url)
    yield from _from_address(spoken, url)


def variety_of(language: Language, region: str, script: str = "") -> str:
    """Tag of the variety of ``language`` in a country (ISO 3166, any case): the registry's, or a tag outside it.

    Languages the registry does not divide by country (English, French, Thai, and the like) are one variety everywhere;
    for those of which it has query-only varieties alone (Japanese, Min Nan) a country says nothing, and the tag is
    empty.
    """
    if all(variety.query_only for variety in language.varieties):
        return ""
    for variety in language.varieties:
        if variety.query_only:
            continue
        own = _region(variety)
        if not own or own == region.lower():
            return variety.bcp47
    subtags = [language.bcp47, script.title(), region.upper()]
    return "-".join(subtag for subtag in subtags if subtag)


def _from_tag(language: Language, hint: str, reliability: float) -> Iterator[Claim]:
    tag = parse_tag(hint, _names())
    if tag and len(tag.region) == 2 and registry.resolve(tag.language) == language:
        variety = variety_of(language, tag.region, tag.script)
        if variety:
            yield Claim(variety, reliability, "tag", hint.strip())


def _from_edition(language: Language, hint: str, url: str) -> Iterator[Claim]:
    """A Wikipedia edition is written in its language's dialect, but by people of every country that has it."""
    for text in (url, hint):
        code = site_code(text) if text else None
        if code is None and text == hint and hint in {language.edition, *language.aliases}:
            code = hint
        if code is None or registry.resolve(code) != language:
            continue
        dialects = [v for v in language.varieties if v.kind == "dialect" and not v.query_only]
        if dialects:
            yield Claim(dialects[0].bcp47, _EDITION, "edition", code)
            return
        if language.code == "nan":
            yield Claim("nan-Latn", _EDITION, "edition", code)
            return


def _from_address(language: Language, url: str) -> Iterator[Claim]:
    try:
        address = urlsplit(url if "://" in url else f"//{url}")
        labels = (address.hostname or "").rstrip(".").split(".")
    except ValueError:
        return
    places = [*labels[:-2], *address.path.split("/")[1:4]]
    for place in places:
        if _LOCALE.fullmatch(place):
            yield from (
                Claim(claim.variety, claim.confidence, "address", place)
                for claim in _from_tag(language, place, _ADDRESS)
            )
            break
    country = labels[-1].lower()
    if len(labels) < 2 or len(country) != 2 or not country.isascii():
        return
    own = country not in _SOLD or (len(labels) > 2 and labels[-2] in _SECOND)
    region = _COUNTRIES.get(country, country)
    variety = variety_of(language, region) if own and region and not site_code(url) else ""
    if variety:
        yield Claim(variety, _HOST, "host", f".{country}")


def _region(variety: Variety) -> str:
    tag = parse_tag(variety.bcp47, _names())
    return tag.region if tag else ""


@cache
def _names() -> frozenset[str]:
    return frozenset(name.casefold() for language in registry.languages() for name in registry.known_names(language))
