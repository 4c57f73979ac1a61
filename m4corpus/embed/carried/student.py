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
from itertools import chain, islice, pairwise
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from m4corpus.embed.carried.grouping import groups
from m4corpus.embed.carried.hash_index import HashIndex
from m4corpus.embed.carried.remembered import KEPT_PIECES, LONGEST_PIECE
from m4corpus.embed.carried.student_words import MOST_GRAMS, features, first_words, words_of
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
#: Word vectors kept, 772 bytes each.
TABLE_WORDS = 32768
#: Characters read at a time, many enough for new words to be computed together. The table grows for good should they be
#: of more new words than it holds, which takes a text that is no language: to a word a character at most, 76 MB.
GROUP_CHARACTERS = 98304
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
        # The number of BLAS's threads is the process's, so one thread at a time may change it.
        self._blas, self._alone = ThreadpoolController(), Lock()

    def sums(self, texts: Sequence[str], longest: int) -> Sums:
        """What the first ``longest`` words of each text add up to."""
        read = [text if len(text) <= GROUP_CHARACTERS else first_words(text, longest) for text in texts]
        counts = np.zeros(len(texts), dtype=np.int64)
        sums = np.zeros((len(texts), self.vocabulary.width), dtype=np.int32)
        with self.vocabulary.lock:
            for first, last in groups(map(len, read), GROUP_CHARACTERS):
                pieces = [text.split() for text in read[first:last]]
                found = iter(self.vocabulary.slots(list(chain.from_iterable(pieces))))
                for i, some in enumerate(pieces, first):
                    slots = [*chain.from_iterable(islice(found, len(some)))][:longest]
                    counts[i] = len(slots)
                    np.add.reduce(self.vocabulary.vectors[slots], axis=0, out=sums[i])
        return Sums(sums, counts)

    def foreign(self, heard: Sums) -> Floats:
        """Log odds that each text is in none of the teacher's languages."""
        evidence = heard.sums[:, -1] / (GATE_STEPS * np.sqrt(np.maximum(heard.words, 1)))
        return np.asarray(evidence + self._prior, dtype=np.float32)

    def vectors(self, heard: Sums, lent: Lent) -> Floats:
        """Unit vectors: float32 ``(texts, 512)``, of what the student heard and the teacher lent it."""
        out = np.empty((len(heard.words), len(self._offset)), dtype=np.float32)
        counts = heard.words + lent.tokens
        with self._alone, self._blas.limit(limits=1, user_api="blas"):
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
#: Words computed at a time, whose rows of the table stay in the processor's cache.
BLOCK_WORDS = 32


