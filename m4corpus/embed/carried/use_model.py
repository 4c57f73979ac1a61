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

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from m4corpus.embed.carried.integer import ZERO
from m4corpus.embed.carried.use_rows import FEATURES, STEP, groups, rows
from m4corpus.embed.carried.use_tokens import TokenTable
from m4corpus.embed.threads import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Floats = NDArray[np.float32]
    #: Token numbers of a text.
    Ids = NDArray[np.int32]

DIMENSION = 512
#: Rows whose tokens are looked up together.
FILL_ROWS = 8192
#: Rows of the products of the dense layers.
TEXT_ROWS = 32
#: Tokens whose features are kept, 7.2 kB each: a corpus of many languages uses about as many again and again.
TABLE_TOKENS = 32768


class UseModel:
    """The network. ``longest`` bounds the tokens of a text. Threads may share it; they take turns."""

    def __init__(self, weights: Path, longest: int) -> None:
        import torch

        with np.load(weights, allow_pickle=False) as stored:
            w = {name: stored[name] for name in stored.files}
        self._tokens = TokenTable(w, max(TABLE_TOKENS, longest, FILL_ROWS) + 1, ZERO * STEP)
        self._rows = rows(self._tokens, w)
        names = ("ln_g", "ln_b", "cnn_W", "cnn_b", "d0", "d1", "d2", "d3", "p1", "p3")
        self._dense = {name: torch.from_numpy(w[name]) for name in names}
        self._eps = float(w["eps"])
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
        sums = torch.empty(len(sequences), FEATURES)
        out = np.empty((len(sequences), DIMENSION), dtype=np.float32)
        with self._lock, one_thread(), torch.inference_mode():
            for first, last in groups(lengths.tolist(), FILL_ROWS):
                slots = self._tokens.slots(np.concatenate(sequences[first:last]))
                sums[first:last] = torch.from_numpy(self._rows.sums(slots, lengths[first:last]))
            for i in range(0, len(sums), TEXT_ROWS):
                block, count = torch.zeros(TEXT_ROWS, sums.shape[1]), len(sums[i : i + TEXT_ROWS])
                length = torch.ones(TEXT_ROWS, 1)
                block[:count] = sums[i : i + count]
                length[:count, 0] = torch.from_numpy(lengths[i : i + count]).float()
                out[i : i + count] = finish(block, length)[:count].numpy()
        return out

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
