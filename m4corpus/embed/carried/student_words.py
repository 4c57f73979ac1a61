"""What the student reads of a text: its words, and the features of a word, as 32-bit hashes.

A word is a run of letters, marks and digits, case-folded. Its features are the word as it is written, the word
without the accents that writers leave out, and that one's character n-grams between marks of beginning and end.
Scripts written without spaces have no words to find; there every two neighbouring characters stand for one.

White space parts words and keeps the letters on its sides from changing each other: the words of a text are those of
the pieces between its white space.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from operator import add
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint32]

#: Longest word that is read to its end, in characters.
LONGEST_WORD = 40
#: Lengths of n-grams in alphabets, Indic scripts among them, whose vowel signs are characters of their own; and in
#: scripts whose characters are syllables (from Hangul's parts and Ethiopic on in Unicode).
ALPHABETIC, SYLLABIC = (3, 4, 5), (2, 3)
_FIRST_SYLLABIC = 0x1100
_MOST_CODES = LONGEST_WORD * 4 + 2
#: More n-grams than the longest word has.
MOST_GRAMS = len(ALPHABETIC) * _MOST_CODES
_SEEDS = {"exact": 0x9E3779B97F4A7C15, "plain": 0xC2B2AE3D27D4EB4F, "gram": 0x165667B19E3779F9}
_BASE = np.uint64(0x100000001B3)
_POWERS = np.cumprod(np.full(_MOST_CODES, _BASE), dtype=np.uint64)

#: Blocks of scripts written without spaces: Thai to Tibetan, Myanmar, Khmer, kana, Han.
_UNSPACED = ((0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF))
#: Code points from here on are Han and a few emblems.
_END = 0x20000
#: Accents of Latin, Greek and Cyrillic letters; the vowel signs of Indic scripts are no accents.
_ACCENTS = range(0x0300, 0x0370)
#: Joiners, marks of direction, the Arabic script's tatweel and vowel marks: some write them and some do not.
_OPTIONAL = (0x00AD, 0x0640, 0x0670, *range(0x064B, 0x0656), *range(0x200B, 0x2010), 0x2060, 0xFEFF)
#: Letters of the Arabic script that are typed for one another.
_ALIKE = dict(zip("يىئكةأإآٱۀہھ", "ییيکهااااههه", strict=True)) | {"İ": "i"}
_SPACE, _GONE = 0x20, 0xFFFFFFFF
#: What a new sentence, quotation or clause follows; and what stands for the end of a line.
_BEGIN = "\x02"
_BEGINNINGS = np.array([ord(c) for c in _BEGIN + '.!?:;।።۔"“«('], dtype=np.uint32)
_WRITTEN = re.compile(f'([^\\s{re.escape(_BEGIN)}.!?:;।።۔"“«(]+)|[^\\s]')
_UNSPACED_RUN = re.compile("[" + "".join(f"{chr(a)}-{chr(b)}" for a, b in _UNSPACED) + f"{chr(_END)}-{chr(0x3FFFF)}]+")


# What every code point met so far is read as; all of Unicode takes a while, and texts have but a few of it.
_UNMET = 0xFFFFFFFE
_TABLE = np.full(_END, _UNMET, dtype=np.uint32)


def _folded(codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """What each code point is read as: letters without case, a space for what no word is made of, :data:`_GONE` for
    what may be left out."""
    places = np.minimum(codes, _END - 1)
    read = _TABLE[places]
    unmet = read == _UNMET
    if unmet.any():
        for code in np.unique(places[unmet]).tolist():
            _TABLE[code] = _reading(code)
        read = _TABLE[places]
    return np.where(codes < _END, read, codes)


def _reading(code: int) -> int:
    if code in _OPTIONAL:
        return _GONE
    character = chr(code)
    category = unicodedata.category(character)
    if category == "Nd":
        return ord("0") + unicodedata.digit(character)
    if category[0] in "LMN":
        folded = _ALIKE.get(character) or character.casefold()
        return ord(_ALIKE.get(folded, folded)) if len(folded) == 1 else code
    return code if character == "\n" else _SPACE


def words_of(texts: Sequence[str]) -> list[list[str]]:
    """The words of each text, in order, as :func:`features` wants them."""
    codes = _codes_of("\n".join([" ".join(text.split("\n")) for text in texts]))
    folded = _folded(codes)
    lines = _text(folded[folded != _GONE]).split("\n")
    return [[word[:LONGEST_WORD] for part in line.split() for word in _parts(part)] for line in lines]


def _codes_of(text: str) -> NDArray[np.uint32]:
    """Code points in NFKC, lone surrogates being question marks."""
    normal = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return np.frombuffer(normal.encode("utf-32-le", "replace"), dtype=np.uint32)


def _text(codes: NDArray[np.uint32]) -> str:
    return codes.tobytes().decode("utf-32-le")


def first_words(text: str, most: int) -> str:
    """The longest beginning of a text with no more than so many words."""
    end = 8 * most
    while end < len(text) and len(words_of([text[:end]])[0]) <= most:
        end *= 2
    if end >= len(text) and len(words_of([text])[0]) <= most:
        return text
    # As far as the first character of the word that is one too many.
    reach = range(min(end, len(text)) + 1)
    over = bisect_right(reach, most, key=lambda end: len(words_of([text[:end]])[0]))
    return text[: over - 1]


class Written(NamedTuple):
    """The ``words`` of a piece of text as they are written, each with whether it begins a sentence, a quotation or a
    line; and whether a word ``after`` the piece would. None is: as a word in the place of the piece would."""

    words: tuple[tuple[str, bool | None], ...]
    after: bool | None


def pieces_of(text: str) -> list[str]:
    """A text cut at spaces and line ends, which are pieces of their own, for :func:`written_of`."""
    return text.replace("\n", " \n ").split(" ")


def written_of(pieces: Sequence[str]) -> list[Written]:
    """What stands in each piece of a text, in NFKC. What is written without spaces is one word."""
    if not pieces:
        return []
    codes = _codes_of("\n".join(_BEGIN.join(piece.split("\n")) for piece in pieces))
    folded = _folded(codes)
    between = (folded == _SPACE) & ~np.isin(codes, _BEGINNINGS)
    lines = _text(np.where(between, _SPACE, codes)[folded != _GONE].astype(np.uint32))
    return [_written(line) for line in lines.split("\n")]


def _written(line: str) -> Written:
    words: list[tuple[str, bool | None]] = []
    begins = None
    for found in _WRITTEN.finditer(line):
        if found[1]:
            words.append((found[1], begins))
        begins = not found[1]
    return Written(tuple(words), begins)


def _parts(word: str) -> list[str]:
    """A word, or the overlapping pairs of characters of what is written without spaces."""
    if word.isascii() or not _UNSPACED_RUN.search(word):
        return [word]
    parts, start = [], 0
    for run in _UNSPACED_RUN.finditer(word):
        parts += [word[start : run.start()]] if run.start() > start else []
        parts += [*map(add, run[0], run[0][1:])] or [run[0]]
        start = run.end()
    return parts + ([word[start:]] if start < len(word) else [])


@lru_cache(maxsize=1)
def _plain() -> dict[int, int | str | None]:
    """Letters that are another one with a stroke or hook, once accents are apart; nuktas are dropped as well."""
    table: dict[int, int | str | None] = dict.fromkeys([*_ACCENTS, 0x093C, 0x09BC])
    return table | str.maketrans("đøłħŧıəƙɗɓß", "dolhtiekdbs")


def features(words: Sequence[str]) -> tuple[Hashes, NDArray[np.int64], Hashes, NDArray[np.int64]]:
    """Features of distinct words of :func:`words_of`.

    Returns:
        ``(whole, whole_of, grams, gram_of)``: hashes of whole words and of n-grams, and for each the index of its
        word; ordered by word.
    """
    if not words:
        none = np.empty(0, dtype=np.uint32)
        return none, none.astype(np.int64), none, none.astype(np.int64)
    plain_words = _without_accents(words)
    differs = np.flatnonzero([a != b for a, b in zip(words, plain_words, strict=True)])
    codes, owner, lengths = _codes(plain_words)
    plain_sums = _sums(codes, lengths)
    exact_sums = plain_sums.copy()
    if len(differs):
        own, _, own_lengths = _codes([words[i] for i in differs.tolist()])
        exact_sums[differs] = _sums(own, own_lengths)
    whole = np.concatenate([_mixed(exact_sums, _SEEDS["exact"]), _mixed(plain_sums[differs], _SEEDS["plain"])])
    whole_of = np.concatenate([np.arange(len(words)), differs])
    order = np.argsort(whole_of, kind="stable")
    return whole[order], whole_of[order], *_grams(codes, owner)


def _without_accents(words: Sequence[str]) -> list[str]:
    joined = " ".join([word for word in words if not word.isascii()])
    plain = iter(unicodedata.normalize("NFC", unicodedata.normalize("NFD", joined).translate(_plain())).split(" "))
    return [word if word.isascii() else next(plain) or word for word in words]


def _codes(words: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]:
    """Code points of the words between marks, one after the other; the word each belongs to; and their numbers."""
    flat = np.frombuffer("".join([f"\x02{word}\x03" for word in words]).encode("utf-32-le"), dtype=np.uint32)
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words)) + 2
    return flat.astype(np.uint64), np.repeat(np.arange(len(words)), lengths), lengths


def _sums(codes: NDArray[np.uint64], lengths: NDArray[np.int64]) -> NDArray[np.uint64]:
    """What a word's code points come to, each with a weight for its place."""
    first = np.cumsum(lengths) - lengths
    place = np.arange(len(codes)) - np.repeat(first, lengths)
    return np.add.reduceat(codes * _POWERS[place], first)


