"""The parallel text as numbers: words of texts and features of words as sparse matrices; which features are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import teacher
from numpy.typing import NDArray
from scipy import sparse

from m4corpus.embed.carried.student_words import features, words_of
from m4corpus.embed.carried.use import LANGUAGES

Indices = NDArray[np.int64]

ENGLISH = "eng_Latn"
#: Labels of the pairs that the teacher reads; of these, one pair in so many is taken, the same in all languages.
TAUGHT = frozenset({*LANGUAGES, ENGLISH, "nan_Hant"})
TAUGHT_ONE_IN = 4
#: One English pivot in so many is a text of its own, to be read as itself: it teaches names and numbers.
ENGLISH_ONE_IN = 2
#: Words of a text that are read.
LONGEST = 250
#: Weight of the teacher's languages in the choice of features, and the share of n-grams.
TAUGHT_WEIGHT, GRAMS = 0.2, 0.4
#: The source whose words are kept though met once.
DICTIONARIES = "freedict"


@dataclass(frozen=True)
class Features:
    """Distinct words, and their whole-word features and n-grams by place in a vocabulary: CSR pointers and indices."""

    whole: tuple[Indices, NDArray[np.int32]]
    gram: tuple[Indices, NDArray[np.int32]]


@dataclass(frozen=True)
class Corpus:
    """Texts, ordered by source and language, as words (CSR pointers and indices), with the places of their pivots
    among ``sums``; ``whole_words`` and ``grams`` are the sorted hashes of the features that are kept."""

    label: NDArray[Any]
    source: NDArray[Any]
    texts: tuple[Indices, NDArray[np.int32]]
    features: Features
    whole_words: NDArray[np.uint32]
    grams: NDArray[np.uint32]
    pivot: Indices
    sums: NDArray[np.float16]
    lengths: NDArray[np.float32]

    def ends(self) -> Indices:
        """For each text, where the texts of its language and source end."""
        changes = (self.label[1:] != self.label[:-1]) | (self.source[1:] != self.source[:-1])
        ends = np.append(np.flatnonzero(changes) + 1, len(self.label))
        return np.repeat(ends, np.diff(ends, prepend=0))


def read_pairs(folder: Path) -> list[tuple[str, str, str, str]]:
    """Source, label, text and pivot of the pairs to train with."""
    rows: list[tuple[str, str, str, str]] = []
    english: set[str] = set()
    for path in sorted(folder.glob("*.parquet")):
        columns = pq.read_table(path, columns=["source", "lang", "text", "pivot", "pivot_lang"]).to_pydict()
        chance = (teacher.keys(columns["pivot"]) >> np.uint64(8)).tolist()
        for source, label, text, pivot, pivot_label, key in zip(*columns.values(), chance, strict=True):
            if label not in TAUGHT or key % TAUGHT_ONE_IN == 0:
                rows.append((source, label, text, pivot))
            if pivot_label.startswith("eng") and key % ENGLISH_ONE_IN == 0:
                english.add(pivot)
    rows += [("english", ENGLISH, text, text) for text in sorted(english)]
    return sorted(rows, key=lambda row: row[:2])  # stable: texts that follow one another go on doing so


class Words:
    """Numbers of distinct words, in the order they were met."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def numbers(self, texts: Sequence[str]) -> tuple[Indices, NDArray[np.int32]]:
        """The words of texts: CSR pointers and indices."""
        indices: list[int] = []
        pointers = [0]
        for i in range(0, len(texts), 20_000):
            for words in words_of(texts[i : i + 20_000]):
                indices += [self.known.setdefault(word, len(self.known)) for word in words[:LONGEST]]
                pointers.append(len(indices))
        return np.array(pointers, dtype=np.int64), np.array(indices, dtype=np.int32)

    def hashes(self) -> list[NDArray[Any]]:
        """:func:`~m4corpus.embed.carried.student_words.features` of all of them."""
        words, parts = list(self.known), []
        for i in range(0, len(words), 100_000):
            whole, whole_of, grams, gram_of = features(words[i : i + 100_000])
            parts.append((whole, whole_of + i, grams, gram_of + i))
        return [np.concatenate(column) for column in zip(*parts, strict=True)]


