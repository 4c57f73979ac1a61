"""What a link of wikitext shows: text, the caption of a picture, or nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: Names every wiki understands, whatever its language.
_FILES, _CATEGORIES = frozenset({"file", "image", "media"}), frozenset({"category"})
_MEDIA = re.compile(
    r"\.(?:jpe?g|png|svg|gif|tiff?|webp|xcf|og[agv]|opus|webm|wav|mp3|flac|midi?|mpe?g|pdf|djvu|stl)$", re.IGNORECASE
)
#: Links to the same article in another language stand at the end of a page and show nothing there.
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,})*|simple|be-x-old|map-bms|bat-smg|roa-[a-z]+|zh-min-nan")
#: Prefixes of other sites that look like codes of languages.
_SITES = frozenset({"cat", "doi", "hdl", "mos", "mw", "rfc", "rev", "usemod", "voy"})
_OPTION_WORDS = (
    "thumb thumbnail frame framed frameless border right left center centre none upright baseline sub super top middle"
    " bottom text-top text-bottom"
)
_OPTIONS = frozenset(_OPTION_WORDS.split())
_SIZE = re.compile(r"(?:\d+)?x?\d+\s*\w{0,4}")
_ICON = re.compile(r"x?\d{1,2}\s*px")
_NAMED = re.compile(r"\w+\s*=")
#: Longest word, in characters, that is taken for an option in the language of the wiki ("miniatur", "мини").
_LONGEST_OPTION = 14


@dataclass(frozen=True)
class Names:
    """Local names of namespaces, casefolded, English ones included."""

    files: frozenset[str]
    categories: frozenset[str]

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> Names:
        """The names a page brings along as ``namespaces.<number>``, several parted by ``|``."""

        def named(number: int) -> frozenset[str]:
            return frozenset(name.strip().casefold() for name in metadata.get(f"namespaces.{number}", "").split("|"))

        return cls(_FILES | ((named(6) | named(-2)) - {""}), _CATEGORIES | (named(14) - {""}))


def kind_of(title: str, names: Names) -> str:
    """What a link to ``title`` is: ``text``, ``file``, or ``none`` for categories and languages, which show nothing."""
    prefix, colon, rest = title.strip().partition(":")
    if not colon or not prefix:  # [[:Category:X]] is a link like any other
        return "text"
    prefix = prefix.strip().replace("_", " ")
    if prefix.casefold() in names.files or _MEDIA.search(rest.strip()):
        return "file"
    if prefix.casefold() in names.categories or (_LANGUAGE.fullmatch(prefix) and prefix not in _SITES):
        return "none"
    return "text"


def caption_of(arguments: list[str]) -> int | None:
    """Index of the caption among a picture's arguments as written, None where it has none.

    As in MediaWiki it is the last that is no option. Options in the language of the wiki are not known here: a single
    short word is taken for one.
    """
    for index in range(len(arguments) - 1, -1, -1):
        text = arguments[index].strip()
        if not text or text.casefold() in _OPTIONS or _SIZE.fullmatch(text) or _NAMED.match(text):
            continue
        if len(text.split()) == 1 and len(text) <= _LONGEST_OPTION and text.isalnum():
            continue
        return index
    return None


def is_shown_small(arguments: list[str]) -> bool:
    """Whether a picture stands in its line and its caption is but a tooltip; in doubt it is not."""
    plain = {argument.strip().casefold() for argument in arguments}
    return not plain & {"thumb", "thumbnail", "frame", "framed"} and any(_ICON.fullmatch(text) for text in plain)
