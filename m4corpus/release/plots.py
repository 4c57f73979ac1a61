"""Bar charts as SVG, small enough to be written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

_ROW, _LEFT, _WIDTH, _RIGHT, _TOP = 18, 150, 420, 90, 44
_INK, _BAR = "#24292f", "#3b6ea5"
#: Bars of one chart; what is left becomes one bar.
MOST = 60


def bars(title: str, values: Sequence[tuple[str, float]], unit: str = "", percent: bool = False) -> str:
    """A horizontal bar chart of labelled values, in the order given."""
    shown = list(values[:MOST])
    if len(values) > MOST:
        shown.append((f"{len(values) - MOST} others", sum(value for _, value in values[MOST:])))
    highest = max((value for _, value in shown), default=0) or 1
    height, width = _TOP + _ROW * len(shown) + 12, _LEFT + _WIDTH + _RIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" fill="{_INK}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="24" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (name, value) in enumerate(shown):
        y = _TOP + _ROW * number
        length = max(1, round(_WIDTH * value / highest)) if value else 0
        text = f"{value:.1%}" if percent else f"{value:,.0f}"
        lines += [
            f'<text x="{_LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y + 2}" width="{length}" height="{_ROW - 5}" fill="{_BAR}"/>',
            f'<text x="{_LEFT + length + 6}" y="{y + 12}">{escape(f"{text} {unit}".strip())}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])
