"""Requests to MediaWiki's action API for hits, language links and files, and what their answers say. No fetching.

Addresses are canonical (parameters sorted, everything percent-encoded), so that equal questions are equal requests.
Answers are taken in the form ``formatversion=2``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from m4corpus.crawl.mediawiki.answers import Answer, reading, text_of
from m4corpus.crawl.mediawiki.records import Hit, ImageInfo
from m4corpus.crawl.messages import Failed, Request
from m4corpus.languages import languages

#: Items a request may name or ask for; more is for accounts with the right to.
BATCH = 50

_EDITION = re.compile(r"[a-z][a-z0-9-]{0,39}")
_METADATA = "Artist|Credit|LicenseShortName|LicenseUrl|UsageTerms"


def request(kind: str, api: str, parameters: Mapping[str, str | int], go_on: Answer | None = None) -> Request:
    """A request to the action API at ``api``; ``go_on`` is the ``continue`` of the answer before."""
    found = {"format": "json", "formatversion": 2, **parameters, **(go_on or {})}
    # No `accept`: what is not JSON is a passing fault, which the judge knows and a check of media types would not.
    try:
        return Request(kind, f"{api}?{urlencode(sorted(found.items()), quote_via=quote, safe='')}")
    except UnicodeEncodeError:
        raise Failed("lone-surrogates", "half a surrogate pair cannot be asked for") from None


def address(template: str, edition: str) -> str:
    """``template`` with the edition in place; raises ``Failed("bad-edition")`` for what cannot be part of a host."""
    if not _EDITION.fullmatch(edition):
        raise Failed("bad-edition", edition)
    return template.replace("{edition}", edition)


def query_of(answer: Answer) -> Answer:
    """What an ``action=query`` found; empty where it found nothing. To be called while :func:`~.answers.reading`."""
    found = answer.get("query", {})
    if not isinstance(found, dict):
        raise TypeError
    return found


def numbers(values: Iterable[int]) -> str:
    """Several numbers as one parameter, ascending, each once."""
    return "|".join(map(str, sorted(set(values))))


def search(
    api: str,
    query: str,
    *,
    limit: int,
    what: str = "default",
    namespaces: Sequence[int] = (0,),
    go_on: Answer | None = None,
) -> Request:
    """A search; answers hold up to ``limit`` hits, and never more than :data:`BATCH`."""
    parameters: dict[str, str | int] = {
        "action": "query",
        "list": "search",
        "srsearch": query,
        "srlimit": min(limit, BATCH),
        "srnamespace": numbers(namespaces),
        "srprop": "",
        "srinfo": "",
    }
    if what != "default":
        parameters["srwhat"] = what
    return request("search", api, parameters, go_on)


def hits(answer: Answer) -> list[Hit]:
    """Hits of one answer, in order; what a stale index finds without a page is none."""
    with reading():
        found = query_of(answer).get("search", [])
        return [Hit(int(hit["pageid"]), str(hit["title"])) for hit in found if hit.get("pageid", 0) > 0]


def langlinks(api: str, pageids: Iterable[int], *, limit: str | int = "max", go_on: Answer | None = None) -> Request:
    """Language links of up to :data:`BATCH` pages; answers hold ``limit`` of them."""
    parameters: dict[str, str | int] = {
        "action": "query",
        "prop": "langlinks",
        "pageids": numbers(pageids),
        "lllimit": limit,
    }
    return request("langlinks", api, parameters, go_on)


def links(answer: Answer) -> dict[int, list[tuple[str, str]]]:
    """Pairs of interwiki prefix and title of one answer, by page id, for the pages it holds links of."""
    with reading():
        return {
            int(page["pageid"]): [(str(link["lang"]), str(link["title"])) for link in page["langlinks"]]
            for page in query_of(answer).get("pages", [])
            if page.get("langlinks")
        }


def by_edition(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Titles by edition code, sorted; a prefix that is an alias (``yue``) gives way to the edition's own (``zh-yue``).

    Prefixes that cannot be the code of an edition and links without a title are left out.
    """
    named: dict[str, tuple[bool, str, str]] = {}
    for prefix, title in found:
        edition = edition_of(prefix)
        if title and _EDITION.fullmatch(edition):
            candidate = (prefix != edition, prefix, title)
            named[edition] = min(named.get(edition, candidate), candidate)
    return {edition: title for edition, (_, _, title) in sorted(named.items())}


def edition_of(prefix: str) -> str:
    """The edition an interwiki prefix leads to: ours for the codes of the registry, else the prefix itself.

    Names and tags of languages are not resolved: ``simple`` is an edition apart, however English it is.
    """
    prefix = prefix.strip().lower()
    for language in languages():
        if prefix in (language.edition, language.bcp47, language.code, language.iso639_1):
            return language.edition
    return prefix


def image_search(
    api: str, query: str, *, limit: int, what: str = "default", width: int = 0, go_on: Answer | None = None
) -> Request:
    """A search among a wiki's files with what is known of each; ``width`` also asks for the address of a thumbnail."""
    parameters: dict[str, str | int] = {
        "action": "query",
        "generator": "search",
        "gsrsearch": query,
        "gsrnamespace": 6,
        "gsrlimit": min(limit, BATCH),
        "prop": "imageinfo",
        "iiprop": "extmetadata|mime|sha1|size|url",
        "iiextmetadatafilter": _METADATA,
    }
    if what != "default":
        parameters["gsrwhat"] = what
    if width:
        parameters["iiurlwidth"] = width
    return request("image-search", api, parameters, go_on)


def images(answer: Answer) -> dict[int, ImageInfo]:
    """Files of one answer by their place among the hits; those whose file the answer does not describe are left out."""
    with reading():
        return {
            int(page["index"]): _image(str(page["title"]), page["imageinfo"][0])
            for page in query_of(answer).get("pages", [])
            if page.get("imageinfo") and page["imageinfo"][0].get("url")
        }


def _image(title: str, found: Mapping[str, Any]) -> ImageInfo:
    # PHP writes an empty mapping as a list.
    metadata = found.get("extmetadata") or {}

    def known(name: str) -> str:
        return text_of(str(metadata.get(name, {}).get("value", "")))

    return ImageInfo(
        title=title,
        url=str(found["url"]),
        descriptionurl=str(found.get("descriptionurl", "")),
        mime=str(found.get("mime", "")),
        width=int(found.get("width", 0)),
        height=int(found.get("height", 0)),
        size=int(found.get("size", 0)),
        sha1=str(found.get("sha1", "")),
        licence=known("LicenseShortName") or known("UsageTerms"),
        licence_url=known("LicenseUrl"),
        author=known("Artist"),
        credit=known("Credit"),
        thumb_url=str(found.get("thumburl", "")),
    )
