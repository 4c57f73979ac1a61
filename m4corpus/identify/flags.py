"""What else is noticed about a document's language: flags, which change no text and drop nothing.

``untranslated``
    a paragraph, list item, caption or table row is in another language than the document.
``romanised``
    the text, or a paragraph of it, is in Latin letters for a language that is written in others.
``wrong-script``
    so much as a paragraph is in a script its language is not written in: romanised text too, where its language is
    known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from m4corpus.identify.config import IdentifyConfig
from m4corpus.identify.decide import UNSUPPORTED, Decision
from m4corpus.identify.labels import Hint, read_hint
from m4corpus.identify.romanised import LATIN, read_romanised
from m4corpus.identify.script import UNKNOWN, compatible, scripts_written, weighted_scripts
from m4corpus.identify.segments import ENGLISH, Segment, native_scripts
from m4corpus.records import Document

UNTRANSLATED, ROMANISED, WRONG_SCRIPT = "untranslated", "romanised", "wrong-script"

#: Letters of a paragraph that is worth a flag: shorter ones are names, commands and titles.
PARAGRAPH = 60
# Letters of a text about which a hint, the model and characteristic words can together be right.
_ENOUGH = 20
# Share of a text in its language's own letters from which the Latin ones are names and terms.
_OWN = 0.1
# A quotation is in its author's language, and a heading may be a title.
_TRANSLATABLE = ("paragraph", "list_item", "caption", "table_row")


@dataclass(frozen=True, slots=True)
class Romanisation:
    """Whether a text is romanised, and its ``language`` (ISO 639-3), empty unless the hinted one's words are in it."""

    found: bool = False
    language: str = ""


def romanisation(
    text: str, whole: str, script: str, decision: Decision, hint: Hint | None, config: IdentifyConfig
) -> Romanisation:
    """What ``text``, the part of a ``whole`` that is in its ``script``, is if it is in Latin letters.

    Where the hinted language is written in others, it is romanised if it has words characteristic of that language, or
    is in no language surely, unless the whole has letters of its own; without such a hint, if it has characteristic
    words of any and is in none surely.
    """
    unsure = _unsure(decision, config)
    other = hint is not None and not compatible(LATIN, native_scripts(hint.code))
    if script != LATIN or not (unsure or other) or weighted_scripts(text)[LATIN] < _ENOUGH:
        return Romanisation()
    if hint is not None and other and _written_in(whole, native_scripts(hint.code)) >= _OWN:
        return Romanisation()
    read = read_romanised(text).languages
    if hint is not None and other and hint.code in read:
        return Romanisation(True, hint.code)
    return Romanisation(unsure and (other or bool(read)))


def _written_in(text: str, scripts: Sequence[str]) -> float:
    """Share of the letters of ``text`` that texts in some scripts are written with."""
    own = {part for script in scripts for part in scripts_written(script)}
    letters = weighted_scripts(text)
    return sum(count for script, count in letters.items() if script in own) / max(1, letters.total())


def label_romanised(document: Document, found: Romanisation, confidence: float) -> None:
    """Label a text with the hinted language it is a romanisation of, though no model heard it."""
    if found.language:
        document.language, document.language_confidence = found.language, confidence
        document.hint_agreement = UNSUPPORTED


def flags_of(
    document: Document, segments: Sequence[Segment], romanised: bool, decision: Decision, config: IdentifyConfig
) -> list[str]:
    """The flags of a labelled document, sorted; ``segments`` are empty where it was not segmented."""
    flags = {ROMANISED} if romanised else set()
    if any(
        block.language and block.kind in _TRANSLATABLE and _letters(document, block.start, block.end) >= PARAGRAPH
        for block in document.blocks
    ):
        flags.add(UNTRANSLATED)
    flags |= _script_flags(document, segments, decision, config)
    return sorted(flags)


def _script_flags(
    document: Document, segments: Sequence[Segment], decision: Decision, config: IdentifyConfig
) -> set[str]:
    scripts = native_scripts(document.language)
    if document.script == UNKNOWN:
        return set()
    if scripts and not compatible(document.script, scripts):
        if _written_in(document.text, scripts) >= _OWN:
            return set()
        return {WRONG_SCRIPT, ROMANISED} if document.script == LATIN else {WRONG_SCRIPT}
    hint = read_hint(document.language_hint)
    if hint and not compatible(document.script, native_scripts(hint.code)) and document.script != LATIN:
        # Latin text is in so many languages that being in none surely says nothing of the hinted one.
        unsure = _unsure(decision, config) and document.language == decision.language
        if unsure and _letters(document, 0, len(document.text)) >= PARAGRAPH:
            return {WRONG_SCRIPT}
    flags = set()
    for segment in segments:
        own = segment.language == document.language
        if own and scripts and segment.letters >= PARAGRAPH and not compatible(segment.script, scripts):
            flags.add(WRONG_SCRIPT)
            if segment.script == LATIN and document.language in read_romanised(segment.text).languages:
                flags.add(ROMANISED)
    return flags


def _unsure(decision: Decision, config: IdentifyConfig) -> bool:
    """Whether the text by itself is in no language surely; English, the likeliest to be met, is believed sooner."""
    needed = config.english_confidence if decision.heard == ENGLISH else config.romanised_below
    return decision.heard_confidence < needed


def _letters(document: Document, start: int, end: int) -> int:
    return weighted_scripts(document.text[start:end]).total()
