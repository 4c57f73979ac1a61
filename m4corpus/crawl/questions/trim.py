"""Queries short enough for a search engine, cut where a reader would cut them."""

from __future__ import annotations

import regex

from m4corpus.chunk.graphemes import is_boundary

# Letters of scripts written without spaces between words: a word's end cannot be told at sight.
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Yi}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\p{Javanese}]"
)
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}\p{Pc}]")


def trim(text: str, longest: int) -> tuple[str, str]:
    """``text`` on one line in at most ``longest`` characters, and the whole of it where it had to be cut (else "").

    The cut falls between words; within one where there is no other way, or where the script has no spaces, and then
    between two grapheme clusters. Only a single cluster that is longer by itself is cut through.
    """
    text = " ".join(text.split())
    if len(text) <= longest:
        return text, ""
    return text[: _cut(text, longest)].rstrip(), text


def _cut(text: str, longest: int) -> int:
    cluster = next((at for at in range(longest, 0, -1) if is_boundary(text, at)), longest)
    before, after = text[cluster - 1], text[cluster]
    inside = _WORD.match(before) and _WORD.match(after) and not (_UNSPACED.match(before) and _UNSPACED.match(after))
    space = text.rfind(" ", 0, cluster) if inside else -1
    return space if space > 0 else cluster
