"""Wikitext before and after the parser: what would mislead it is taken out first, what it left undone comes after."""

from __future__ import annotations

import re

_MARKS = re.compile("[\x00-\x08]")
_LONE_COMMENT = re.compile(r"\n[ \t]*(?:<!--(?:[^-]|-(?!->))*-->[ \t]*)+(?=\n)")
_REFERENCE = re.compile(r"<ref(?:\s[^<>]*)?(?:/>|(?<!/)>(?:(?!<ref[\s>/]).)*?</ref\s*>)", re.IGNORECASE | re.DOTALL)
_QUOTES = re.compile("'{2,}")
_APOSTROPHE = re.compile(r"(?<=\w)'''(?!')")
# Tags that mwparserfromhell left as text, since nothing closes them.
_STRAY_BREAK = re.compile(r"</?(?:br|div|li|ol|p|table|td|th|tr|ul|center|blockquote)\b[^<>]*>", re.IGNORECASE)
_STRAY = re.compile(
    r"</?(?:b|big|code|em|font|i|includeonly|noinclude|onlyinclude|ref|references|s|small|span|strong|sub|sup|tt|u)\b"
    r"[^<>]*>",
    re.IGNORECASE,
)
_SWITCH = re.compile(r"__[^\W_](?:\w{0,40}?[^\W_])?__")
_VARIANTS = re.compile(r"-\{(?!\{)([^{}]*)\}-")


def prepared(content: str, *, references: bool) -> str:
    """``content`` for the parser: without control characters, lines that hold only a comment and, unless
    ``references``, footnotes; of several spellings in ``-{...}-`` the first."""
    content = _LONE_COMMENT.sub("", "\n" + _MARKS.sub("", content).replace("\r\n", "\n"))[1:]
    if "-{" in content:
        content = _VARIANTS.sub(_variant, content)
    if not references:
        content = _REFERENCE.sub("", content)
    if "'''" in content:
        content = "\n".join(map(_with_apostrophe, content.split("\n")))
    return content


def plain(text: str) -> str:
    """``text`` of a text node without marks of bold and italics, tags nothing closes, and switches (``__NOTOC__``)."""
    # Four quotes are bold and an apostrophe, more than five have apostrophes before them, as in MediaWiki.
    text = _QUOTES.sub(lambda found: "'" * {4: 1}.get(len(found[0]), max(len(found[0]) - 5, 0)), text)
    if "<" in text:
        text = _STRAY.sub("", _STRAY_BREAK.sub("\n", text))
    if "__" in text:
        text = _SWITCH.sub(lambda found: "" if found[0] == found[0].upper() else found[0], text)
    return text


def _variant(found: re.Match[str]) -> str:
    """What ``-{...}-`` shows: text in the spelling it is written in, the first where several are given."""
    flags, bar, text = found[1].rpartition("|")
    if bar and set(flags.strip()) & set("HT-"):
        return ""
    first = text.split(";", 1)[0]
    code, colon, value = first.partition(":")
    return value.strip() if colon and re.fullmatch(r"\s*[a-z-]{2,12}\s*", code) else text


def _with_apostrophe(line: str) -> str:
    """``''Iliad'''s`` is an apostrophe after italics, as MediaWiki has it where neither style would be balanced."""
    lengths = [len(quotes) for quotes in _QUOTES.findall(line)]
    bold = sum(length != 2 for length in lengths)
    italic = sum(length == 2 or length >= 5 for length in lengths)
    return _APOSTROPHE.sub("&#39;''", line, count=1) if bold % 2 and italic % 2 else line