def _grams(codes: NDArray[np.uint64], word: NDArray[np.int64]) -> tuple[Hashes, NDArray[np.int64]]:
    # The character after the mark of beginning decides the script of its word.
    first = np.flatnonzero(np.diff(word, prepend=-1))
    syllabic = codes[np.minimum(first + 1, len(codes) - 1)] >= _FIRST_SYLLABIC
    rolling = codes
    hashes, owners = [], []
    for n in range(2, max(*ALPHABETIC, *SYLLABIC) + 1):
        rolling = rolling[:-1] * _BASE + codes[n - 1 :] if n <= len(codes) else rolling[:0]
        wanted = np.where(syllabic, n in SYLLABIC, n in ALPHABETIC)
        if not wanted.any():
            continue
        here = word[: len(rolling)]
        inside = np.flatnonzero((here == word[n - 1 :][: len(rolling)]) & wanted[here])
        hashes.append(_mixed(rolling[inside], _SEEDS["gram"] + n))
        owners.append(here[inside])
    grams, owner = np.concatenate(hashes), np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return grams[order], owner[order]


def _mixed(values: NDArray[np.uint64], seed: int) -> Hashes:
    """The upper half of the values, after every bit has had its say (the finaliser of MurmurHash3)."""
    h = values ^ np.uint64(seed)
    for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53)):
        h = (h ^ (h >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((h ^ (h >> np.uint64(33))) >> np.uint64(32), dtype=np.uint32)
