"""HTML to an lxml tree, refusing what is nested too deep for the recursive code behind it."""

from __future__ import annotations

import re
from typing import Any

from m4corpus.ledger import Fail

#: An ``lxml.html.HtmlElement``; lxml carries no type information.
Element = Any

_HIDDEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\b", re.IGNORECASE)


def parse_html(content: str, max_depth: int) -> Element:
    """Root element of a page or fragment; comments and processing instructions are gone.

    Linear in the size of ``content``: libxml2 itself stops building at 2048 levels, whatever the input.
    Raises ``Fail("empty-text")`` when there is no markup and no text at all, and ``Fail("too-deep")``.
    """
    from lxml import etree, html

    # `encoding` overrides what the page declares: the source has decoded it already.
    parser = html.HTMLParser(
        encoding="utf-8",
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
        default_doctype=False,
    )
    if not content.strip():
        raise Fail("empty-text", "no characters but white space")
    try:
        root = etree.fromstring(content.encode(), parser)
    except etree.ParserError:
        root = None
    except etree.XMLSyntaxError as error:
        if error.code == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from None
        raise Fail("unparsable-html", str(error.msg)) from None
    if root is None:
        raise Fail("empty-text", "no elements and no text")
    if any(entry.type == etree.ErrorTypes.ERR_NO_MEMORY for entry in parser.error_log.filter_from_fatals()):
        # What was built before memory ran out would pass for the whole page.
        raise MemoryError
    if deeper_than(root, max_depth):
        raise Fail("too-deep", f"levels>{max_depth}")
    return root


def deeper_than(root: Element, limit: int) -> bool:
    """Whether any element lies more than ``limit`` levels down, the root being the first; stops at the first one."""
    from lxml import etree

    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > limit:
            return True
    return False


def classes(element: Element) -> list[str]:
    """Class names of an element, in order."""
    value = element.get("class")
    return value.split() if value else []


def is_styled_away(element: Element) -> bool:
    """Whether an inline style of the element itself says that it is not shown."""
    style = element.get("style")
    return style is not None and _HIDDEN.search(style) is not None
