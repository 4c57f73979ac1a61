"""What a link of wikitext shows: text, the caption of a picture, or nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from m4corpus.tables import read_table

#: Names every wiki understands, whatever its language.
_FILES, _CATEGORIES, _LINKED = frozenset({"file", "image"}), frozenset({"category"}), frozenset({"media"})
_MEDIA = re.compile(
    r"\.(?:jpe?g|png|svg|gif|tiff?|webp|xcf|og[agv]|opus|webm|wav|mp3|flac|midi?|mpe?g|pdf|djvu|stl)$", re.IGNORECASE
)
#: Links to the same article in another language stand at the end of a page and show nothing there.
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,})*|simple|be-x-old|map-bms|bat-smg|roa-[a-z]+|zh-min-nan")
#: Prefixes of other sites that look like codes of languages.
_SITES = frozenset({"cat", "doi", "hdl", "mos", "mw", "rfc", "rev", "usemod", "voy"})
#: Options of other extensions, and misspelt ones.
_NAMED = re.compile(r"[A-Za-z][a-z]+\s*=")
#: Options that put a picture into a frame, its caption below it.
_FRAMES = frozenset({"thumbnail", "manualthumb", "framed"})
#: Options a line of a gallery can have; other words are its caption there.
_OF_GALLERIES = frozenset({"alt", "link", "class", "lang", "page", "starttime", "endtime", "thumbtime"})
#: What stands for ``$1`` in the words of options: after ``=`` anything.
_SIZE, _NUMBER = r"(?:[0-9]+x?|[0-9]*x[0-9]+)(?:\s*px)?\s*", r"\s*[0-9.]+\s*"
_DIGITS = re.compile("[0-9]+")
#: Most digits in the size of an icon, in pixels.
_ICON = 2


@dataclass(frozen=True)
class Names:
    """Local names of namespaces, casefolded, English ones included."""

    files: frozenset[str]
    categories: frozenset[str]
    #: A link to a file itself, whose text is shown: ``[[Media:X.ogg|listen]]``.
    linked: frozenset[str]

    @classmethod
    def of(cls, metadata: Mapping[str, str]) -> Names:
        """The names a page brings along as ``namespaces.<number>``, several parted by ``|``."""

        def named(number: int) -> frozenset[str]:
            return frozenset(name.strip().casefold() for name in metadata.get(f"namespaces.{number}", "").split("|"))

        return cls(_FILES | (named(6) - {""}), _CATEGORIES | (named(14) - {""}), _LINKED | (named(-2) - {""}))


def kind_of(title: str, names: Names) -> str:
    """What a link to ``title`` is: ``text``, ``file``, or ``none`` for categories and languages, which show nothing."""
    prefix, colon, rest = title.strip().partition(":")
    if not colon or not prefix:  # [[:Category:X]] is a link like any other
        return "text"
    prefix = prefix.strip().replace("_", " ")
    if prefix.casefold() in names.linked:
        return "text"
    if prefix.casefold() in names.files or _MEDIA.search(rest.strip()):
        return "file"
    if prefix.casefold() in names.categories or (_LANGUAGE.fullmatch(prefix) and prefix not in _SITES):
        return "none"
    return "text"


def caption_of(arguments: list[str], *, in_gallery: bool = False) -> int | None:
    """Index of the caption among a picture's arguments as written, None where it has none.

    As in MediaWiki it is the last that is no option, in whatever language; unlike there, an empty one is none.
    """
    for index in range(len(arguments) - 1, -1, -1):
        text = arguments[index].strip()
        options = options_of(text)
        if in_gallery:
            options &= _OF_GALLERIES
        if text and not options and not _NAMED.match(text):
            return index
    return None


def is_shown_small(arguments: list[str]) -> bool:
    """Whether a picture stands in its line and its caption is but a tooltip; in doubt it is not."""
    small = False
    for argument in arguments:
        options = options_of(argument)
        if options & _FRAMES:
            return False
        small |= "width" in options and all(len(digits) <= _ICON for digits in _DIGITS.findall(argument))
    return small


def options_of(argument: str) -> frozenset[str]:
    """Options of pictures that ``argument`` is, as ``tables/picture_options.csv`` names them, empty for a caption.

    The table holds the words of all languages MediaWiki has words in, as its parser compares them: by case. Some mean
    one thing here and another there (``kanan`` is right in Indonesian, left in Malay).
    """
    text = argument.strip()
    words, patterns = _option_words()
    found = words.get(text)
    return found or frozenset(option for option, pattern in patterns.items() if pattern.fullmatch(text))


@cache
def _option_words() -> tuple[dict[str, frozenset[str]], dict[str, re.Pattern[str]]]:
    """Options by the words that are all of them, and patterns of options that hold a value."""
    words: dict[str, frozenset[str]] = {}
    patterns = {}
    for row in read_table("picture_options"):
        option, valued = row["option"], []
        for word in row["words"].split("|"):
            before, holds_value, after = word.partition("$1")
            if holds_value:
                value = _SIZE if option == "width" else ".*" if before.endswith("=") else _NUMBER
                valued.append(re.escape(before) + value + re.escape(after))
            else:
                words[word] = words.get(word, frozenset()) | {option}
        if valued:
            patterns[option] = re.compile("|".join(valued), re.DOTALL)
    return words, patterns
