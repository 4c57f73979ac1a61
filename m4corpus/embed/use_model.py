"""Forward pass of the Universal Sentence Encoder (multilingual, v3) in numpy, over the weights its package carries.

The network averages n-gram features: a token embedding goes through a projection and a layer normalisation, then
through two convolutions for each of three n-gram orders; the features of all tokens are normalised and summed, and
five dense layers make the sum a vector. There is no attention, so cost grows in proportion to length.

Two things set it apart from the package's own pass, whose vectors it reproduces to about 1e-6:

- *Bytes depend on the text alone.* A BLAS picks its kernel, and with it the order of a sum, by the shape of the
  matrices. Here every product has one fixed number of rows, filled up with zeros, so a row is always summed alike.
- *What depends on one token is computed once.* Everything before the first sum over neighbours, which is more than
  half of the work, is kept in a table of recently seen tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

DIMENSION = 512
#: Width of the features of one n-gram order.
WIDTH = 256
#: Length of an n-gram, and how many of its tokens stand before the one it belongs to.
ORDERS = ((2, 0), (3, 1), (5, 2))
#: Blank rows between texts, as many as the longest n-gram reaches over its ends.
PAD = 2
#: Rows of every product over tokens, and of every product over texts.
TOKEN_ROWS, TEXT_ROWS = 128, 32
#: Tokens taken together: enough to fill the blocks, few enough to stay in the processor's cache.
GROUP_TOKENS = 2048
#: Tokens whose features are kept: 15 kB each.
TABLE_TOKENS = 8192
#: The embedding table is quantised in this many interleaved pieces, each with its own scale.
PIECES = 17


class UseModel:
    """The network. ``longest`` bounds the tokens of a text. Threads may share it; they take turns."""

    def __init__(self, weights: Path, longest: int) -> None:
        from threadpoolctl import ThreadpoolController

        with np.load(weights, allow_pickle=False) as stored:
            w = {name: stored[name] for name in stored.files}
        self._tokens = TokenTable(w, max(TABLE_TOKENS, longest, GROUP_TOKENS) + 1)
        self._bias1 = [w[f"b1_{n}"] for n, _ in ORDERS]
        self._second = [(w[f"w2_{n}"], w[f"b2_{n}"]) for n, _ in ORDERS]
        self._dense = {name: w[name] for name in ("ln_g", "ln_b", "cnn_W", "cnn_b", "d0", "d1", "d2", "d3", "p1", "p3")}
        self._eps = np.float32(w["eps"])
        self._blas = ThreadpoolController()
        self._lock = Lock()

    def encode(self, sequences: Sequence[Sequence[int]]) -> Floats:
        """Unit vectors of non-empty token sequences: float32 ``(len(sequences), 512)``."""
        out = np.empty((len(sequences), DIMENSION), dtype=np.float32)
        first = 0
        with self._lock, self._blas.limit(limits=1, user_api="blas"):
            while first < len(sequences):
                last, tokens = first + 1, len(sequences[first])
                while last < len(sequences) and tokens + len(sequences[last]) <= GROUP_TOKENS:
                    tokens += len(sequences[last])
                    last += 1
                out[first:last] = self._group(sequences[first:last])
                first = last
        return out

    def _group(self, sequences: Sequence[Sequence[int]]) -> Floats:
        """Lay the texts out one after the other, blank rows between them, and compute all rows at once."""
        lengths = np.array([len(sequence) for sequence in sequences])
        ends = np.cumsum(lengths + PAD)
        starts = ends - lengths - PAD
        flat = np.concatenate([np.asarray(sequence, dtype=np.int64) for sequence in sequences])
        rows = _rounded(int(ends[-1]), TOKEN_ROWS)
        slots = np.zeros(PAD + rows + PAD, dtype=np.int64)
        blank = np.ones(rows, dtype=bool)
        place = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(len(flat))
        slots[PAD + place] = self._tokens.slots(flat)
        blank[place] = False

        features = self._features(slots, np.flatnonzero(blank), rows)
        features -= features.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", features, features) / np.float32(features.shape[1])
        scale = 1 / np.sqrt(variance + self._eps)
        sums = np.stack([scale[s : s + n] @ features[s : s + n] for s, n in zip(starts, lengths, strict=True)])
        return np.concatenate(
            [self._top(sums[i : i + TEXT_ROWS], lengths[i : i + TEXT_ROWS]) for i in range(0, len(sums), TEXT_ROWS)]
        )

    def _features(self, slots: NDArray[np.int64], blank: NDArray[np.int64], rows: int) -> Floats:
        """Embedding and n-gram features of every row: float32 ``(rows, 512 + 3 * 256)``."""
        table, here = self._tokens, slots[PAD : PAD + rows]
        features = np.empty((rows, DIMENSION + len(ORDERS) * WIDTH), dtype=np.float32)
        features[:, :DIMENSION] = table.embedding[here]
        term = np.empty((rows, WIDTH), dtype=np.float32)
        for order, (n, left) in enumerate(ORDERS):
            framed = np.zeros((PAD + rows + PAD, WIDTH), dtype=np.float32)
            hidden = framed[PAD : PAD + rows]
            for j in range(n):
                neighbour = slots[PAD - left + j : PAD - left + j + rows] * n + j
                np.take(table.first[order], neighbour, axis=0, out=term if j else hidden, mode="clip")
                if j:
                    hidden += term
            hidden += self._bias1[order]
            np.maximum(hidden, 0, out=hidden)
            hidden += table.projected[here, order * WIDTH : (order + 1) * WIDTH]
            hidden[blank] = 0
            # The rows an n-gram covers lie one after the other, so its window is a view of n rows as one.
            windows = as_strided(framed[PAD - left :], (rows, n * WIDTH), framed.strides)
            weight, bias = self._second[order]
            result = blockwise(np.ascontiguousarray(windows), weight)
            result += bias
            np.maximum(result, 0, out=result)
            result += hidden
            features[:, DIMENSION + order * WIDTH : DIMENSION + (order + 1) * WIDTH] = result
        return features

    def _top(self, sums: Floats, lengths: NDArray[np.int64]) -> Floats:
        """From the summed features of at most :data:`TEXT_ROWS` texts to their vectors."""
        d, count = self._dense, len(sums)
        x = np.zeros((TEXT_ROWS, sums.shape[1]), dtype=np.float32)
        length = np.ones((TEXT_ROWS, 1), dtype=np.float32)
        x[:count], length[:count, 0] = sums, lengths
        x = x * d["ln_g"] + length * d["ln_b"]
        x = (x @ d["cnn_W"] + length * d["cnn_b"]) / np.sqrt(length)
        y = np.maximum(x @ d["p1"] + np.maximum(x @ d["d0"], 0) @ d["d1"], 0)
        z = np.tanh(y @ d["p3"] + np.maximum(y @ d["d2"], 0) @ d["d3"])
        norm = np.sqrt(np.maximum(np.einsum("ij,ij->i", z, z), self._eps))
        return np.asarray(z[:count] / norm[:count, None], dtype=np.float32)


class TokenTable:
    """What the network computes from single tokens, for the tokens seen lately; slot 0 is the blank, all zeros.

    ``embedding[slot]`` is the token's embedding; ``projected[slot]`` its projection for the three orders side by
    side, normalised; ``first[order][slot * n + j]`` what it adds to the first convolution as token ``j`` of an n-gram.
    """

    def __init__(self, weights: dict[str, Any], capacity: int) -> None:
        self._pieces = [weights[f"q{i + 1}"] for i in range(PIECES)]
        self._scale, self._low = weights["scale"], weights["lo"]
        self._projection, self._bias, self._gamma, self._beta = (
            np.concatenate([weights[f"{name}{n}"] for n, _ in ORDERS], axis=-1)
            for name in ("proj", "proj_b", "ln_g", "ln_b")
        )
        self._eps = np.float32(weights["eps"])
        # (n * 256, 256) becomes (256, n * 256): one product yields what a token adds at each place of an n-gram.
        self._first = [
            np.ascontiguousarray(weights[f"w1_{n}"].reshape(n, WIDTH, WIDTH).transpose(1, 0, 2).reshape(WIDTH, -1))
            for n, _ in ORDERS
        ]
        self._slot = np.full(PIECES * len(self._pieces[0]), -1, dtype=np.int64)
        self._used, self._capacity = 1, capacity
        self.embedding = np.zeros((capacity, DIMENSION), dtype=np.float32)
        self.projected = np.zeros((capacity, len(ORDERS) * WIDTH), dtype=np.float32)
        self.first = [np.zeros((capacity * n, WIDTH), dtype=np.float32) for n, _ in ORDERS]

    def slots(self, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where the features of each token are; computes what is missing, starting afresh when the table is full."""
        distinct = np.unique(tokens)
        missing = distinct[self._slot[distinct] < 0]
        if self._used + len(missing) > self._capacity:
            self._slot.fill(-1)
            self._used, missing = 1, distinct
        for i in range(0, len(missing), TOKEN_ROWS):
            self._add(missing[i : i + TOKEN_ROWS])
        return self._slot[tokens]

    def _add(self, tokens: NDArray[np.int64]) -> None:
        count, first = len(tokens), self._used
        x = np.zeros((TOKEN_ROWS, DIMENSION), dtype=np.float32)
        x[:count] = [self._pieces[token % PIECES][token // PIECES] for token in tokens.tolist()]
        x[:count] *= self._scale[tokens % PIECES, None]
        x[:count] += self._low[tokens % PIECES, None]
        y = x @ self._projection + self._bias
        y -= y.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", y, y) / np.float32(y.shape[1])
        y *= (1 / np.sqrt(variance + self._eps))[:, None]
        y = y * self._gamma + self._beta
        self.embedding[first : first + count] = x[:count]
        self.projected[first : first + count] = y[:count]
        for order, (n, _) in enumerate(ORDERS):
            added = np.ascontiguousarray(y[:, order * WIDTH : (order + 1) * WIDTH]) @ self._first[order]
            self.first[order][first * n : (first + count) * n] = added[:count].reshape(-1, WIDTH)
        self._slot[tokens] = np.arange(first, first + count)
        self._used += count


def blockwise(rows: Floats, weight: Floats) -> Floats:
    """``rows @ weight`` in blocks of :data:`TOKEN_ROWS` rows, which must divide their number."""
    out = np.empty((len(rows), weight.shape[1]), dtype=np.float32)
    for i in range(0, len(rows), TOKEN_ROWS):
        np.matmul(rows[i : i + TOKEN_ROWS], weight, out=out[i : i + TOKEN_ROWS])
    return out


def _rounded(number: int, step: int) -> int:
    return -(-number // step) * step
