"""Characters that show nothing and say how others are written: kept where a script needs them, removed elsewhere."""

from __future__ import annotations

import re

_JOINERS = "\u200c\u200d"
_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ANY = re.compile(f"[{_JOINERS}\u200b\u2060{_CONTROLS}]")
#: Letters and signs of the scripts that spell with joiners: Syriac, Arabic, N'Ko, the Indic scripts from Devanagari to
#: Sinhala, Tibetan, Myanmar, Khmer, Mongolian, Balinese, Sundanese, Javanese, presentation forms of Arabic, Brahmi and
#: its heirs.
_JOINED = (
    r"\u0600-\u07ff\u0840-\u08ff\u0900-\u0dff\u0f00-\u0fff\u1000-\u109f\u1780-\u18af\u1b00-\u1bbf\ua8e0-\ua8ff"
    r"\ua980-\ua9df\uaa60-\uaa7f\ufb50-\ufdff\ufe70-\ufefc\U00011000-\U00011fff"
)
_PICTURES = r"\u00a9\u00ae\u203c-\u3299\ufe0f\U0001f000-\U0001faff\U000e0020-\U000e007f"
#: Scripts without spaces between words, in which a zero-width space says where a line may break.
_UNSPACED = r"\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aad\ua980-\ua9df\uaa60-\uaadf"
_STRAY_JOINER = re.compile(
    f"(?<![{_JOINED}{_JOINERS}])\u200c(?![{_JOINED}])"
    f"|(?<![{_JOINED}{_JOINERS}{_PICTURES}])\u200d(?![{_JOINED}])|(?<=[{_PICTURES}])\u200d(?![{_PICTURES}])"
)
_STRAY_SPACE = re.compile(f"\u2060|(?<![{_UNSPACED}])\u200b|\u200b(?![{_UNSPACED}])")
_DIRECTIONS = re.compile(f"[{_CONTROLS}]")
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_EMBED, _POP = "\u202a\u202b\u202d\u202e", "\u202c"
_ISOLATE, _POP_ISOLATE = "\u2066\u2067\u2068", "\u2069"


def clean_invisible(text: str) -> str:
    """``text`` without joiners, zero-width spaces and directional controls that have no business where they stand.

    Joiners stay beside letters of scripts that spell with them and inside emoji, zero-width spaces between letters of
    scripts without spaces, directional controls in text with letters written from the right, each opening one closed.
    """
    if text.isascii() or not _ANY.search(text):
        return text
    text = _STRAY_JOINER.sub("", _STRAY_SPACE.sub("", text))
    if not _DIRECTIONS.search(text):
        return text
    return balance_directions(text) if _RIGHT_TO_LEFT.search(text) else _DIRECTIONS.sub("", text)


def balance_directions(text: str) -> str:
    """``text`` with every directional embedding, override and isolate closed, and closing controls only for those."""
    parts: list[str] = []
    opened: list[str] = []
    for character in text:
        if character in _EMBED:
            opened.append(_POP)
        elif character in _ISOLATE:
            opened.append(_POP_ISOLATE)
        elif character == _POP:
            if not opened or opened[-1] != _POP:
                continue
            opened.pop()
        elif character == _POP_ISOLATE:
            if _POP_ISOLATE not in opened:
                continue
            # The end of an isolate ends the embeddings inside it too.
            while (closing := opened.pop()) != _POP_ISOLATE:
                parts.append(closing)
        parts.append(character)
    return "".join(parts) + "".join(reversed(opened))
