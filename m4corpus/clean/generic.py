"""Any other HTML, mostly through trafilatura: main text with its headings, lists, tables, quotes, code and captions."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cache
from typing import Any

from m4corpus.clean.asides import drop_asides_in_text
from m4corpus.clean.blocks import Blocks
from m4corpus.clean.config import CleanConfig
from m4corpus.clean.container import drop_asides, find_container, is_landmark
from m4corpus.clean.flow import HEADINGS, Flow
from m4corpus.clean.gaps import fill_gaps
from m4corpus.clean.layout import open_layout
from m4corpus.clean.parse import Element
from m4corpus.clean.raised import subscript, superscript
from m4corpus.clean.standins import StandIns
from m4corpus.clean.unicode import clean_prose, count_wide, is_visible
from m4corpus.ledger import Fail

# trafilatura's vocabulary in terms of HTML, so that one walk serves both.
_AS_HTML = {"list": "ul", "item": "li", "row": "tr", "cell": "td", "quote": "blockquote", "lb": "br", "graphic": "img"}
_CONTENT_OF_FIGURE = {"table", "pre", "blockquote", "p", "ul", "ol", "dl", *HEADINGS}


#: Never shown as text; taken out first, since every step walks the page anew.
_UNSEEN = (
    "audio", "canvas", "embed", "iframe", "link", "meta", "object", "script", "style", "svg", "template", "video",
)  # fmt: skip
#: Never the main text, for trafilatura neither; without them it is faster by a third.
_AROUND = (
    "aside", "button", "datalist", "dialog", "footer", "input", "menu", "nav", "noscript", "select", "textarea",
)  # fmt: skip

#: Below this much main text (see :func:`_weight`) the rest of the page is looked at too.
_SHORT = 250
#: ... and taken instead if it has this many times more.
_MUCH_MORE = 1.5


def clean_generic(root: Element, config: CleanConfig) -> Blocks:
    """Blocks of the main text of ``root``, which is changed on the way.

    A page that marks no main text, yet keeps all of it in an element with nothing foreign inside, is read by its own
    structure (see ``container``). Of any other trafilatura decides what the main text is, and this function how to read
    it. Where trafilatura finds little, it would fall back on one flat paragraph of everything; here the page is then
    read by its own structure too, without navigation.

    Raises ``Fail("empty-text")`` when the page has no text, ``Fail("no-content")`` when it has but none of it
    is content.
    """
    body = root if root.tag == "body" else next(root.iter("body"), root)
    if not any(is_visible(text) for text in _texts(body)):
        raise Fail("empty-text", "no visible text")
    _drop(root, _UNSEEN)
    open_layout(body)
    _drop_page_header(body)
    box = find_container(body)
    if box is None:
        _drop(body, _AROUND)
        drop_asides_in_text(body)
    stand_ins = StandIns(root)
    _prepare(root, stand_ins, captions=config.captions)
    if box is not None:
        section = deepcopy(box)
        drop_asides(section)
        if len(blocks := _read(section, stand_ins, config)):
            return blocks
    main = Blocks()
    if (extracted := _extract(root, config)) is not None:
        _to_html(extracted)
        fill_gaps(extracted, body, stand_ins.caption)
        main = _read(extracted, stand_ins, config)
    if (weight := _weight(main)) >= _SHORT:
        return main
    whole = _read(_without_furniture(body), stand_ins, config)
    if not len(whole):
        raise Fail("no-content", "nothing but navigation, footers or forms")
    return whole if _weight(whole) > _MUCH_MORE * weight else main


def _drop(root: Element, tags: Iterable[str]) -> None:
    """Remove elements of these tags inside ``root``."""
    for element in list(root.iter(*tags)):
        # trafilatura takes the text from there when it finds none elsewhere.
        if element is not root and element.get("type") != "application/ld+json":
            element.drop_tree()


def generic_title(root: Element) -> str:
    """The h1 that the title element repeats, else ``og:title``, else the title element, else the first h1."""
    titles = [clean_prose(element.text or "") for element in root.iter("title")]
    title = next((text for text in titles if text), "")
    headings = [text for heading in root.iter("h1") if (text := clean_prose(heading.text_content()))]
    for heading in sorted(headings, key=len, reverse=True):
        if heading in title:
            return heading
    shared = (clean_prose(value) for value in root.xpath("//meta[@property='og:title']/@content"))
    return next((text for text in (*shared, title, *headings) if text), "")


def _texts(body: Element) -> Iterator[str]:
    for element in body.iter():
        if element.text and element.tag not in ("script", "style", "template", "noscript"):
            yield element.text
        if element.tail:
            yield element.tail


def _prepare(root: Element, stand_ins: StandIns, *, captions: bool) -> None:
    for element in list(root.iter("sup", "sub")):
        raise_text = superscript if element.tag == "sup" else subscript
        text = raise_text(element.text_content())
        tail = element.tail
        element.clear()
        element.text, element.tail, element.tag = text, tail, "span"
    for figure in list(root.iter("figure")):
        _open_figure(figure, stand_ins.caption if captions else "")
    for pre in root.iter("pre"):
        pre.text = stand_ins.hide_layout(pre.text or "")
        for element in pre.iterdescendants():
            element.text = stand_ins.hide_layout(element.text or "")
            element.tail = stand_ins.hide_layout(element.tail or "")
    if not stand_ins.needed:
        return
    for element in root.iter():
        if element.text and element.tag not in ("script", "style"):
            element.text = stand_ins.hide(element.text)
        if element.tail:
            element.tail = stand_ins.hide(element.tail)


def _open_figure(figure: Element, mark: str) -> None:
    """trafilatura drops figures: keep what is no picture in one, and a picture's caption as a marked paragraph."""
    if any(element.tag in _CONTENT_OF_FIGURE for element in figure.iterdescendants()):
        figure.tag = "div"
        return
    caption = " ".join(" ".join(element.text_content() for element in figure.iter("figcaption")).split())
    # A picture whose caption is inside a link announces another page.
    teaser = next(figure.iterancestors("a"), None) is not None or bool(figure.xpath("boolean(.//a//figcaption)"))
    if caption and mark and not teaser:
        tail = figure.tail
        figure.clear()
        figure.text, figure.tail, figure.tag = mark + caption, tail, "p"


