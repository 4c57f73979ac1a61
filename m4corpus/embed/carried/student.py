"""A small second reader for the languages the Universal Sentence Encoder was not trained on, in the same vector space.

The teacher sums what it makes of each token and puts the sum, over the square root of their number, through a few
dense layers. The student gives such layers another sum: every word of any of its languages has a vector, made of
those of the word and of its character n-grams, and the vectors were trained so that a text's sum is what the teacher
makes of its translation. The layers are the teacher's, trained on for such sums. Paragraphs come out right although
training saw mostly short texts, because sums add up.

Word vectors and their sums are whole numbers, so that no order of summation changes a bit; what follows is computed
in blocks of one shape, as in ``use_model``. Bytes depend on the text alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from m4corpus.embed.carried.student_words import features, words_of
from m4corpus.embed.files import content_digest
from m4corpus.errors import IntegrityError, UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int32]

RESOURCES = Path(__file__).parents[2] / "resources"
MODEL, CARD = RESOURCES / "student-encoder.npz", RESOURCES / "student-encoder.json"
#: Raised when the forward pass would give other bytes.
FORWARD = 3
#: Rows of every product.
ROWS = 32
#: Word vectors kept, about a kilobyte each; and words summed at a time.
TABLE_WORDS, GROUP_WORDS = 32768, 8192
#: The dense layers.
_DENSE = ("d0", "d1", "d2", "d3", "p1", "p3")
#: The smallest square of a length.
_LEAST = np.float32(1e-12)


class Sums(NamedTuple):
    """What the student makes of texts, before the dense layers.

    ``sums`` (int32, one row a text) holds the sum of the vectors of a text's words and, last, of what they say for
    the gate; ``words`` their number.
    """

    sums: Integers
    words: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Sums:
        """Those of some of the texts."""
        return Sums(self.sums[rows], self.words[rows])


class Lent(NamedTuple):
    """What the teacher reads in texts for the student: ``sums`` (float32, ``(texts, 512)``) before its dense layers,
    and the ``tokens`` they are of (int64)."""

    sums: Floats
    tokens: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Lent:
        """Those of some of the texts."""
        return Lent(self.sums[rows], self.tokens[rows])


class Student:
    """The network. Threads may share it; they take turns."""

    def __init__(self, model: Path) -> None:
        from threadpoolctl import ThreadpoolController

        with np.load(model, allow_pickle=False) as stored:
            self.vocabulary = Vocabulary({name: stored[name] for name in stored.files})
            self._projection, self._offset = stored["projection"], stored["offset"]
            self._unit = np.float32(stored["unit"])
            self._prior = np.float32(stored["gate_prior"])
            self._dense = {name: np.asarray(stored[name], dtype=np.float32) for name in _DENSE}
        self._blas = ThreadpoolController()
        self._lock = Lock()

    def sums(self, texts: Sequence[str], longest: int) -> Sums:
        """What the first ``longest`` words of each text add up to."""
        words = [found[:longest] for found in words_of(texts)]
        counts = np.fromiter((len(found) for found in words), dtype=np.int64, count=len(words))
        sums = np.zeros((len(texts), self.vocabulary.width), dtype=np.int32)
        first = 0
        with self._lock:
            while first < len(texts):
                last, size = first + 1, counts[first]
                while last < len(texts) and size + counts[last] <= GROUP_WORDS:
                    size += counts[last]
                    last += 1
                if size:
                    slots = self.vocabulary.slots([word for found in words[first:last] for word in found])
                    filled = np.flatnonzero(counts[first:last]) + first
                    starts = np.concatenate([[0], np.cumsum(counts[filled])[:-1]])
                    sums[filled] = np.add.reduceat(self.vocabulary.vectors[slots], starts, axis=0)
                first = last
        return Sums(sums, counts)

    def foreign(self, heard: Sums) -> Floats:
        """Log odds that each text is in none of the teacher's languages."""
        evidence = heard.sums[:, -1] / (GATE_STEPS * np.sqrt(np.maximum(heard.words, 1)))
        return np.asarray(evidence + self._prior, dtype=np.float32)

    def vectors(self, heard: Sums, lent: Lent) -> Floats:
        """Unit vectors: float32 ``(texts, 512)``, of what the student heard and the teacher lent it."""
        out = np.empty((len(heard.words), len(self._offset)), dtype=np.float32)
        counts = heard.words + lent.tokens
        with self._blas.limit(limits=1, user_api="blas"):
            for i in range(0, len(out), ROWS):
                part = slice(i, i + ROWS)
                out[part] = self._top(heard.sums[part, :-1], lent.sums[part], counts[part])
        return out

    def _top(self, sums: Integers, lent: Floats, counts: NDArray[np.int64]) -> Floats:
        d, number = self._dense, len(sums)
        x = np.zeros((ROWS, sums.shape[1]), dtype=np.float32)
        length = np.full((ROWS, 1), 2, dtype=np.float32)
        x[:number] = sums
        length[:number, 0] += counts
        x = (x * self._unit) @ self._projection + self._offset
        x[:number] += lent
        x /= np.sqrt(length)
        y = np.maximum(x @ d["p1"] + np.maximum(x @ d["d0"], 0) @ d["d1"], 0)
        z = np.tanh(y @ d["p3"] + np.maximum(y @ d["d2"], 0) @ d["d3"])
        norm = np.sqrt(np.maximum(np.einsum("ij,ij->i", z, z), _LEAST))
        return np.asarray(z[:number] / norm[:number, None], dtype=np.float32)


