"""M4-RAG's own article record, as its scripts and published data sets write it.

``{id, pageid, title, url, content: [{heading, content: [str], images: [{src, alt, caption}], access_time}]}``
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from m4corpus.clean.blocks import Blocks
from m4corpus.clean.config import CleanConfig
from m4corpus.clean.unicode import check_characters, clean_prose
from m4corpus.ledger import Fail

#: The record does not say how deep a heading is; MediaWiki's sections start at the second level.
_HEADING_LEVEL = 2
_LEAD = "Introduction"


class ArticleFields(NamedTuple):
    """What the record says about the article beside its text; empty when it does not."""

    title: str
    url: str
    fetched_at: str


def clean_article(content: str, config: CleanConfig) -> tuple[Blocks, ArticleFields]:
    """Blocks of one article record in JSON, and what it says about the article.

    Raises ``Fail("bad-article")`` naming the first field of the wrong shape, ``Fail("empty-text")`` when there
    is no text.
    """
    article = _mapping(_load(content), "article")
    title = clean_prose(_string(article, "title", "article"))
    sections = _list(article, "content", "article")
    blocks, fetched_at = Blocks(), ""
    for number, item in enumerate(sections):
        where = f"content[{number}]"
        section = _mapping(item, where)
        fetched_at = fetched_at or _string(section, "access_time", where)
        heading = _string(section, "heading", where)
        # M4-RAG's scripts head the lead section so in every language; the article has no such heading.
        if number or clean_prose(heading) not in (title, _LEAD):
            blocks.add("heading", heading, level=_HEADING_LEVEL)
        for index, paragraph in enumerate(_list(section, "content", where)):
            if not isinstance(paragraph, str):
                raise _bad(f"{where}.content[{index}]", "a string", paragraph)
            blocks.add("paragraph", _checked(paragraph, config))
        for index, item in enumerate(_list(section, "images", where, required=False)):
            image = _mapping(item, f"{where}.images[{index}]")
            caption = _string(image, "caption", f"{where}.images[{index}]")
            if config.captions:
                blocks.add("caption", _checked(caption, config))
    if not len(blocks):
        raise Fail("empty-text", f"sections={len(sections)}, none with text")
    return blocks, ArticleFields(title, _string(article, "url", "article"), fetched_at)


def _checked(text: str, config: CleanConfig) -> str:
    # JSON escapes can spell what the file's own characters may not: NUL and lone surrogates.
    return check_characters(text, config.max_control_share)


def _load(content: str) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise Fail("bad-article", f"not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise Fail("bad-article", "not an article: nested too deep") from None


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _bad(where, "an object", value)
    return value


def _list(record: dict[str, Any], key: str, where: str, *, required: bool = True) -> list[Any]:
    value = record.get(key)
    if value is None and not required:
        return []
    if not isinstance(value, list):
        raise _bad(f"{where}.{key}", "a list", value)
    return value


def _string(record: dict[str, Any], key: str, where: str) -> str:
    value = record.get(key)
    if value is not None and not isinstance(value, str):
        raise _bad(f"{where}.{key}", "a string or null", value)
    return value or ""


def _bad(where: str, expected: str, value: Any) -> Fail:
    found = "nothing" if value is None else type(value).__name__
    return Fail("bad-article", f"{where}: expected {expected}, found {found}")
