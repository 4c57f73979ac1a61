"""What the Universal Sentence Encoder computes from single tokens, kept for the tokens met most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Integers = NDArray[np.int64]

#: Width of a token's embedding, and of the features of one n-gram order.
EMBEDDING, WIDTH = 512, 256
#: Length of an n-gram, and how many of its tokens stand before the one it belongs to.
ORDERS = ((2, 0), (3, 1), (5, 2))
#: Tokens computed together. A BLAS picks the order of a sum by the shape of the product, so there is one shape.
BLOCK = 64
#: Pieces in which the embeddings are stored, interleaved, each quantised with a scale of its own.
PIECES = 17


class TokenTable:
    """Features of at most ``capacity`` tokens, 7.2 kB each; slot 0 is the blank, all zeros.

    A token's embedding is ``codes[slot] * scale + low``, where ``ranges[slot]`` is scale and low, in float32: 8 bits a
    number are all the package has of it. ``terms[order]`` has ``n + 1`` rows a slot: row ``j < n`` is what the token
    adds to the first convolution as token ``j`` of an n-gram (with the bias where the n-gram is its own), and row ``n``
    its projection, clipped to ``bound``. Terms are float16.
    """

    def __init__(self, weights: dict[str, Any], capacity: int, bound: float) -> None:
        import torch

        self._pieces = np.stack([weights[f"q{i + 1}"] for i in range(PIECES)])
        self._ranges = torch.from_numpy(np.stack([weights["scale"], weights["lo"]], axis=1))
        projection, self._bias, self._gamma, self._beta = (
            np.concatenate([weights[f"{name}{n}"] for n, _ in ORDERS], axis=-1)
            for name in ("proj", "proj_b", "ln_g", "ln_b")
        )
        self._projection = torch.from_numpy(projection)
        self._eps = np.float32(weights["eps"])
        # (n * 256, 256) becomes (256, n * 256): one product yields what a token adds at each place of an n-gram.
        self._first = [
            torch.from_numpy(weights[f"w1_{n}"]).view(n, WIDTH, WIDTH).transpose(0, 1).reshape(WIDTH, -1)
            for n, _ in ORDERS
        ]
        self._first_bias = [torch.from_numpy(weights[f"b1_{n}"]) for n, _ in ORDERS]
        self._bound = bound
        # Memory for a block, used again: to get it from the system takes as long as a product.
        self._read = torch.zeros(BLOCK, EMBEDDING)
        self._own = torch.empty(BLOCK, len(ORDERS) * WIDTH)
        self._added_by = [torch.empty(BLOCK, n * WIDTH) for n, _ in ORDERS]
        self._slot = np.full(PIECES * self._pieces.shape[1], -1, dtype=np.int64)
        self._token = np.full(capacity, -1, dtype=np.int64)
        self._uses = np.zeros(capacity, dtype=np.int64)
        self._used = 1
        # What is not written is not read, so most of this memory is never asked for while few tokens are met.
        self.codes = torch.empty(capacity, EMBEDDING, dtype=torch.uint8)
        self.ranges = torch.empty(capacity, 2)
        self.codes[0] = self.ranges[0] = 0
        self.terms = [torch.empty(capacity * (n + 1), WIDTH, dtype=torch.float16) for n, _ in ORDERS]
        for (n, _), terms in zip(ORDERS, self.terms, strict=True):
            terms[: n + 1] = 0

    def slots(self, tokens: NDArray[np.integer[Any]]) -> Integers:
        """Where the features of each token are; computes what is missing, dropping rarer tokens when the table is full.

        The distinct tokens must be fewer than the capacity. The slots hold until the next call.
        """
        slots: Integers = self._slot[tokens]
        if (slots < 0).any():
            missing = np.unique(tokens[slots < 0])
            if self._used + len(missing) > len(self._token):
                missing = self._make_room(np.unique(tokens))
            for i in range(0, len(missing), BLOCK):
                self._add(missing[i : i + BLOCK])
            slots = self._slot[tokens]
        self._uses += np.bincount(slots, minlength=len(self._uses))
        return slots

    def _make_room(self, needed: Integers) -> Integers:
        """Keep the more used half of the slots, so far as there is room beside the ``needed`` tokens; returns those of
        them that have to be computed."""
        room = min(len(self._token) // 2, len(self._token) - 1 - len(needed))
        order = np.argsort(-self._uses[1 : self._used], kind="stable")[:room]
        kept = np.sort(order) + 1
        count = len(kept)
        for values in (self.codes, self.ranges):
            values[1 : 1 + count] = values[kept]
        for (n, _), terms in zip(ORDERS, self.terms, strict=True):
            by_slot = terms.view(-1, n + 1, WIDTH)
            by_slot[1 : 1 + count] = by_slot[kept]
        tokens = self._token[kept]
        self._slot.fill(-1)
        self._slot[tokens] = np.arange(1, count + 1)
        self._token[1 : 1 + count] = tokens
        # Halved, so that what was frequent long ago gives way in the end.
        self._uses[1 : 1 + count] = self._uses[kept] // 2
        self._uses[1 + count :] = 0
        self._used = 1 + count
        return needed[self._slot[needed] < 0]

    def embeddings(self, slots: Tensor) -> Tensor:
        """float32 ``(len(slots), 512)``."""
        ranges = self.ranges[slots]
        return self.codes[slots].float().mul_(ranges[:, :1]).add_(ranges[:, 1:])

    def _add(self, tokens: Integers) -> None:
        import torch

        count, first = len(tokens), self._used
        slots = torch.arange(first, first + count)
        self.codes[slots] = torch.from_numpy(self._pieces[tokens % PIECES, tokens // PIECES])
        self.ranges[slots] = self._ranges[torch.from_numpy(tokens % PIECES)]
        projected = self._projected(self.embeddings(slots))
        for order, (n, left) in enumerate(ORDERS):
            own, added = projected[:, order * WIDTH : (order + 1) * WIDTH], self._added_by[order]
            torch.mm(own, self._first[order], out=added)
            by_place = added.view(BLOCK, n, WIDTH)
            by_place[:, left] += self._first_bias[order]
            terms = self.terms[order].view(-1, n + 1, WIDTH)[first : first + count]
            terms[:, :n] = by_place[:count]
            terms[:, n] = own[:count].clamp(-self._bound, self._bound)
        self._slot[tokens] = np.arange(first, first + count)
        self._token[first : first + count] = tokens
        self._used += count

    def _projected(self, embeddings: Tensor) -> Tensor:
        """Normalised projections for the three orders side by side, in a block's first rows; they hold until the next
        call."""
        import torch

        self._read[: len(embeddings)] = embeddings
        y = torch.mm(self._read, self._projection, out=self._own).numpy()
        y += self._bias
        y -= y.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", y, y) / np.float32(y.shape[1])
        y *= (1 / np.sqrt(variance + self._eps))[:, None]
        y *= self._gamma
        y += self._beta
        return self._own
