"""What of a document says which language it is in: a sample of its prose, and of that the dominant script alone.

Code, addresses and paths are written alike in every language, and a page about software can hold more of them than of
its own language. Words in another script than the page's own are names and terms, or quotations: the model, which
weighs every character alike, would take them for half the evidence.
"""

from __future__ import annotations

import re

from m4corpus.identify.script import UNKNOWN, script_of_character, scripts_written
from m4corpus.records import Document

_ADDRESS = re.compile(r"https?://\S+|www\.\S+|\S+@\S+\.\S+")
# At least two slashes, so that `and/or` stays; ASCII, so that a path ends where Chinese or Thai goes on unspaced.
_PATH = re.compile(r"[!-.0-~]*/[!-.0-~]*/[!-~]*")
# Less prose than this is a heading over a listing, or over a whole text set in <pre>: then all of it is read.
_ENOUGH_PROSE = 100


def prose(document: Document) -> str:
    """The text of ``document`` without its code blocks; all of it where under 100 characters would be left."""
    pieces, end = [], 0
    for block in document.blocks:
        if block.kind == "code":
            pieces.append(document.text[end : block.start])
            end = block.end
    pieces.append(document.text[end:])
    rest = "".join(pieces)
    return rest if len(rest) >= _ENOUGH_PROSE else document.text


def sample(text: str, size: int) -> str:
    """At most ``size`` characters of ``text``, on one line, without addresses, paths or lone surrogates.

    A longer text gives its start, its middle and its end, so that a foreign first paragraph does not decide.
    """
    if len(text) > size:
        third = size // 3
        middle = (len(text) - third) // 2
        text = " ".join((text[:third], text[middle : middle + third], text[-third:]))
    if "/" in text or "@" in text or "www." in text:
        text = _PATH.sub(" ", _ADDRESS.sub(" ", text))
    clean = text.encode("utf-8", "ignore").decode("utf-8")
    return " ".join(clean.split())


def in_script(text: str, script: str) -> str:
    """``text`` without the letters of scripts that a text in ``script`` (ISO 15924) is not written with.

    Digits, punctuation and symbols stay, and so does a single foreign letter within a word: it is a look-alike typed
    for one the keyboard lacked. A text of no known script stays as it is.
    """
    if script == UNKNOWN:
        return text
    own = scripts_written(script)
    kinds = {character: script_of_character(character) for character in set(text)}
    letters = {character for character, kind in kinds.items() if kind in own}
    foreign = {character for character, kind in kinds.items() if kind and kind not in own}
    if not foreign:
        return text
    around = zip(" " + text, text, text[1:] + " ", strict=False)
    kept = (c if c not in foreign or (before in letters and after in letters) else " " for before, c, after in around)
    return " ".join("".join(kept).split())