def located(hashes: Sequence[NDArray[Any]], words: int, whole_words: Any, grams: Any) -> Features:
    """Features of ``words`` words by place in a vocabulary, n-grams after whole words; others are left out."""

    def matrix(found: Any, owners: Any, vocabulary: Any, offset: int) -> tuple[Indices, NDArray[np.int32]]:
        places = np.minimum(np.searchsorted(vocabulary, found), len(vocabulary) - 1)
        known = vocabulary[places] == found
        pointers = np.concatenate([[0], np.cumsum(np.bincount(owners[known], minlength=words))])
        return pointers.astype(np.int64), (places[known] + offset).astype(np.int32)

    return Features(matrix(hashes[0], hashes[1], whole_words, 0), matrix(hashes[2], hashes[3], grams, len(whole_words)))


def build(folder: Path, cache: Path, size: int) -> Corpus:
    """The corpus of the pairs in ``folder`` whose pivots are in the teacher's ``cache``, with ``size`` features."""
    rows = read_pairs(folder)
    known = teacher.cached(cache)
    wanted = teacher.keys([row[3] for row in rows])
    places = np.minimum(np.searchsorted(known.keys, wanted), len(known.keys) - 1)
    there = np.flatnonzero(known.keys[places] == wanted)
    rows, places = [rows[i] for i in there], places[there]
    words = Words()
    texts = words.numbers([row[2] for row in rows])
    label, source = (np.array([row[i] for row in rows]) for i in (1, 0))
    hashes = words.hashes()
    whole_words, grams = _chosen(texts, label, source, hashes, len(words.known), size)
    used, pivot = np.unique(places, return_inverse=True)
    return Corpus(
        label, source, texts,
        located(hashes, len(words.known), whole_words, grams), whole_words, grams,
        pivot, known.sums[used], known.lengths[used],
    )  # fmt: skip


def _chosen(texts: Any, label: Any, source: Any, hashes: Sequence[Any], words: int, size: int) -> tuple[Any, Any]:
    """The features of the highest rank in any language, so that languages get about as many of them.

    Whole words rank by how often they are met, n-grams by the words they are in; met once, or in one word, neither is
    kept but for a dictionary's.
    """
    labels, number = np.unique(label, return_inverse=True)
    often = np.where(source == DICTIONARIES, np.float32(2), np.float32(1))
    language = sparse.csr_matrix((often, (np.arange(len(label)), number)))
    matrix = sparse.csr_matrix((np.ones(len(texts[1]), np.float32), texts[1], texts[0]), shape=(len(label), words))
    met = (matrix.T @ language).tocsr()
    grams = round(size * GRAMS)
    whole = _highest(hashes[0], hashes[1], met, labels, size - grams)
    met.data[:] = 1
    return whole, _highest(hashes[2], hashes[3], met, labels, grams)


def _highest(found: Any, owners: Any, met: Any, labels: Any, size: int) -> Any:
    """The ``size`` distinct hashes of the best rank; ``met`` counts words by language."""
    distinct, place = np.unique(found, return_inverse=True)
    having = sparse.csr_matrix((np.ones(len(found), np.float32), (place, owners)), shape=(len(distinct), met.shape[0]))
    counts = (having @ met).tocsc()
    best = np.full(len(distinct), np.inf)
    enough = np.asarray(counts.sum(axis=1)).ravel() >= 2
    for i, name in enumerate(labels.tolist()):
        rows, values = (part[counts.indptr[i] : counts.indptr[i + 1]] for part in (counts.indices, counts.data))
        rank = np.empty(len(rows))
        rank[np.lexsort((rows, -values))] = np.arange(len(rows))
        best[rows] = np.minimum(best[rows], rank / (TAUGHT_WEIGHT if name in TAUGHT else 1))
    best[~enough] = np.inf
    order = np.argsort(best, kind="stable")[:size]
    return distinct[np.sort(order[np.isfinite(best[order])])]
