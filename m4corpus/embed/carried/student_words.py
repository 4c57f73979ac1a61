"""What the student reads of a text: its words, and the features of a word, as 32-bit hashes.

A word is a run of letters, marks and digits, case-folded. Its features are the word as it is written, the word
without the accents that writers leave out, and that one's character n-grams between marks of beginning and end.
Scripts written without spaces have no words to find; there every two neighbouring characters stand for one.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

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
_SEEDS = {"exact": 0x9E3779B97F4A7C15, "plain": 0xC2B2AE3D27D4EB4F, "gram": 0x165667B19E3779F9}
_BASE = np.uint64(0x100000001B3)

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
    joined = unicodedata.normalize("NFKC", "\n".join(" ".join(text.split("\n")) for text in texts))
    codes = np.frombuffer(joined.encode("utf-32-le", "replace"), dtype=np.uint32)
    folded = _folded(codes)
    lines = folded[folded != _GONE].tobytes().decode("utf-32-le").split("\n")
    return [[word[:LONGEST_WORD] for part in line.split() for word in _parts(part)] for line in lines]


def first_words(text: str, most: int) -> str:
    """The longest beginning of a text with no more than so many words."""
    end = 8 * most
    while end < len(text) and len(words_of([text[:end]])[0]) <= most:
        end *= 2
    # As far as the first character of the word that is one too many.
    reach = range(min(end, len(text)) + 1)
    over = bisect_right(reach, most, key=lambda end: len(words_of([text[:end]])[0]))
    return text if over > len(text) else text[: over - 1]


def written_of(texts: Sequence[str]) -> list[list[tuple[str, bool]]]:
    """The words of each text as they are written (in NFKC), each with whether it begins a sentence, a quotation or a
    line. What is written without spaces is one word."""
    joined = unicodedata.normalize("NFKC", "\n".join(_BEGIN.join(text.split("\n")) for text in texts))
    codes = np.frombuffer(joined.encode("utf-32-le", "replace"), dtype=np.uint32)
    folded = _folded(codes)
    between = (folded == _SPACE) & ~np.isin(codes, _BEGINNINGS)
    lines = np.where(between, _SPACE, codes)[folded != _GONE].astype(np.uint32).tobytes().decode("utf-32-le")
    return [list(_written(line)) for line in lines.split("\n")] if texts else []


def _written(line: str) -> Iterator[tuple[str, bool]]:
    begins = True
    for found in _WRITTEN.finditer(line):
        if found[1]:
            yield found[1], begins
        begins = not found[1]


def _parts(word: str) -> list[str]:
    """A word, or the overlapping pairs of characters of what is written without spaces."""
    if word.isascii() or not _UNSPACED_RUN.search(word):
        return [word]
    parts, start = [], 0
    for run in _UNSPACED_RUN.finditer(word):
        parts += [word[start : run.start()]] if run.start() > start else []
        parts += [word[i : min(i + 2, run.end())] for i in range(run.start(), max(run.end() - 1, run.start() + 1))]
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
    exact, owner = _whole(words, "exact")
    plain_words = _without_accents(words)
    differs = np.array([a != b for a, b in zip(words, plain_words, strict=True)], dtype=bool)
    plain, _ = _whole(plain_words, "plain")
    whole = np.concatenate([exact, plain[differs]])
    whole_of = np.concatenate([owner, owner[differs]])
    order = np.argsort(whole_of, kind="stable")
    grams, gram_of = _grams(plain_words)
    return whole[order], whole_of[order], grams, gram_of


def _without_accents(words: Sequence[str]) -> list[str]:
    joined = unicodedata.normalize("NFD", " ".join(words)).translate(_plain())
    plain = unicodedata.normalize("NFC", joined).split(" ")
    return [p or w for p, w in zip(plain, words, strict=True)]


def _codes(words: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Code points of the words between marks, one after the other, and the word each belongs to."""
    flat = np.frombuffer("".join(f"\x02{word}\x03" for word in words).encode("utf-32-le"), dtype=np.uint32)
    lengths = np.fromiter((len(word) + 2 for word in words), dtype=np.int64, count=len(words))
    return flat.astype(np.uint64), np.repeat(np.arange(len(words)), lengths)


def _whole(words: Sequence[str], kind: str) -> tuple[Hashes, NDArray[np.int64]]:
    owner = np.arange(len(words))
    codes, word = _codes(words)
    first = np.flatnonzero(np.diff(word, prepend=-1))
    place = np.arange(len(codes)) - np.repeat(first, np.diff([*first.tolist(), len(codes)]))
    powers = np.cumprod(np.full(LONGEST_WORD * 4 + 2, _BASE), dtype=np.uint64)
    sums = np.add.reduceat(codes * powers[place], first)
    return _mixed(sums, _SEEDS[kind]), owner


def _grams(words: Sequence[str]) -> tuple[Hashes, NDArray[np.int64]]:
    codes, word = _codes(words)
    # The character after the mark of beginning decides the script of its word.
    first = np.flatnonzero(np.diff(word, prepend=-1))
    syllabic = codes[np.minimum(first + 1, len(codes) - 1)] >= _FIRST_SYLLABIC
    rolling = codes.copy()
    hashes, owners = [], []
    for n in range(2, max(*ALPHABETIC, *SYLLABIC) + 1):
        rolling = rolling[:-1] * _BASE + codes[n - 1 :] if n <= len(codes) else rolling[:0]
        here = word[: len(rolling)]
        inside = here == word[n - 1 :][: len(rolling)]
        inside &= np.where(syllabic[here], n in SYLLABIC, n in ALPHABETIC)
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