class Vocabulary:
    """Vectors of words, whole numbers, computed when a word is first met and kept until the table is full.

    ``vectors[slot]`` holds the word's vector and, last, its evidence for the gate; slot 0 is no word. Hold the ``lock``
    from asking for slots to the last use of them.
    """

    def __init__(self, stored: dict[str, Any], capacity: int = TABLE_WORDS) -> None:
        self._whole, self._grams = HashIndex(stored["whole"]), HashIndex(stored["grams"])
        self._table, self._gate = stored["table"], stored["gate"]
        # Sums of so many rows of so large numbers are exact.
        most = ZERO * int(np.abs(stored["scale"].astype(np.int64)).max(initial=0)) * MOST_GRAMS
        self._scale = stored["scale"].astype(np.float32 if most < 2**24 else np.float64)
        self._halves = np.array([(byte & 15, byte >> 4) for byte in range(256)], dtype=self._scale.dtype) - ZERO
        self.width = 2 * self._table.shape[1] + 1
        self._slot: dict[str, int] = {}
        self._pieces: dict[str, tuple[int, ...]] = {}
        self.lock = Lock()
        self._make_room(capacity)

    def slots(self, pieces: Sequence[str]) -> list[tuple[int, ...]]:
        """Where the vectors of the words of each piece of text are; valid until the next call."""
        new = [piece for piece in dict.fromkeys(pieces) if piece not in self._pieces]
        if new:
            words = words_of(new)
            unmet = list(dict.fromkeys([word for some in words for word in some if word not in self._slot]))
            if len(self._slot) + len(unmet) > self._capacity or len(self._pieces) + len(new) > KEPT_PIECES:
                if self._slot or self._pieces:
                    self._slot.clear()
                    self._pieces.clear()
                    return self.slots(pieces)
                if len(unmet) > self._capacity:
                    self._make_room(len(unmet))
            if unmet:
                there = slice(len(self._slot) + 1, len(self._slot) + 1 + len(unmet))
                self.vectors[there], self._own[there] = self._computed(unmet)
                self._slot.update(zip(unmet, range(there.start, there.stop), strict=True))
            places = (tuple(map(self._slot.__getitem__, some)) for some in words)
            self._pieces.update(zip(new, places, strict=True))
        found = list(map(self._pieces.__getitem__, pieces))
        for piece in new:
            if len(piece) > LONGEST_PIECE:
                del self._pieces[piece]
        return found

    def _make_room(self, capacity: int) -> None:
        self._capacity = capacity
        self.vectors = np.zeros((capacity + 1, self.width), dtype=np.int32)
        self._own = np.zeros(capacity + 1, dtype=bool)

    def known(self, pieces: Sequence[str]) -> list[tuple[bool, int]]:
        """Of each piece of text whether all its words have vectors of their own, and their evidence for the gate:
        below zero where it looks like one of the teacher's languages."""
        answers: list[tuple[bool, int]] = []
        with self.lock:
            for first, last in groups(map(len, pieces), GROUP_CHARACTERS):
                slots = self.slots(pieces[first:last])
                places = list(chain.from_iterable(slots))
                own, evidence = iter(self._own[places].tolist()), iter(self.vectors[places, -1].tolist())
                for some in slots:
                    answers.append((all([*islice(own, len(some))]), sum(islice(evidence, len(some)))))
        return answers

    def _computed(self, words: Sequence[str]) -> tuple[Integers, NDArray[np.bool_]]:
        """What is kept of words, and whether they have vectors of their own."""
        whole, whole_of, grams, gram_of = features(words)
        out, counts = self._added(self._whole.places(whole), whole_of, 0, len(words))
        sums, grams_of_each = self._added(self._grams.places(grams), gram_of, len(self._whole), len(words))
        # The mean of the n-grams; float64 holds these sums and their quotients to the last digit that is kept.
        out += np.rint(sums / np.maximum(grams_of_each, 1)[:, None]).astype(np.int32)
        return out, counts > 0

    def _added(
        self, places: NDArray[np.int64], owners: NDArray[np.int64], offset: int, words: int
    ) -> tuple[Integers, NDArray[np.int64]]:
        """Sums of the rows at ``places`` (-1: unknown) by owner, and how many rows each has; owners never fall."""
        known = np.flatnonzero(places >= 0)
        rows, owners = places[known] + offset, owners[known]
        counts = np.bincount(owners, minlength=words)
        ends = np.concatenate([[0], np.cumsum(counts)])
        sums = np.empty((words, self.width), dtype=np.int32)
        half = self.width // 2
        for first in range(0, words, BLOCK_WORDS):
            here = ends[first : first + BLOCK_WORDS + 1]
            some = rows[here[0] : here[-1]]
            values = np.take(self._halves, np.take(self._table, some, axis=0), axis=0).reshape(len(some), 2 * half)
            scale, added = self._scale[some], np.empty((len(here) - 1, 2 * half), dtype=self._scale.dtype)
            for i, (start, end) in enumerate(pairwise((here - here[0]).tolist())):
                np.dot(scale[start:end], values[start:end], out=added[i])
            part = slice(first, first + len(added))
            sums[part, :half], sums[part, half:-1] = added[:, ::2], added[:, 1::2]
        sums[:, -1] = np.bincount(owners, weights=self._gate[rows], minlength=words)
        return sums, counts


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
