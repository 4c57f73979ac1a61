"""Forward passes of fixed shapes: rows and tokens are filled up, so that a row's sums are always taken alike.

A matrix product picks its kernel, and with it the order of its sums, by the shape of the matrices alone. Where every
pass over short texts has one of a few shapes, the bytes of a vector depend on its own text and on no neighbour's. That
holds on processors; whether it does for a model at hand is tried out when it is loaded (:func:`hold`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from m4corpus.embed.encoder import Vectors

#: Raised when other shapes would give other bytes.
VERSION = 1
#: Rows of a pass over texts of at most so many tokens; longer ones fill a processor on their own.
ROWS = ((32, 8), (128, 4))
#: Token counts are rounded up to a multiple of this.
STEP = 8


@dataclass(frozen=True)
class Pass:
    """The inputs (by their places) that share a pass of ``rows`` texts filled up to ``tokens``; no tokens: as long as
    the one text is."""

    places: tuple[int, ...]
    rows: int
    tokens: int


def passes(lengths: Sequence[int], longest: int) -> Iterator[Pass]:
    """The passes over inputs of so many tokens each, of which a model reads the ``longest`` first."""
    by_shape: dict[tuple[int, int], list[int]] = {}
    for place, length in enumerate(lengths):
        by_shape.setdefault(shape(min(length, longest), longest), []).append(place)
    for (tokens, rows), places in sorted(by_shape.items()):
        for i in range(0, len(places), rows):
            yield Pass(tuple(places[i : i + rows]), rows, tokens)


def shape(length: int, longest: int) -> tuple[int, int]:
    """Tokens and rows of the pass a text of ``length`` tokens goes through."""
    for limit, rows in ROWS:
        if length <= limit:
            return min(-(-length // STEP) * STEP, longest), rows
    return 0, 1


def encoded(
    inputs: Sequence[str], lengths: Sequence[int], longest: int, run: Callable[[list[str], int], Vectors]
) -> Vectors:
    """Vectors of inputs, each from a pass of its shape; ``run(texts, tokens)`` is one forward pass."""
    import numpy as np

    found: dict[int, NDArray[np.float32]] = {}
    for one in passes(lengths, longest):
        texts = [inputs[place] for place in one.places]
        # Filled up with a text that is there: whatever the tokenizer makes of it, it fits.
        vectors = run(texts + texts[:1] * (one.rows - len(texts)), one.tokens)
        found.update(zip(one.places, vectors, strict=False))
    return np.stack([found[i] for i in range(len(inputs))])


def hold(longest: int, count: Callable[[list[str]], list[int]], run: Callable[[list[str], int], Vectors]) -> bool:
    """Whether a row's bytes are the same wherever it stands in a pass and whatever stands beside it: tried with the
    smallest shape and with the largest of each number of rows."""
    longer = [(_up_to(limit, "kite festival ", count), _up_to(limit - STEP, "autumn ", count)) for limit, _ in ROWS]
    for probe, other in [("the old harbour", "a"), *longer]:
        length, beside = count([probe, other])
        tokens, rows = shape(min(length, longest), longest)
        seen: set[bytes] = set()
        for filler in (probe, other if beside <= tokens else "a"):
            for place in (0, rows - 1):
                texts = [filler] * rows
                texts[place] = probe
                seen.add(run(texts, tokens)[place].tobytes())
        if tokens and len(seen) > 1:
            return False
    return True


def _up_to(limit: int, words: str, count: Callable[[list[str]], list[int]]) -> str:
    """Words again and again, of ``limit`` tokens or a little less."""
    once, twice = count([words, 2 * words])
    times = max(1, 1 + (limit - once) // max(1, twice - once))
    # A tokenizer may cut a long repetition into more tokens than a short one.
    while times > 1 and count([times * words])[0] > limit:
        times -= 1
    return times * words
