"""Plain text: paragraphs are what blank lines part."""

from __future__ import annotations

import re

from m4corpus.clean.blocks import Blocks
from m4corpus.ledger import Fail

_BLANK_LINES = re.compile(r"(?:\r\n?|\n)[^\S\r\n]*(?:\r\n?|\n)\s*")


def clean_plain(content: str) -> Blocks:
    """One paragraph for every run of lines without a blank one; raises ``Fail("empty-text")``."""
    blocks = Blocks()
    for paragraph in _BLANK_LINES.split(content):
        blocks.add("paragraph", paragraph)
    if not len(blocks):
        raise Fail("empty-text", "no visible text")
    return blocks
