"""The language and script of a passage, which need not be those of its document."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence

from m4corpus.chunk.split import Span
from m4corpus.identify.script import UNKNOWN, dominant_script, weighted_scripts
from m4corpus.records import Block, Document


def passage_languages(document: Document, spans: Sequence[Span]) -> list[tuple[str, str]]:
    """For each span, the language (ISO 639-3) that most of its letters are in, and its script (ISO 15924).

    Letters count as in :func:`m4corpus.identify.script.dominant_script`; among equals the document's language is taken.
    A passage in the document's language is given the document's script, any other that of its text in its language.
    """
    foreign = sorted((block for block in document.blocks if block.language), key=lambda block: block.start)
    starts, ends = [block.start for block in foreign], [block.end for block in foreign]
    return [
        _language(document, foreign[bisect_right(ends, span.start) : bisect_left(starts, span.end)], span)
        for span in spans
    ]


def _language(document: Document, foreign: Sequence[Block], span: Span) -> tuple[str, str]:
    own = document.language, document.script
    if not foreign:
        return own
    pieces: defaultdict[str, list[str]] = defaultdict(list)
    at = span.start
    for block in foreign:
        start, end = max(block.start, at), min(block.end, span.end)
        pieces[document.language].append(document.text[at:start])
        pieces[block.language].append(document.text[start:end])
        at = end
    pieces[document.language].append(document.text[at : span.end])
    texts = {code: " ".join(parts) for code, parts in pieces.items()}
    letters = {code: weighted_scripts(text).total() for code, text in texts.items()}
    language = min(letters, key=lambda code: (-letters[code], code != document.language, code))
    if language == document.language:
        return own
    script = dominant_script(texts[language]).code
    return language, document.script if script == UNKNOWN else script
