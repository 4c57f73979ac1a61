"""Which of the sentence ends a segmenter proposes to believe: those after abbreviations, initials and quotes are not.

sentencex cuts at every full stop it knows no abbreviation for, also inside ``î.Hr.``. What it gets wrong in the
registry's languages is the same few things everywhere, so they are settled by rules over all scripts and a short table
of abbreviations (``tables/abbreviations.csv``), each rule taking cuts away. A sentence joined to the next costs a
chunk little; one torn apart at ``Dr.`` reads as two halves.
"""

from __future__ import annotations

from functools import cache

import regex

from m4corpus.tables import read_table

# The marks that open a quotation in English close it in German and Bulgarian: „…“.
_CLOSERS = "\"'”’“‘»›)]」』》〉）】"
_OPENERS = "\"'“‘«‹([{「『《〈（【„¿¡—–- "
# The word before a full stop, with the dots inside it.
_LAST_WORD = regex.compile(r"[\p{L}\p{M}\p{N}\u200c\u200d.’'-]+$")
# A letter with its vowel signs, and those it is joined to by a virama.
_ONE_LETTER = regex.compile(r"\p{L}[\p{M}\u200d]*(?:(?<=[\u094d\u09cd\u0bcd\u0c4d\u0dca]\u200d?)\p{L}[\p{M}\u200d]*)*")
_CASED = regex.compile(r"[\p{Lu}\p{Ll}]")
# Another initial on either side, which in Tamil may be the name of a Latin letter: எம்.
_INITIAL_BEFORE = regex.compile(r"(?:^|\s)\p{L}\p{M}*(?:\p{L}\p{M}*)?\.\s*$")
_INITIAL_AFTER = regex.compile(r"\p{L}\p{M}*(?:\p{L}\p{M}*)?\.")
# What a full stop may be glued to without ending a sentence: all but what needs no space before it.
_GLUED = regex.compile(r"[[\p{L}\p{N},;:]--[\p{Han}\p{Hiragana}\p{Katakana}]]", regex.VERSION1)
_PARTS = regex.compile(r"[.\-]+")
# Between words in Ethiopic; twice it is the old way of typing the full stop of Amharic.
_DOUBLED_WORDSPACE = regex.compile(r"፡፡\s*")
#: Abbreviations of what a number follows, wherever Latin or Cyrillic is written.
_NUMBERED = frozenset(
    {
        "no", "nr", "nos", "núm", "num", "vol", "p", "pp", "pág", "fig", "art", "cap", "ch", "kl", "č", "št", "стр",
        "рис", "гл", "том", "с", "бр", "д", "кв",
    }
)  # fmt: skip
#: Where ordinal numbers are written with a full stop; in German the noun after one begins with a capital.
_ORDINALS = frozenset(
    {
        "ces", "slk", "nob", "nno", "nor", "dan", "deu", "fin", "est", "hun", "hrv", "srp", "bos", "slv", "isl",
    }
)  # fmt: skip
# A quotation that the sentence goes on after: Japanese particles, Chinese verbs of saying.
_QUOTED_ON = regex.compile(r"[とっなのはがをにもでやへ]|[^，。！？；：、\s]{0,4}?[说說道问問话話答喊叫讲講]")
# What is said by whom, in scripts without capitals: ``“Come!” she said.``
_SAID = regex.compile(r"(?:[^\s.!?…\p{STerm}]+\s+){0,2}[^\s.!?…\p{STerm}]+[.\p{STerm}]")
# A sentence in brackets, which sentencex takes for a part of the next.
_BRACKETED = regex.compile(r"[.!?][)\]]\s+(?=\p{Lu})")
# Burmese signs that sentencex takes for full stops: the comma, and particles written as one letter.
_NO_TERMINATORS = "၊၏၌၍"
_ROMAN = regex.compile(r"[IVXL]+")


def believed(line: str, cuts: list[int], language: str) -> list[int]:
    """Those of some ascending ``cuts`` of a line after which a sentence does begin; the line's end always stays.

    ``language`` is an ISO 639-3 code and may be empty.
    """
    for sign, pattern in (("፡፡", _DOUBLED_WORDSPACE), (") ", _BRACKETED), ("] ", _BRACKETED)):
        if sign in line:
            cuts = sorted({*cuts, *(match.end() for match in pattern.finditer(line))})
    kept: list[int] = []
    for cut in cuts:
        if cut >= len(line) or _ends_sentence(line, kept[-1] if kept else 0, cut, language):
            kept.append(cut)
    return kept


def _ends_sentence(line: str, start: int, cut: int, language: str) -> bool:
    spaced = line[cut - 1].isspace()
    end = cut
    while end > 0 and line[end - 1].isspace():
        end -= 1
    sign = end
    while sign > 0 and line[sign - 1] in _CLOSERS:
        sign -= 1
    if sign == 0:
        return True
    quoted = sign < end
    terminator = line[sign - 1]
    if quoted and not spaced and _QUOTED_ON.match(line, cut) and terminator not in ".!?":
        return False
    if terminator in _NO_TERMINATORS:
        return False
    if quoted and spaced and terminator in "!?؟" and _said(line, start, sign, cut):
        return False
    if terminator not in ".!?…":
        return True
    following = cut
    while following < len(line) and line[following] in _OPENERS:
        following += 1
    after = line[following : following + 1]
    if after.islower() or (not spaced and terminator != "…" and _GLUED.match(after)):
        return False
    return (
        terminator != "."
        or line[sign - 2 : sign] == ".."
        or (quoted and line[sign] not in ")]")
        or not _abbreviated(line[max(0, sign - 41) : sign - 1], line[following : following + 12], language)
    )


def _said(line: str, start: int, sign: int, cut: int) -> bool:
    """Whether what ends here is all quotation, and what follows it just says whose."""
    while start < sign and line[start].isspace():
        start += 1
    return line[start] in _OPENERS and not _CASED.search(line, start, sign) and _SAID.match(line, cut) is not None


def _abbreviated(before: str, after: str, language: str) -> bool:
    """Whether a full stop between ``before`` and ``after`` belongs to an abbreviation, an initial or an ordinal."""
    match = _LAST_WORD.search(before)
    if match is None:
        return False
    word = match.group().strip(".-'’")
    if word.isdecimal():
        return len(word) <= 2 and language in _ORDINALS and not (after[:1].isupper() and language != "deu")
    if word.casefold() in _abbreviations(language):
        return True
    if after[:1].isdecimal() and word.casefold() in _NUMBERED:
        return True
    if language in _ORDINALS and _ROMAN.fullmatch(word) and len(word) > 1:
        return True
    return _initial(word, before[: match.start()], after, language)


def _initial(word: str, earlier: str, after: str, language: str) -> bool:
    """Whether a word is a single capital; or, in a script without them, a single letter beside another initial, since
    words of one letter end sentences in many of those (Hindi ``hai``)."""
    parts = _PARTS.split(word)
    last = parts[-1]
    if not _ONE_LETTER.fullmatch(last) or last[0].islower():
        return False
    if last[0].isupper():
        # ``I`` alone is the English pronoun; ``U.S.`` and ``p.m.`` may well end a sentence.
        return len(parts) == 1 and not (last == "I" and language == "eng")
    return len(parts) > 1 or _INITIAL_BEFORE.search(earlier) is not None or _INITIAL_AFTER.match(after) is not None


@cache
def _abbreviations(language: str) -> frozenset[str]:
    rows = read_table("abbreviations")
    return frozenset(word for row in rows if row["code"] == language for word in row["abbreviations"].split("|"))
