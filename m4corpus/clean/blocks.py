"""Collects the blocks of one document and lays them out as text with offsets."""

from __future__ import annotations

from m4corpus.clean.unicode import clean_code, clean_prose, is_visible
from m4corpus.records import BLOCK_KINDS, Block

#: Kinds whose neighbours of the same list or table stand on consecutive lines.
_GROUPED = ("list_item", "table_row")


class Blocks:
    """Blocks in reading order; what is empty once cleaned is no block.

    The text is the blocks joined by a blank line, or by a line break between consecutive items of one list and
    consecutive rows of one table, so ``text[block.start:block.end]`` is always exactly the block.
    """

    def __init__(self) -> None:
        self._text: list[str] = []
        self._blocks: list[Block] = []
        self._length = 0
        self._groups = 0
        self._last: tuple[str, int] = ("", 0)

    def __len__(self) -> int:
        return len(self._blocks)

    def new_group(self) -> int:
        """A number for one more list or table."""
        self._groups += 1
        return self._groups

    def add(self, kind: str, text: str, *, level: int = 0, group: int = 0) -> None:
        """Append one block, cleaned; ``group`` (from :meth:`new_group`) ties items and rows together."""
        if kind not in BLOCK_KINDS:
            raise ValueError(f"unknown block kind {kind!r}")
        text = clean_code(text) if kind == "code" else clean_prose(text)
        if not is_visible(text):
            return
        if self._blocks:
            together = kind in _GROUPED and group > 0 and self._last == (kind, group)
            separator = "\n" if together else "\n\n"
            self._text.append(separator)
            self._length += len(separator)
        start = self._length
        self._text.append(text)
        self._length += len(text)
        self._blocks.append(Block(kind, level, start, self._length))
        self._last = (kind, group)

    def finish(self) -> tuple[str, list[Block]]:
        """The whole text and its blocks."""
        return "".join(self._text), self._blocks
