"""What several stages need to know of scripts."""

from __future__ import annotations

#: Scripts written without spaces between words, by ISO 15924 code.
UNSPACED = frozenset(
    {"Hani", "Hans", "Hant", "Jpan", "Hira", "Kana", "Bopo", "Yiii", "Thai", "Laoo", "Khmr", "Mymr", "Tibt", "Java"}
)
