"""UTF-8 that was once read as another encoding ("StraÃŸe"), put right where there is no doubt."""

from __future__ import annotations

import re

_LOST = "\ufffd"


def _pairs() -> str:
    """Pattern of a lead byte of UTF-8 and a byte that continues one, as each likely encoding shows them."""
    patterns = []
    for encoding in ("latin-1", "cp1252", "cp1250", "cp1254", "cp1257"):
        lead, tail = (
            re.escape(bytes(codes).decode(encoding, "ignore")) for codes in (range(0xC2, 0xF5), range(0x80, 0xC0))
        )
        patterns.append(f"[{lead}][{tail}]")
    return "|".join(patterns)


#: Without such a pair there is nothing to repair; looking for one is many times faster than ftfy.
_SUSPECT = re.compile(_pairs())


def repair(text: str) -> str:
    """``text`` decoded as it should have been where ftfy is sure of it; else unchanged.

    Nothing changes where characters are lost already: what is left of them cannot be told from other text.
    """
    if _LOST in text or not _SUSPECT.search(text):
        return text
    from ftfy import fix_encoding

    repaired: str = fix_encoding(text)
    return text if _LOST in repaired else repaired
