"""Carries characters through a library that would remove or collapse them.

trafilatura deletes every character Python calls unprintable, among them the joiners that Persian and Sinhala spell
with, and collapses the lines of preformatted text. Each such character travels as a letter the page does not use.
"""

from __future__ import annotations

from collections.abc import Iterator

from m4corpus.clean.parse import Element
from m4corpus.clean.unicode import FIRST_WIDE, join_wide_lines

# Linear A: printable letters, never normalised to anything else, in no text one would clean.
_POOL = range(0x10600, 0x10737)
_LAYOUT = ("\n", " ", "\t")


class StandIns:
    """The substitution for one page; :meth:`hide` before, :meth:`restore` after."""

    def __init__(self, root: Element) -> None:
        used = set("".join(root.itertext()))
        odd = sorted(character for character in used if not character.isprintable() and not character.isspace())
        free = self._free(used)
        #: Marks the text of a figure's caption.
        self.caption = next(free)
        layout = {character: next(free) for character in _LAYOUT}
        self.line = layout["\n"]
        # A page with more kinds of unprintable characters than stand-ins is not written in any script.
        hidden = dict(zip(odd, free, strict=False))
        #: Whether prose needs :meth:`hide` at all; a page in Latin letters seldom does.
        self.needed = bool(hidden) or max(used, default="") >= FIRST_WIDE
        self._hide = str.maketrans(hidden)
        self._hide_all = str.maketrans(hidden | layout)
        self._restore = str.maketrans({stand_in: original for original, stand_in in (hidden | layout).items()})

    @staticmethod
    def _free(used: set[str]) -> Iterator[str]:
        return (chr(code) for code in _POOL if chr(code) not in used)

    def hide(self, text: str) -> str:
        """Prose whose unprintable characters survive, lines of East Asian text joined while the breaks are there."""
        return join_wide_lines(text).translate(self._hide)

    def hide_layout(self, text: str) -> str:
        """Preformatted text whose line breaks and spaces survive too."""
        return text.translate(self._hide_all)

    def restore(self, text: str) -> str:
        """The text as it was, without caption marks."""
        return text.translate(self._restore).replace(self.caption, "")
