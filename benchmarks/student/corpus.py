"""The parallel text as numbers: words of texts and features of words as sparse matrices; which features are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lid_sources
import numpy as np
import pyarrow.parquet as pq
import teacher
from lid_labels import code_of
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
#: Weights in the choice of features: of the teacher's languages, of others than those of weight one, and of what a word
#: with accents shares with others that have other accents; and the share of n-grams. Greek, Hindi and Romanian have
#: dictionaries here whose words are rare in messages, and common in questions.
TAUGHT_WEIGHT, WEIGHTS = 0.2, {"ron_Latn": 3.0, "ell_Grek": 2.0, "hin_Deva": 2.0}
PLAIN_WEIGHT, GRAMS = 0.5, 0.4
#: Sources that list all forms of words, used or not: of those met nowhere else, one in so many is taken.
FORMS, FORMS_ONE_IN = frozenset({"apertium", "apertium-forms"}), 4
#: What a word of a source counts, where that is not one: those of a dictionary are kept though met once, those of a
#: list of forms hardly.
OFTEN = {"freedict": 2.0, **dict.fromkeys(FORMS, 0.5)}


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


def build(folder: Path, cache: Path, wordfreq: Path, size: int) -> Corpus:
    """The corpus of the pairs in ``folder`` whose pivots are in the teacher's ``cache``, with ``size`` features; the
    wheel ``wordfreq`` says how common words are."""
    rows = read_pairs(folder)
    known = teacher.cached(cache)
    wanted = teacher.keys([row[3] for row in rows])
    found = np.minimum(np.searchsorted(known.keys, wanted), len(known.keys) - 1)
    there = (known.keys[found] == wanted).tolist()
    others = [i for i, row in enumerate(rows) if there[i] and row[0] not in FORMS]
    words = Words()
    parts = [words.numbers([rows[i][2] for i in others])]
    general = {word for _, frequencies in lid_sources.word_frequencies(wordfreq) for word, _ in frequencies}
    chance = (teacher.keys([row[2] for row in rows]) % np.uint64(FORMS_ONE_IN)).tolist()
    met = general.union(words.known)
    forms = [
        i for i, row in enumerate(rows)
        if there[i] and row[0] in FORMS and (not chance[i] or row[2].casefold() in met)
    ]  # fmt: skip
    parts.append(words.numbers([rows[i][2] for i in forms]))
    texts = np.concatenate([parts[0][0], parts[1][0][1:] + parts[0][0][-1]]), np.concatenate([parts[0][1], parts[1][1]])
    chosen = others + forms
    label, source = (np.array([rows[i][column] for i in chosen]) for column in (1, 0))
    places = found[chosen]
    hashes = words.hashes()
    whole_words, grams = _chosen(texts, label, source, hashes, words, wordfreq, size)
    used, pivot = np.unique(places, return_inverse=True)
    return Corpus(
        label, source, texts,
        located(hashes, len(words.known), whole_words, grams), whole_words, grams,
        pivot, known.sums[used], known.lengths[used],
    )  # fmt: skip


def _chosen(
    texts: Any, label: Any, source: Any, hashes: Sequence[Any], words: Words, wordfreq: Path, size: int
) -> tuple[Any, Any]:
    """The features that are kept: whole words, and n-grams, of which languages get about as many each.

    Whole words go by their share of a language's words, in the texts or in general, whichever is larger; n-grams rank
    in each language by the words they are in. Met once, or in one word, neither is kept but for what is a dictionary's
    or known in general.
    """
    labels, number = np.unique(label, return_inverse=True)
    often = np.array([OFTEN.get(name, 1.0) for name in source.tolist()], dtype=np.float32)
    language = sparse.csr_matrix((often, (np.arange(len(label)), number)))
    shape = len(label), len(words.known)
    met = (
        sparse.csr_matrix((np.ones(len(texts[1]), np.float32), texts[1], texts[0]), shape=shape).T @ language
    ).tocsr()
    grams = round(size * GRAMS)
    whole = _most_used(hashes[0], hashes[1], met, _in_general(words, labels.tolist(), wordfreq), labels, size - grams)
    met.data[:] = 1
    return whole, _highest(hashes[2], hashes[3], met, labels, grams)


def _in_general(words: Words, labels: Sequence[str], wordfreq: Path) -> Any:
    """The share of words in a language in general, as far as PyPI's wordfreq has it: ``(words, labels)``."""
    rows: list[int] = []
    columns: list[int] = []
    shares: list[float] = []
    for tag, frequencies in lid_sources.word_frequencies(wordfreq):
        for column in (i for i, name in enumerate(labels) if name.startswith(f"{code_of(tag)}_")):
            for word, share in frequencies:
                if (row := words.known.get(word)) is not None:
                    rows.append(row)
                    columns.append(column)
                    shares.append(share)
    return sparse.csr_matrix((np.array(shares, np.float32), (rows, columns)), shape=(len(words.known), len(labels)))


def _most_used(found: Any, owners: Any, met: Any, general: Any, labels: Any, size: int) -> Any:
    """The ``size`` distinct hashes of words with the highest share in any language; ``met`` counts words by language,
    of which ``general`` gives shares where it knows them."""
    distinct, having = _having(found, owners, met.shape[0])
    general = general.multiply(met > 0)
    enough = np.asarray((having @ met).sum(axis=1)).ravel() >= 2
    enough |= np.asarray((having @ general).sum(axis=1)).ravel() > 0
    shares = met @ sparse.diags(1 / np.maximum(np.asarray(met.sum(axis=0)).ravel(), 1))
    weights = np.array([TAUGHT_WEIGHT if name in TAUGHT else WEIGHTS.get(name, 1.0) for name in labels.tolist()])
    worth = (having @ (shares.maximum(general) @ sparse.diags(weights))).tocsr()
    # The feature without accents is a word's second.
    plain = np.isin(distinct, found[1:][owners[1:] == owners[:-1]])
    best = np.where(enough, worth.max(axis=1).toarray().ravel(), 0) * np.where(plain, PLAIN_WEIGHT, 1)
    order = np.argsort(-best, kind="stable")[:size]
    return distinct[np.sort(order[best[order] > 0])]


def _highest(found: Any, owners: Any, met: Any, labels: Any, size: int) -> Any:
    """The ``size`` distinct hashes of the best rank; ``met`` says which words a language has."""
    distinct, having = _having(found, owners, met.shape[0])
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


def _having(found: Any, owners: Any, words: int) -> tuple[Any, Any]:
    """Distinct hashes, and which words have each: ``(hashes, words)``."""
    distinct, place = np.unique(found, return_inverse=True)
    return distinct, sparse.csr_matrix((np.ones(len(found), np.float32), (place, owners)), shape=(len(distinct), words))