#: The gate's log odds of a word are whole multiples of one over this.
GATE_STEPS = 256
#: The code of zero, of sixteen: a byte of the table holds the codes of a dimension (its lower half) and of the one half
#: the width further on.
ZERO = 8


class Vocabulary:
    """Vectors of words, whole numbers, computed when a word is first met and kept until the table is full.

    ``vectors[slot]`` holds the word's vector and, last, its evidence for the gate; slot 0 is no word.
    """

    def __init__(self, stored: dict[str, Any], capacity: int = TABLE_WORDS) -> None:
        self._whole, self._grams = stored["whole"], stored["grams"]
        self._table, self._scale, self._gate = stored["table"], stored["scale"], stored["gate"]
        self.width = 2 * self._table.shape[1] + 1
        self._capacity = capacity
        self._slot: dict[str, int] = {}
        self.vectors = np.zeros((capacity + 1, self.width), dtype=np.int32)

    def slots(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Where the vectors of at most :data:`GROUP_WORDS` words are; valid until the next call."""
        known = self._slot
        new = list(dict.fromkeys(word for word in words if word not in known))
        if len(known) + len(new) > self._capacity:
            known.clear()
            new = list(dict.fromkeys(words))
            if len(new) > self._capacity:
                self._capacity = len(new)
                self.vectors = np.zeros((self._capacity + 1, self.width), dtype=np.int32)
        if new:
            first = len(known) + 1
            self.vectors[first : first + len(new)] = self._computed(new)
            known.update(zip(new, range(first, first + len(new)), strict=True))
        return np.fromiter((known[word] for word in words), dtype=np.int64, count=len(words))

    def known(self, words: Sequence[str]) -> dict[str, tuple[bool, int]]:
        """For each word whether it has a vector of its own, and its evidence for the gate: below zero where it looks
        like one of the teacher's languages."""
        distinct = list(dict.fromkeys(words))
        found: dict[str, tuple[bool, int]] = {}
        for i in range(0, len(distinct), GROUP_WORDS):
            group = distinct[i : i + GROUP_WORDS]
            whole, whole_of, _, _ = features(group)
            own = np.zeros(len(group), dtype=bool)
            own[whole_of[_places(self._whole, whole) >= 0]] = True
            evidence = self._computed(group)[:, -1].tolist()
            found.update(zip(group, zip(own.tolist(), evidence, strict=True), strict=True))
        return found

    def _computed(self, words: Sequence[str]) -> Integers:
        whole, whole_of, grams, gram_of = features(words)
        out = np.zeros((len(words), self.width), dtype=np.int32)
        out += self._added(_places(self._whole, whole), whole_of, 0, len(words))[0]
        sums, counts = self._added(_places(self._grams, grams), gram_of, len(self._whole), len(words))
        # The mean of the n-grams; float64 holds these sums and their quotients to the last digit that is kept.
        out += np.rint(sums / np.maximum(counts, 1)[:, None]).astype(np.int32)
        return out

    def _added(
        self, places: NDArray[np.int64], owners: NDArray[np.int64], offset: int, words: int
    ) -> tuple[Integers, NDArray[np.int64]]:
        """Sums of the rows at ``places`` (-1: unknown) by owner, and how many rows each has; owners never fall."""
        known = places >= 0
        rows, owners = places[known] + offset, owners[known]
        sums = np.zeros((words, self.width), dtype=np.int32)
        if len(rows):
            values = np.empty((len(rows), self.width), dtype=np.int32)
            codes, scale = self._table[rows], self._scale[rows, None].astype(np.int32)
            half = self.width // 2
            np.multiply((codes & 15) - np.int32(ZERO), scale, out=values[:, :half])
            np.multiply((codes >> 4) - np.int32(ZERO), scale, out=values[:, half:-1])
            values[:, -1] = self._gate[rows]
            first = np.flatnonzero(np.diff(owners, prepend=-1))
            sums[owners[first]] = np.add.reduceat(values, first, axis=0)
        return sums, np.bincount(owners, minlength=words)


def _places(known: NDArray[np.uint32], hashes: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Where each hash is in the sorted ``known``, -1 where it is not."""
    if not len(known):
        return np.full(len(hashes), -1, dtype=np.int64)
    places = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return np.where(known[places] == hashes, places, -1)


@lru_cache(maxsize=1)
def card() -> dict[str, Any]:
    """What is on record of the carried model: its checksum, version, languages."""
    return dict(json.loads(CARD.read_text(encoding="utf-8")))


def checked(model: Path = MODEL) -> Path:
    """The carried model's file.

    Raises:
        UserError: it is missing.
        IntegrityError: it is not the file on record.
    """
    if not model.is_file():
        raise UserError(f"encoder 'm4-multilingual': {model.name} is missing", "Reinstall m4corpus.")
    if content_digest(model) != card()["sha256"]:
        raise IntegrityError(
            f"encoder 'm4-multilingual': {model.name} is damaged: its SHA-256 is not the one on record",
            "Reinstall m4corpus.",
        )
    return model


@lru_cache(maxsize=1)
def load_student(model: Path) -> Student:
    """The network, loaded once a process."""
    return Student(model)
