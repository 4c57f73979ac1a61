"""A crawled page as M4-RAG's article record, made by our cleaner where its scripts took paragraphs only.

``{id, pageid, title, url, content: [{heading, content: [str], images: [{src, alt, caption}], access_time}]}``

What differs from the scripts: lists, quotes, tables and infoboxes are there, one string an item or row; superscripts
stay; sections are found at any depth and headings of all levels open one (the scripts stop at the fifth); a heading
directly followed by another keeps its own, empty, section; image addresses belong to the page's own edition; and
``access_time`` is when the revision was saved, so that the same page gives the same record at any time.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import HTML, check_size
from m4corpus.clean.images import Image, mediawiki_images
from m4corpus.clean.parse import parse_html
from m4corpus.clean.unicode import check_characters
from m4corpus.ledger import Fail
from m4corpus.records import Block, Page

#: Heading the scripts give to what stands before the first one.
LEAD = "Introduction"


def article(page: Page) -> dict[str, Any]:
    """The record of a page of a wiki, its HTML from any of MediaWiki's parsers; ``metadata`` has its ``pageid``.

    Captions are with their images and not in the text; those without an image (of tables, of sound files), or whose
    image shows nothing, are strings of the section. A caption inside a table is with the image and in its row.

    Raises ``Fail`` with one of ``missing-field``, ``bad-field``, ``unknown-media-type``, or the cleaner's reasons:
    ``too-large``, ``lone-surrogates``, ``control-characters``, ``too-deep``, ``unparsable-html``, ``empty-text``.
    """
    pageid = _pageid(page)
    if page.media_type.partition(";")[0].strip().lower() not in HTML:
        raise Fail("unknown-media-type", page.media_type)
    config = CleanConfig()
    check_size(page, config)
    root = parse_html(check_characters(page.content, config.max_control_share), config.max_depth)
    blocks, images = mediawiki_images(root, page.url, config)
    sections = _sections(*blocks.finish(), images)
    return {
        "id": page.id,
        "pageid": pageid,
        "title": page.title,
        "url": page.url,
        "content": [{**section, "access_time": page.fetched_at} for section in sections],
    }


def _pageid(page: Page) -> int:
    value = page.metadata.get("pageid", "")
    if not value:
        raise Fail("missing-field", "field=metadata.pageid")
    if not (value.isascii() and value.isdigit()):
        raise Fail("bad-field", f"metadata.pageid is {value[:40]!r}")
    return int(value)


def _sections(text: str, blocks: list[Block], images: list[Image]) -> list[dict[str, Any]]:
    captions = {number for image in images for number in range(image.first, image.last)}
    sections: list[dict[str, Any]] = [_section(LEAD)]
    starts = []
    for number, block in enumerate(blocks):
        if block.kind == "heading":
            starts.append(number)
            sections.append(_section(text[block.start : block.end]))
        elif number not in captions:
            sections[-1]["content"].append(text[block.start : block.end])
    for image in images:
        # Headings before the image; one that the image stands in is not finished yet, and counts.
        section = bisect_right(starts, image.place if image.in_heading else image.place - 1)
        sections[section]["images"].append({"src": image.src, "alt": image.alt, "caption": image.caption})
    return sections if sections[0]["content"] or sections[0]["images"] else sections[1:]


def _section(heading: str) -> dict[str, Any]:
    return {"heading": heading, "content": [], "images": []}
