"""Entries of bilingual dictionaries: FreeDict's, in the format of dictd."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

from aligned import Aligned, Wanted

_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#: FreeDict's names of languages that are no ISO 639-3 code, or another's.
_ODD = {"rom": "ron", "nor": "nob"}
#: What of a line is no translation: pronunciation, grammar, field, comment.
_ASIDE = re.compile(r"//[^/]*//|/[^/]*/|<[^<>]*>|\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")
#: Translations taken of each sense.
SYNONYMS = 3


def freedict(folders: list[Path], wanted: Wanted, pivots: tuple[str, ...]) -> Iterator[Aligned]:
    """Headwords with their translations; one of the two languages of each dictionary is among ``pivots``."""
    for folder in folders:
        for index in sorted(folder.rglob("freedict-*.index")):
            ours, theirs = (_ODD.get(code, code) for code in index.stem.split("-")[1:])
            for head, translation in _entries(index):
                if theirs in pivots and wanted(ours):
                    yield Aligned(ours, head, translation, theirs, "word")
                elif ours in pivots and wanted(theirs):
                    yield Aligned(theirs, translation, head, ours, "word")


def _entries(index: Path) -> Iterator[tuple[str, str]]:
    content = gzip.decompress(index.with_suffix(".dict.dz").read_bytes())
    rows = index.read_text(encoding="utf-8").splitlines()
    spans = {tuple(row.split("\t")[1:3]) for row in rows if not row.startswith("00")}
    for start, size in sorted((_number(start), _number(size)) for start, size in spans):
        yield from entry(content[start : start + size].decode("utf-8", "replace"))


def _number(digits: str) -> int:
    value = 0
    for digit in digits:
        value = 64 * value + _DIGITS.index(digit)
    return value


def entry(text: str) -> Iterator[tuple[str, str]]:
    """Headword and translation, for the first translations of each sense of an entry.

    A sense begins below the headword or after its number; its first line translates, the lines below explain.
    """
    lines = [line.strip() for line in text.strip().splitlines()]
    head = re.split(r"[,;]", _ASIDE.sub(" ", lines[0]))[0] if lines else ""
    head, begins = " ".join(head.split()), True
    for line in lines[1:]:
        numbered = re.match(r"(\d+\.)\s*(.*)$", line)
        begins, rest = (True, numbered[2]) if numbered else (begins, line)
        rest = _ASIDE.sub(" ", re.sub(r"\s\d+\.$", "", rest.replace("~", " ")))
        if begins and head and rest.strip() and not rest.lstrip().startswith(('"', "Note", "see ", "See ", "Synonym")):
            begins = False
            pieces = (" ".join(piece.split()) for piece in re.split(r"[,;]", rest)[:SYNONYMS])
            yield from ((head, piece) for piece in pieces if piece)
