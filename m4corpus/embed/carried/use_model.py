"""Forward pass of the Universal Sentence Encoder (multilingual, v3) over the weights its package carries.

The network averages n-gram features: a token embedding goes through a projection and a layer normalisation, then
through two convolutions for each of three n-gram orders; the features of all tokens are normalised and summed, and
five dense layers make the sum a vector. There is no attention, so cost grows in proportion to length.

Three things set it apart from the package's own pass, whose vectors it reproduces to a cosine of 0.9999 on
average:

- *What depends on one token is computed once* and kept for the tokens seen lately
  (:mod:`m4corpus.embed.carried.use_tokens`). The first convolution is then a sum of rows.
- *The second convolutions are products of integers*, which are most of what is left: activations in 8 bits on one
  fixed scale, weights in 8 bits on a scale for each output. See :mod:`m4corpus.embed.carried.integer`.
- *Bytes depend on the text alone.* Integer sums are exact whatever is computed beside them. All else works row by row
  or text by text, but for products of real numbers, which have one fixed number of rows: a BLAS picks its kernel, and
  with it the order of a sum, by the shape of the matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from m4corpus.embed.carried.integer import ZERO, IntegerLayer
from m4corpus.embed.carried.use_tokens import EMBEDDING, ORDERS, WIDTH, TokenTable
from m4corpus.embed.threads import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]
    #: Token numbers of a text.
    Ids = NDArray[np.int32]

DIMENSION = 512
#: Blank rows between texts, as many as the longest n-gram reaches over its ends.
PAD = 2
#: Rows computed at once: many enough to outweigh the calls, few enough to stay in the processor's cache.
GROUP_ROWS = 1040
#: Rows whose tokens are looked up together.
FILL_ROWS = 8 * GROUP_ROWS
#: Rows of the products of the dense layers.
TEXT_ROWS = 32
#: Tokens whose features are kept, 8.7 kB each: a corpus of many languages uses about as many again and again.
TABLE_TOKENS = 32768
#: One step of an 8-bit activation, and the highest: from -16 to 47.75, where all but some in 100,000 lie.
STEP = 0.25
HIGHEST = (255 - ZERO) * STEP


class Space:
    """Memory for what is computed from rows, used again for each group: to get it from the system costs more than to
    compute in it."""

    def __init__(self, rows: int) -> None:
        import torch

        self.features = torch.empty(rows, EMBEDDING + len(ORDERS) * WIDTH)
        self.hidden = torch.empty(rows, WIDTH)
        self.projected = torch.empty(rows, WIDTH, dtype=torch.float16)
        self.framed = torch.empty(PAD + rows + PAD, WIDTH, dtype=torch.uint8)


class UseModel:
    """The network. ``longest`` bounds the tokens of a text. Threads may share it; they take turns."""

    def __init__(self, weights: Path, longest: int) -> None:
        import torch

        with np.load(weights, allow_pickle=False) as stored:
            w = {name: stored[name] for name in stored.files}
        self._tokens = TokenTable(w, max(TABLE_TOKENS, longest, FILL_ROWS) + 1, ZERO * STEP)
        self._second = [
            IntegerLayer(torch.from_numpy(w[f"w2_{n}"]), torch.from_numpy(w[f"b2_{n}"]), STEP) for n, _ in ORDERS
        ]
        names = ("ln_g", "ln_b", "cnn_W", "cnn_b", "d0", "d1", "d2", "d3", "p1", "p3")
        self._dense = {name: torch.from_numpy(w[name]) for name in names}
        self._eps = float(w["eps"])
        self._highest = torch.tensor(HIGHEST, dtype=torch.float16)
        self._offset = torch.tensor(1024 + ZERO, dtype=torch.float16)
        self._places = torch.arange(max(n for n, _ in ORDERS) + 1, dtype=torch.int32)
        self._usual = Space(GROUP_ROWS)
        self._lock = Lock()

    def encode(self, sequences: Sequence[Ids]) -> Floats:
        """Unit vectors of non-empty token sequences: float32 ``(len(sequences), 512)``."""
        return self._in_blocks(sequences, self._top)

    def features(self, sequences: Sequence[Ids]) -> Floats:
        """What the dense layers would get of non-empty token sequences, times the root of their lengths: float32
        ``(len(sequences), 512)``. So the features of two texts add up to about those of both."""
        return self._in_blocks(sequences, self._projected)

    def _in_blocks(self, sequences: Sequence[Ids], finish: Callable[[Tensor, Tensor], Tensor]) -> Floats:
        """Rows that ``finish`` makes of blocks of :data:`TEXT_ROWS` sums and lengths."""
        import torch

        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
        sums = torch.empty(len(sequences), EMBEDDING + len(ORDERS) * WIDTH)
        out = np.empty((len(sequences), DIMENSION), dtype=np.float32)
        with self._lock, one_thread(), torch.inference_mode():
            for first, last in _groups(lengths, FILL_ROWS):
                # Tokens met for the first time are computed for many groups at once, so that their blocks are full.
                self._tokens.slots(np.concatenate(sequences[first:last]))
                for start, end in _groups(lengths[first:last], GROUP_ROWS):
                    texts = slice(first + start, first + end)
                    sums[texts] = self._sums(np.concatenate(sequences[texts]), lengths[texts])
            for i in range(0, len(sums), TEXT_ROWS):
                block, count = torch.zeros(TEXT_ROWS, sums.shape[1]), len(sums[i : i + TEXT_ROWS])
                length = torch.ones(TEXT_ROWS, 1)
                block[:count] = sums[i : i + count]
                length[:count, 0] = torch.from_numpy(lengths[i : i + count]).float()
                out[i : i + count] = finish(block, length)[:count].numpy()
        return out

    def _sums(self, tokens: Ids, lengths: Integers) -> Tensor:
        """Normalised features summed over each text's tokens: float32 ``(texts, 512 + 3 * 256)``.

        The texts are laid out one after the other with blank rows between them, and all rows are computed at once.
        """
        import torch
        from torch.nn.functional import embedding_bag

        before = np.cumsum(lengths) - lengths
        place = np.arange(len(tokens)) + np.repeat(PAD * np.arange(len(lengths)), lengths)
        rows = len(tokens) + PAD * len(lengths)
        slots = np.zeros(PAD + rows + PAD + 1, dtype=np.int32)
        slots[PAD + place] = self._tokens.slots(tokens)
        blank = np.flatnonzero(slots[PAD : PAD + rows] == 0)
        features = self._features(torch.from_numpy(slots), torch.from_numpy(blank), rows)
        mean = features.mean(dim=1)
        square = torch.linalg.vector_norm(features, dim=1).square_()
        scale = (square / features.shape[1] - mean * mean + self._eps).rsqrt()
        # Each sum runs over the rows of its text in order.
        chosen, starts = torch.from_numpy(place), torch.from_numpy(before)
        sums = embedding_bag(chosen, features, starts, mode="sum", per_sample_weights=scale[chosen])
        shifts = np.add.reduceat((scale * mean)[chosen].double().numpy(), before)
        return sums.sub_(torch.from_numpy(shifts).float()[:, None])

    def _features(self, slots: Tensor, blank: Tensor, rows: int) -> Tensor:
        """Embedding and n-gram features of every row: float32 ``(rows, 512 + 3 * 256)``."""
        import torch
        from torch.nn.functional import embedding_bag

        space, here = self._space(rows), slots[PAD : PAD + rows]
        features, framed, hidden = space.features[:rows], space.framed, space.hidden[:rows]
        torch.index_select(self._tokens.embedding, 0, here, out=features[:, :EMBEDDING])
        framed[:PAD] = framed[PAD + rows : PAD + rows + PAD] = ZERO
        for order, ((n, left), terms) in enumerate(zip(ORDERS, self._tokens.terms, strict=True)):
            first = slots * (n + 1)
            terms_of = first[PAD - left :].as_strided((rows, n + 1), (1, 1)) + self._places[: n + 1]
            own = terms_of[:, n] = first[PAD : PAD + rows] + n
            # relu(x) + p is max(x + p, p), and the projection is one more term of the sum.
            total = embedding_bag(terms_of, terms, mode="sum")
            projected = torch.index_select(terms, 0, own, out=space.projected[:rows])
            torch.clamp(total, projected, self._highest, out=projected)
            projected.index_fill_(0, blank, 0)
            hidden.copy_(projected)
            # Numbers from 1024 to 2048 are whole in half precision, and their last eight bits count from 1024.
            torch.add(self._offset, projected, alpha=1 / STEP, out=projected)
            framed[PAD : PAD + rows] = projected.view(torch.int16)
            # The rows an n-gram covers lie one after the other, so its window is a view of n rows as one.
            windows = framed[PAD - left :].as_strided((rows, n * WIDTH), (WIDTH, 1))
            columns = slice(EMBEDDING + order * WIDTH, EMBEDDING + (order + 1) * WIDTH)
            torch.add(self._second[order](windows), hidden, out=features[:, columns])
        return features

    def _space(self, rows: int) -> Space:
        """Memory for that many rows; larger memory than a group's is not kept."""
        if rows <= GROUP_ROWS:
            return self._usual
        return Space(rows)

    def _projected(self, sums: Tensor, length: Tensor) -> Tensor:
        """Summed features in the dimensions of the dense layers."""
        d = self._dense
        return (sums * d["ln_g"] + length * d["ln_b"]) @ d["cnn_W"] + length * d["cnn_b"]

    def _top(self, sums: Tensor, length: Tensor) -> Tensor:
        """From summed features to vectors."""
        d = self._dense
        x = self._projected(sums, length) / length.sqrt()
        y = (x @ d["p1"] + (x @ d["d0"]).relu_() @ d["d1"]).relu_()
        z = (y @ d["p3"] + (y @ d["d2"]).relu_() @ d["d3"]).tanh_()
        norm = (z * z).sum(dim=1, keepdim=True).clamp_min_(self._eps).sqrt_()
        return z / norm


def _groups(lengths: Integers, most: int) -> Iterator[tuple[int, int]]:
    """First and last text (exclusive) of each group: as many as fit into ``most`` rows, at least one."""
    first, rows = 0, 0
    for i, length in enumerate(lengths.tolist()):
        if i > first and rows + length + PAD > most:
            yield first, i
            first, rows = i, 0
        rows += length + PAD
    if first < len(lengths):
        yield first, len(lengths)
