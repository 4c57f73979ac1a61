"""What characters may be in a text: which are refused, which are removed, how white space collapses."""

from __future__ import annotations

import re
import unicodedata

from m4corpus.clean.invisible import clean_invisible
from m4corpus.clean.mojibake import repair
from m4corpus.ledger import Fail

#: Control characters a page may hold by accident (a form feed, a mis-decoded byte) without being refused.
FORGIVEN = 8

# What Windows-1252 has at the places of C1 controls: on a page they stand for those characters, as HTML itself reads
# numeric references to them. NEL stays a line break.
_C1 = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0) if code != 0x85}
_C1_ONE = re.compile(r"[\x80-\x84\x86-\x9f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# Control characters, soft hyphens, byte order marks and noncharacters.
_REMOVED = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\ufeff\ufdd0-\ufdef\ufffe\uffff]"
    f"|[{''.join(chr(plane << 16 | 0xFFFE) + chr(plane << 16 | 0xFFFF) for plane in range(1, 17))}]"
)
# Han, kana, bopomofo and their punctuation: scripts in which a line break inside a sentence is no space (CSS Text 3).
_WIDE = (
    r"\u2e80-\u303e\u3041-\u312f\u31a0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff01-\uff60"
    r"\U00020000-\U0003ffff"
)
_WIDE_ONE = re.compile(f"[{_WIDE}]")
#: No character below this one is wide.
FIRST_WIDE = "\u2e80"
_WIDE_BREAK = re.compile(rf"(?<=[{_WIDE}])[ \t\f]*[\r\n][ \t\r\n\f]*(?=[{_WIDE}])")
_LINE_BREAK = re.compile(r"\r\n?")
_TRAILING_SPACE = re.compile(r"[^\S\n]+(?=\n|$)")
# White space and format characters that show nothing on their own.
_INVISIBLE = re.compile(
    r"[\s\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f]*"
)


def check_characters(text: str, max_control_share: float) -> str:
    """``text`` without the few control characters it may hold by accident; refuses text that was never text.

    C1 controls stay: they are traces of another encoding, from which :func:`remove_unwanted` can tell what they were.

    Raises ``Fail("lone-surrogates")`` on any unpaired surrogate and ``Fail("control-characters")`` on any NUL or on
    more control characters than ``max_control_share`` of the text (and than :data:`FORGIVEN`).
    """
    if text.isascii() and text.isprintable():
        return text
    if not text.isascii() and (surrogate := _SURROGATE.search(text)):
        raise Fail("lone-surrogates", f"U+{ord(surrogate[0]):04X} at character {surrogate.start()}")
    if (nul := text.find("\0")) >= 0:
        raise Fail("control-characters", f"U+0000 at character {nul}")
    strays = sum(1 for _ in _CONTROL.finditer(text))
    if strays > FORGIVEN and strays > max_control_share * len(text):
        raise Fail("control-characters", f"count={strays} characters={len(text)} share-limit={max_control_share:g}")
    return _CONTROL.sub("", text) if strays else text


def _of_windows(found: re.Match[str]) -> str:
    return _C1[ord(found[0])]


def remove_unwanted(text: str) -> str:
    """``text`` repaired, without control characters (tab and line breaks stay), soft hyphens and noncharacters.

    See :mod:`m4corpus.clean.mojibake` and :mod:`m4corpus.clean.invisible` for what is repaired and what else goes.
    """
    if text.isascii():
        return _REMOVED.sub("", text)
    return clean_invisible(_REMOVED.sub("", _C1_ONE.sub(_of_windows, repair(text))))


def join_wide_lines(text: str) -> str:
    """``text`` with line breaks between two wide East Asian characters removed, as a browser shows it."""
    return _WIDE_BREAK.sub("", text) if not text.isascii() else text


def count_wide(text: str) -> int:
    """Number of wide East Asian characters."""
    return 0 if text.isascii() else len(_WIDE_ONE.findall(text))


def clean_prose(text: str) -> str:
    """One line of NFC text: unwanted characters gone, every run of white space one space."""
    return unicodedata.normalize("NFC", " ".join(join_wide_lines(remove_unwanted(text)).split()))


def clean_code(text: str) -> str:
    """NFC text that keeps its lines and indentation, without blank lines around it or spaces at line ends."""
    lines = _TRAILING_SPACE.sub("", _LINE_BREAK.sub("\n", remove_unwanted(text)))
    return unicodedata.normalize("NFC", lines.strip("\n"))


def is_visible(text: str) -> bool:
    """Whether anything of ``text`` can be seen."""
    return _INVISIBLE.fullmatch(text) is None


def inked(text: str | None) -> int:
    """Characters other than white space."""
    return len("".join(text.split())) if text else 0
