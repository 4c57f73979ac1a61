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
    """Features of at most ``capacity`` tokens, 8.7 kB each; slot 0 is the blank, all zeros.

    ``embedding[slot]`` is a token's embedding. ``terms[order]`` has ``n + 1`` rows a slot: row ``j < n`` is what the
    token adds to the first convolution as token ``j`` of an n-gram (with the bias where the n-gram is its own), and
    row ``n`` its projection, clipped to ``bound``. Terms are float16, embeddings float32.
    """

    def __init__(self, weights: dict[str, Any], capacity: int, bound: float) -> None:
        import torch

        self._pieces = [weights[f"q{i + 1}"] for i in range(PIECES)]
        self._scale, self._low = weights["scale"], weights["lo"]
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
        self._slot = np.full(PIECES * len(self._pieces[0]), -1, dtype=np.int64)
        self._token = np.full(capacity, -1, dtype=np.int64)
        self._uses = np.zeros(capacity, dtype=np.int64)
        self._used = 1
        # What is not written is not read, so most of this memory is never asked for while few tokens are met.
        self.embedding = torch.empty(capacity, EMBEDDING)
        self.embedding[0] = 0
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
        self.embedding[1 : 1 + count] = self.embedding[kept]
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

    def _add(self, tokens: Integers) -> None:
        import torch

        count, first = len(tokens), self._used
        x, y = self._projected(tokens)
        self.embedding[first : first + count] = x[:count]
        for order, (n, left) in enumerate(ORDERS):
            own = y[:, order * WIDTH : (order + 1) * WIDTH].contiguous()
            added = torch.empty(BLOCK, n + 1, WIDTH)
            added[:, :n] = (own @ self._first[order]).view(BLOCK, n, WIDTH)
            added[:, left] += self._first_bias[order]
            added[:, n] = own.clamp_(-self._bound, self._bound)
            self.terms[order].view(-1, n + 1, WIDTH)[first : first + count] = added[:count]
        self._slot[tokens] = np.arange(first, first + count)
        self._token[first : first + count] = tokens
        self._used += count

    def _projected(self, tokens: Integers) -> tuple[Tensor, Tensor]:
        """Embeddings, and their normalised projections for the three orders side by side; filled up to a block."""
        import torch

        count = len(tokens)
        x = np.zeros((BLOCK, EMBEDDING), dtype=np.float32)
        x[:count] = [self._pieces[token % PIECES][token // PIECES] for token in tokens.tolist()]
        x[:count] *= self._scale[tokens % PIECES, None]
        x[:count] += self._low[tokens % PIECES, None]
        read = torch.from_numpy(x)
        y = (read @ self._projection).numpy() + self._bias
        y -= y.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", y, y) / np.float32(y.shape[1])
        y *= (1 / np.sqrt(variance + self._eps))[:, None]
        return read, torch.from_numpy(y * self._gamma + self._beta)
