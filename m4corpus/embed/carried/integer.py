"""Products of 8-bit integers with one scale for the activations, the same on every processor but for the last bits."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

#: What stands for zero among activations, which are unsigned because processors multiply unsigned by signed; three
#: quarters of the range are left for what is positive.
ZERO = 64
#: Products summed in single precision, which holds whole numbers up to 2 ** 24: 191 * 127 * 512 is less.
_PIECE = 512


class IntegerLayer:
    """``relu(x @ weight + bias)`` for activations ``x = (q - ZERO) * step``, ``q`` being ``uint8 (rows, inputs)``.

    ``weight`` is given as float32 ``(inputs, outputs)`` and rounded to ``int8``, with a ``scale`` for each output. The
    sums of integers are exact, so a row's result does not depend on the rows beside it.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        import torch

        peak = weight.abs().amax(dim=0).clamp_min(torch.finfo(torch.float32).tiny)
        self.scale, self.bias = peak / 127, bias
        self.weight = torch.round(weight / self.scale).to(torch.int8)
        self._multiply: Callable[[Tensor, float], Tensor] = self._packed() if fast() else self._plain()

    def __call__(self, q: Tensor, step: float) -> Tensor:
        """float32 ``(rows, outputs)``. The rows of ``q`` may overlap in memory, as windows do."""
        return self._multiply(q, step)

    def _packed(self) -> Callable[[Tensor, float], Tensor]:
        import torch

        packed = torch.ops.onednn.qlinear_prepack(self.weight.t().contiguous(), None)
        zeros = torch.zeros(self.weight.shape[1], dtype=torch.int64)
        return lambda q, step: _fused(q, step, packed, self.scale, zeros, self.bias)

    def _plain(self) -> Callable[[Tensor, float], Tensor]:
        weight = self.weight.float()
        return lambda q, step: (exact(q, weight) * (self.scale * step)).add_(self.bias).relu_()


def exact(q: Tensor, weight: Tensor) -> Tensor:
    """``(q - ZERO) @ weight`` for whole-numbered float32 weights of at most 127: every partial sum is exact."""
    import torch

    total = torch.zeros(len(q), weight.shape[1], dtype=torch.float64)
    for i in range(0, len(weight), _PIECE):
        total += (q[:, i : i + _PIECE].float() - ZERO) @ weight[i : i + _PIECE]
    return total.float()


@cache
def fast() -> bool:
    """Whether this build of torch and this processor multiply 8-bit integers in one pass and without overflow.

    Processors older than VNNI add pairs of products in 16 bits, which the largest activations overflow.
    """
    import torch

    q = torch.full((8, 1024), 255, dtype=torch.uint8)
    weight = torch.full((32, 1024), 127, dtype=torch.int8)
    try:
        packed = torch.ops.onednn.qlinear_prepack(weight, None)
        ones, zeros = torch.ones(32), torch.zeros(32, dtype=torch.int64)
        result = _fused(q, 1.0, packed, ones, zeros, torch.zeros(32))
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return False
    return bool((result == exact(q, weight.t().float())).all())


def _fused(q: Tensor, step: float, packed: Any, scale: Tensor, zeros: Tensor, bias: Tensor) -> Tensor:
    import torch

    operation = torch.ops.onednn.qlinear_pointwise
    result: Tensor = operation(q, step, ZERO, packed, scale, zeros, bias, 1.0, 0, torch.float32, "relu", [], "")
    return result