def _extract(root: Element, config: CleanConfig) -> Element | None:
    from trafilatura import bare_extraction

    with _silent("trafilatura"):
        result = bare_extraction(root, options=_options(config))
    return None if result is None or not is_visible("".join(result.body.itertext())) else result.body


@cache
def _options(config: CleanConfig) -> Any:
    from trafilatura.settings import Extractor

    options = Extractor(
        output_format="python",
        fast=config.fast,
        precision=config.focus == "precision",
        recall=config.focus == "recall",
        comments=False,
        formatting=False,
        links=False,
        images=False,
        tables=config.tables,
        dedup=False,
    )
    # Its rescue of short texts is replaced by ours.
    options.min_extracted_size = 1
    return options


@contextmanager
def _silent(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def _to_html(body: Element) -> None:
    for element in body.iter():
        if element.tag == "head":
            element.tag = element.get("rend") if element.get("rend") in HEADINGS else "h2"
        else:
            element.tag = _AS_HTML.get(element.tag, element.tag)


def _read(body: Element, stand_ins: StandIns, config: CleanConfig) -> Blocks:
    for element in body.iter():
        if stand_ins.caption in (element.text or "")[:1]:
            element.tag = "figcaption"
        elif element.tag in ("blockquote", "code") and any(stand_ins.line in text for text in element.itertext()):
            element.tag = "pre"
    for element in body.iter():
        element.text = stand_ins.restore(element.text or "")
        element.tail = stand_ins.restore(element.tail or "")
    blocks = Blocks()
    Flow(blocks, tables=config.tables, captions=config.captions).walk(body)
    return blocks


def _drop_page_header(body: Element) -> None:
    """The header of a page, as opposed to a section's, is furniture unless it holds a heading: the article's title."""
    for header in list(body.iter("header")):
        if is_landmark(header) and next(header.iter(*HEADINGS), None) is None:
            header.clear(keep_tail=True)


def _without_furniture(body: Element) -> Element:
    from trafilatura.baseline import basic_cleaning

    for element in list(basic_cleaning(body).iter("nav", "form")):
        # Some frameworks wrap the whole page in one form.
        if element.tag == "nav" or next(element.iter("p", "h1", "h2", "h3", "article"), None) is None:
            element.drop_tree()
    for element in [element for element in body.iterdescendants() if is_landmark(element)]:
        if element.tag != "header":
            element.clear(keep_tail=True)
    return body


def _weight(blocks: Blocks) -> int:
    """Characters of text, a wide one counting for three: that much more one Han character says than a Latin letter."""
    text = blocks.finish()[0]
    return len(text) + 2 * count_wide(text)
