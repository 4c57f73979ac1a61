"""Cells that span several rows of a table: each row is to say what it is about, read on its own."""

from __future__ import annotations

from m4corpus.clean.parse import Element

#: Longest text, in characters, repeated in the rows it spans: a label. More such columns than this are no labels.
_LABEL, _COLUMNS = 100, 16
#: Largest spans HTML allows.
_MOST_ROWS, _MOST_COLUMNS = 65_534, 1_000


class Spans:
    """Follows the rows of one section of a table; texts of cells from above by the column they stand in."""

    def __init__(self) -> None:
        self._above: dict[int, tuple[str, int, int]] = {}
        self._column = 0

    def begin_row(self) -> None:
        """A row begins."""
        self._column = 0

    def before(self) -> list[str]:
        """Texts of cells from rows above that stand before the next cell of this row."""
        texts = []
        while (span := self._above.get(self._column)) is not None:
            text, width, rows = span
            texts.append(text)
            if rows > 1:
                self._above[self._column] = (text, width, rows - 1)
            else:
                del self._above[self._column]
            self._column += width
        return texts

    def rest(self) -> list[str]:
        """Texts of cells from rows above that stand after the last cell of this row."""
        texts = []
        for column in sorted(self._above):
            if column >= self._column:
                self._column = column
                texts += self.before()
        return texts

    def take(self, cell: Element, text: str) -> None:
        """A cell of this row with its text."""
        width = _number(cell, "colspan", _MOST_COLUMNS)
        rows = _number(cell, "rowspan", _MOST_ROWS)
        if rows > 1 and len(self._above) < _COLUMNS:
            self._above[self._column] = (text if len(text) <= _LABEL else "", width, rows - 1)
        self._column += width


def _number(cell: Element, name: str, most: int) -> int:
    value = (cell.get(name) or "").strip()
    if not (value.isascii() and value.isdigit()):
        return 1
    number = int(value[:6])
    # A row span of nought reaches to the end of the section.
    return most if not number and name == "rowspan" else max(1, min(number, most))
