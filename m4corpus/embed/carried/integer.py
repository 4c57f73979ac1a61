"""Products of 8-bit integers with one scale for the activations, the same on every processor but for the last bits."""

from __future__ import annotations

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

    ``weight`` is float32 ``(inputs, outputs)``; it is rounded to 8 bits with a scale for each output. The sums of
    integers are exact, so a row's result does not depend on the rows beside it.
    """

    def __init__(self, weight: Tensor, bias: Tensor, step: float) -> None:
        import torch

        peak = weight.abs().amax(dim=0).clamp_min(torch.finfo(torch.float32).tiny)
        self._scale = peak / 127
        self._bias, self._step = bias, step
        rounded = torch.round(weight / self._scale).to(torch.int8)
        self._packed = self._weight = None
        if fast():
            self._packed = torch.ops.onednn.qlinear_prepack(rounded.t().contiguous(), None)
            self._zeros = torch.zeros(rounded.shape[1], dtype=torch.int64)
        else:
            self._weight = rounded.float()

    def __call__(self, q: Tensor) -> Tensor:
        """float32 ``(rows, outputs)``. The rows of ``q`` may overlap in memory, as windows do."""
        if self._packed is not None:
            return _fused(q, self._step, self._packed, self._scale, self._zeros, self._bias)
        assert self._weight is not None
        return (exact(q, self._weight) * (self._scale * self._step)).add_(self._bias).relu_()


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
