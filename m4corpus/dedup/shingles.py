"""What is compared of a text: an exact key, and the set of its shingles as 32-bit hashes.

Both are taken from the text in Unicode form NFKC, case-folded. A character is then part of a word (letters, combining
marks, digits: vowel signs count), a symbol, a separator (punctuation and white space), or invisible (joiners,
direction marks, controls) and as if it were not there.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import TYPE_CHECKING

import numpy as np

from m4corpus.dedup.config import DedupConfig
from m4corpus.dedup.hashing import hash_runs, mix, rolling
from m4corpus.scripts import UNSPACED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.uint32]

_WORD, _SYMBOL, _SEPARATOR, _INVISIBLE = range(4)
_CLASS_OF = {"L": _WORD, "M": _WORD, "N": _WORD, "S": _SYMBOL, "P": _SEPARATOR, "Z": _SEPARATOR}


def codes(text: str) -> Codes:
    """Code points of the normalised text, without the invisible ones."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    points: Codes = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    visible: Codes = points[_classes(points) != _INVISIBLE]
    return visible


def exact_key(points: Codes) -> tuple[int, int]:
    """Two 64-bit halves of a digest of words and symbols, spaces and punctuation removed.

    A text of nothing but punctuation is told apart by that punctuation.
    """
    kept = points[_classes(points) != _SEPARATOR]
    digest = hashlib.blake2b((kept if kept.size else points).tobytes(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")


def shingles(points: Codes, script: str, config: DedupConfig) -> NDArray[np.uint32]:
    """Hashes of the text's shingles, with repetitions; empty when it has no words.

    Word n-grams where the script puts spaces between words; character n-grams, over words and symbols run together,
    where it does not and where a text is too short for word n-grams to stand an edit.
    """
    if script not in UNSPACED:
        words = hash_runs(points, _classes(points) == _WORD)
        if words.size >= max(config.short_words, config.word_ngram):
            return _hashes(words, config.word_ngram)
    characters = points[_classes(points) != _SEPARATOR]
    return _hashes(mix(characters.astype(np.uint64)), config.char_ngram)


def _hashes(units: NDArray[np.uint64], size: int) -> NDArray[np.uint32]:
    """Hashes of all runs of ``size`` units; of all of them when they are fewer."""
    if not units.size:
        return np.zeros(0, np.uint32)
    hashed = mix(rolling(units, min(size, units.size)))
    return (hashed >> np.uint64(32)).astype(np.uint32)


# Class of every code point met so far; the whole of Unicode takes a second, and a text has but a few of it.
_UNMET = 255
_TABLE = np.full(0x110000, _UNMET, np.uint8)


def _classes(points: Codes) -> NDArray[np.uint8]:
    """Class of each code point."""
    classes: NDArray[np.uint8] = _TABLE[points]
    unmet = classes == _UNMET
    if unmet.any():
        for point in np.unique(points[unmet]).tolist():
            _TABLE[point] = _class(chr(point))
        classes = _TABLE[points]
    return classes


def _class(character: str) -> int:
    category = unicodedata.category(character)
    if category in ("Cc", "Cf"):
        return _SEPARATOR if character.isspace() else _INVISIBLE
    return _CLASS_OF.get(category[0], _SYMBOL)
