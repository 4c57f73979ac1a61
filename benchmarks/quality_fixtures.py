"""Gold that the quickstart corpus gives without annotation: what is furniture, and which paragraphs are foreign."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from extractors import Gold, one_line
from lxml import html as lxml_html
from quality_data import QuickPage

from m4corpus.records import Block, Document

#: Bytes of UTF-8 from which a text of a page is a snippet.
SHORTEST = 40
#: Subjects of an edition whose pages have a snippet, from which it is furniture.
REPEATED = 3
# Addresses, years of copyright and the last steps of breadcrumbs are of the site, though of one page alone.
_SITE = re.compile(r"https?://|[©›]")
# Footnotes are in no text; no snippet spans what stands in an element of its own within a line.
_NO_TEXT = "//head | //script | //style | //ol[contains(@class, 'references')]"


def furniture_gold(pages: Sequence[QuickPage]) -> dict[str, Gold]:
    """By page id: its own snippets are wanted, and those its site puts on pages of several subjects are not.

    A snippet that stands on pages of two subjects is neither: it may be the name of the one on the other.
    """
    snippets = {page.row["id"]: _snippets(page.html) for page in pages}
    subjects: dict[tuple[str, str], set[str]] = defaultdict(set)
    for page in pages:
        for snippet in snippets[page.row["id"]]:
            subjects[page.row["language"], snippet].add(page.row["subject"])
    gold = {}
    for page in pages:
        number = {s: len(subjects[page.row["language"], s]) for s in snippets[page.row["id"]]}
        wanted = [s for s in number if number[s] == 1 and s not in _title(page) and not _SITE.match(s)]
        unwanted = [s for s in number if number[s] >= REPEATED or _SITE.match(s)]
        unwanted = [s for s in unwanted if not any(s in w for w in wanted)]
        gold[page.row["id"]] = Gold(page.html, wanted, [s for s in unwanted if s not in _title(page)])
    return gold


def _title(page: QuickPage) -> str:
    return one_line(page.document.title)


def _snippets(html: str) -> list[str]:
    """The longer runs of text between two tags of a page, each once."""
    root = lxml_html.document_fromstring(
        html.encode(), parser=lxml_html.HTMLParser(encoding="utf-8", remove_comments=True)
    )
    for element in root.xpath(_NO_TEXT):
        element.drop_tree()
    texts = dict.fromkeys(one_line(text) for text in root.itertext())
    return [text for text in texts if len(text.encode()) >= SHORTEST]


def with_inserts(
    document: Document, paragraphs: Sequence[str], language: str, hint: str
) -> tuple[Document, dict[int, str]]:
    """The document with two paragraphs of another language put into it, a third and two thirds down, and the
    languages of those by the index of their blocks."""
    third = len(document.blocks) // 3
    parts = [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]
    # The lower one first, so that the other's place stays what it is.
    parts.insert(2 * third, ("paragraph", 0, paragraphs[1]))
    parts.insert(third, ("paragraph", 0, paragraphs[0]))
    text, blocks = "", []
    for kind, level, part in parts:
        text += "\n\n" if text else ""
        blocks.append(Block(kind, level, len(text), len(text) + len(part)))
        text += part
    made = replace(document, text=text, blocks=blocks, language_hint=hint, hint_from="path")
    return made, {third: language, 2 * third + 1: language}
