"""The part of the Universal Sentence Encoder that works on rows, one for each token: nearly all of its time.

A row's features are its token's embedding and those of the n-grams of three lengths around it. They are normalised and
summed over the rows of a text. Two implementations give the same bytes:

- :class:`CompiledRows` calls ``use_kernel``, a small extension in C, on processors that have AVX-512 with VNNI.
- :class:`TorchRows` is for all others, and for where the extension was not built; it takes about twice as long.

What makes them equal: products of integers are exact, and numbers that are not whole are added in an order both keep.
Of numbers that are not finite, which the weights have none of, nothing is promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from m4corpus.embed.carried import grouping
from m4corpus.embed.carried.integer import ZERO, IntegerLayer
from m4corpus.embed.carried.use_tokens import EMBEDDING, ORDERS, WIDTH, TokenTable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Floats = NDArray[np.float32]
    Integers = NDArray[np.int64]

#: Features of a row.
FEATURES = EMBEDDING + len(ORDERS) * WIDTH
#: Blank rows between texts, as many as the longest n-gram reaches over its ends.
PAD = 2
#: VERSION of the extension that goes with this file: raised in both when its arguments or its bytes change.
KERNEL = 1
#: Rows torch computes at once: many enough to outweigh the calls, few enough to stay in the processor's cache.
GROUP_ROWS = 1040
#: One step of an 8-bit activation, and the highest: from -16 to 47.75, where all but some in 100,000 lie.
STEP = 0.25
HIGHEST = (255 - ZERO) * STEP


class Rows(Protocol):
    """Sums over the rows of texts."""

    def sums(self, slots: Integers, lengths: Integers) -> Floats:
        """Normalised features summed over each text's tokens: float32 ``(texts, 512 + 3 * 256)``.

        ``slots`` are those of all texts' tokens, one text after the other, in the table of tokens. No text is empty.
        """
        ...


def rows(table: TokenTable, weights: dict[str, Any]) -> Rows:
    """The fastest that runs here."""
    return TorchRows(table, weights) if why_slow() else CompiledRows(table, weights)


def why_slow() -> str:
    """What keeps the extension from being used; empty if nothing does."""
    try:
        from m4corpus.embed.carried import use_kernel
    except ImportError:
        return "its extension was not built when m4corpus was installed, which takes a C compiler and Python's headers"
    if use_kernel.VERSION != KERNEL:
        return "its extension was built from another version of m4corpus; install m4corpus again"
    return "" if use_kernel.supported() else "this processor has no AVX-512 with VNNI"


class CompiledRows:
    """In the extension: what lies between the tokens' terms and a text's sum is never written to memory."""

    def __init__(self, table: TokenTable, weights: dict[str, Any]) -> None:
        self._table = table
        layers = _layers(weights)
        self._weights = [_packed(layer.weight) for layer in layers]
        self._scale = np.concatenate([(layer.scale * STEP).numpy() for layer in layers])
        self._bias = np.concatenate([layer.bias.numpy() for layer in layers])
        self._shift = np.concatenate([layer.weight.numpy().sum(axis=0, dtype=np.int32) * ZERO for layer in layers])
        self._eps = float(weights["eps"])

    def sums(self, slots: Integers, lengths: Integers) -> Floats:
        """See :class:`Rows`."""
        from m4corpus.embed.carried import use_kernel

        out = np.empty((len(lengths), FEATURES), dtype=np.float32)
        terms = [terms.numpy() for terms in self._table.terms]
        use_kernel.sums(
            self._table.codes.numpy(), self._table.ranges.numpy(), *terms, *self._weights,
            self._scale, self._bias, self._shift, slots.astype(np.int32),
            np.ascontiguousarray(lengths, dtype=np.int64), HIGHEST, self._eps, out,
        )  # fmt: skip
        return out


def _layers(weights: dict[str, Any]) -> list[IntegerLayer]:
    import torch

    return [IntegerLayer(torch.from_numpy(weights[f"w2_{n}"]), torch.from_numpy(weights[f"b2_{n}"])) for n, _ in ORDERS]


def _packed(weight: Tensor) -> NDArray[np.int8]:
    """Integers ``(inputs, 256)`` in the order in which the kernel reads them: strips of 64 outputs, and in each for
    every four inputs the outputs' four weights."""
    by_strip = weight.view(len(weight) // 4, 4, WIDTH // 64, 64).permute(2, 0, 3, 1)
    packed: NDArray[np.int8] = by_strip.contiguous().numpy()
    return packed


class _Space:
    """Memory for what is computed from rows, used again for each group: to get it from the system costs more than to
    compute in it."""

    def __init__(self, count: int) -> None:
        import torch

        self.features = torch.empty(count, FEATURES)
        self.hidden = torch.empty(count, WIDTH)
        self.projected = torch.empty(count, WIDTH, dtype=torch.float16)
        self.framed = torch.empty(PAD + count + PAD, WIDTH, dtype=torch.uint8)


class TorchRows:
    """In torch, many rows at a time."""

    def __init__(self, table: TokenTable, weights: dict[str, Any]) -> None:
        import torch

        self._table = table
        self._second = _layers(weights)
        self._eps = float(weights["eps"])
        self._highest = torch.tensor(HIGHEST, dtype=torch.float16)
        self._offset = torch.tensor(1024 + ZERO, dtype=torch.float16)
        self._places = torch.arange(max(n for n, _ in ORDERS) + 1, dtype=torch.int32)
        self._usual = _Space(GROUP_ROWS)

    def sums(self, slots: Integers, lengths: Integers) -> Floats:
        """See :class:`Rows`."""
        out = np.empty((len(lengths), FEATURES), dtype=np.float32)
        ends = np.cumsum(lengths)
        for first, last in groups(lengths.tolist(), GROUP_ROWS):
            group = lengths[first:last]
            out[first:last] = self._sums(slots[ends[first] - lengths[first] : ends[last - 1]], group).numpy()
        return out

    def _sums(self, tokens: Integers, lengths: Integers) -> Tensor:
        """Sums of a group of texts, which are laid out one after the other with blank rows between them."""
        import torch
        from torch.nn.functional import embedding_bag

        before, texts = np.cumsum(lengths) - lengths, np.repeat(np.arange(len(lengths)), lengths)
        place = np.arange(len(tokens)) + PAD * texts
        count = len(tokens) + PAD * len(lengths)
        slots = np.zeros(PAD + count + PAD + 1, dtype=np.int32)
        slots[PAD + place] = tokens
        blank = np.flatnonzero(slots[PAD : PAD + count] == 0)
        features = self._features(torch.from_numpy(slots), torch.from_numpy(blank), count)
        mean = _folded(features) / FEATURES
        scale = (_folded(features * features) / FEATURES - mean * mean + self._eps).rsqrt()
        # Each sum runs over the rows of its text in order.
        chosen, starts = torch.from_numpy(place), torch.from_numpy(before)
        sums = embedding_bag(chosen, features, starts, mode="sum", per_sample_weights=scale[chosen])
        shifts = np.bincount(texts, weights=(scale * mean)[chosen].numpy())
        return sums.sub_(torch.from_numpy(shifts).float()[:, None])

    def _features(self, slots: Tensor, blank: Tensor, count: int) -> Tensor:
        """Embedding and n-gram features of every row: float32 ``(count, 512 + 3 * 256)``."""
        import torch
        from torch.nn.functional import embedding_bag

        space, here = self._space(count), slots[PAD : PAD + count]
        features, framed, hidden = space.features[:count], space.framed, space.hidden[:count]
        features[:, :EMBEDDING] = self._table.embeddings(here)
        framed[:PAD] = framed[PAD + count : PAD + count + PAD] = ZERO
        for order, ((n, left), terms) in enumerate(zip(ORDERS, self._table.terms, strict=True)):
            first = slots * (n + 1)
            terms_of = first[PAD - left :].as_strided((count, n + 1), (1, 1)) + self._places[: n + 1]
            own = terms_of[:, n] = first[PAD : PAD + count] + n
            # relu(x) + p is max(x + p, p), and the projection is one more term of the sum.
            total = embedding_bag(terms_of, terms, mode="sum")
            projected = torch.index_select(terms, 0, own, out=space.projected[:count])
            torch.clamp(total, projected, self._highest, out=projected)
            projected.index_fill_(0, blank, 0)
            hidden.copy_(projected)
            # Numbers from 1024 to 2048 are whole in half precision, and their last eight bits count from 1024.
            torch.add(self._offset, projected, alpha=1 / STEP, out=projected)
            framed[PAD : PAD + count] = projected.view(torch.int16)
            # The rows an n-gram covers lie one after the other, so its window is a view of n rows as one.
            windows = framed[PAD - left :].as_strided((count, n * WIDTH), (WIDTH, 1))
            columns = slice(EMBEDDING + order * WIDTH, EMBEDDING + (order + 1) * WIDTH)
            torch.add(self._second[order](windows, STEP), hidden, out=features[:, columns])
        return features

    def _space(self, count: int) -> _Space:
        """Memory for that many rows; larger memory than a group's is not kept."""
        return self._usual if count <= GROUP_ROWS else _Space(count)


def _folded(values: Tensor) -> Tensor:
    """Sum of each row, in an order that no library chooses: pieces of 256 to one another, then halves."""
    pieces = values.view(len(values), -1, WIDTH)
    total = pieces[:, 0] + pieces[:, 1]
    for i in range(2, pieces.shape[1]):
        total += pieces[:, i]
    while (half := total.shape[1] // 2) > 0:
        total = total[:, :half] + total[:, half:]
    return total[:, 0]


def groups(lengths: Sequence[int], most: int) -> list[tuple[int, int]]:
    """First and last text (exclusive) of each group: as many as fit into ``most`` rows with the blank ones, at least
    one."""
    return list(grouping.groups((length + PAD for length in lengths), most))
