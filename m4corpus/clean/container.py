"""Finds where on the page an extracted text stands.

On a page that marks no container (no ``article``, no ``main``, no telling id: DocBook's output is one) trafilatura
collects loose paragraphs and leaves headings and lists behind. The smallest element around those paragraphs is the
container the page did not mark, and can be read by its own structure.
"""

from __future__ import annotations

from m4corpus.clean.parse import Element

_TEXT = ("p", "pre", "blockquote", "td")
_BOXES = frozenset({"article", "body", "center", "div", "form", "main", "section", "table", "tbody", "td", "tr"})
#: Share of the extracted paragraphs the container must hold.
_MOST = 0.9


def container(body: Element, extracted: Element) -> Element:
    """The innermost box of ``body`` around nearly all of the ``extracted`` text."""
    found = _squeezed(extracted)
    weights: dict[Element, int] = {}
    for element in body.iter(*_TEXT):
        text = _squeezed(element)
        if text and text in found:
            for box in element.iterancestors():
                weights[box] = weights.get(box, 0) + len(text)
    enough = _MOST * weights.get(body, 0)
    box = body
    while enough:
        inner = [child for child in box if child.tag in _BOXES and weights.get(child, 0) >= enough]
        if not inner:
            break
        box = inner[0]
    return box


def _squeezed(element: Element) -> str:
    return "".join("".join(element.itertext()).split())
