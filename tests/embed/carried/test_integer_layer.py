"""Products of 8-bit integers: near the product of real numbers, exact among themselves, whatever the machine has."""

from __future__ import annotations

import pytest
import torch

from m4corpus.embed.carried import integer
from m4corpus.embed.carried.integer import ZERO, IntegerLayer


def layer(inputs: int = 768, outputs: int = 48, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    return torch.randn(inputs, outputs), torch.randn(outputs)


def test_it_is_near_the_product_of_real_numbers() -> None:
    weight, bias = layer()
    q = torch.randint(0, 256, (40, 768), dtype=torch.uint8)
    expected = ((q.double() - ZERO) * 0.25 @ weight.double() + bias).relu()
    found = IntegerLayer(weight, bias)(q, 0.25)
    assert found.dtype == torch.float32
    assert (found - expected).norm() / expected.norm() < 0.01


def test_a_row_is_the_same_among_any_others() -> None:
    run = IntegerLayer(*layer())
    q = torch.randint(0, 256, (300, 768), dtype=torch.uint8)
    whole = run(q, 0.25)
    for rows in ([7], [299, 7], list(range(7, 120)), list(range(299, -1, -1))):
        assert run(q[rows], 0.25).numpy().tobytes() == whole[rows].numpy().tobytes()


def test_windows_that_overlap_are_read_as_they_lie() -> None:
    run = IntegerLayer(*layer(512))
    q = torch.randint(0, 256, (33, 256), dtype=torch.uint8)
    windows = q.as_strided((32, 512), (256, 1))
    assert torch.equal(run(windows, 0.25), run(torch.cat([q[:-1], q[1:]], dim=1), 0.25))


def test_largest_sums_are_exact() -> None:
    q = torch.full((4, 1280), 255, dtype=torch.uint8)
    weight = torch.full((1280, 8), 127.0)
    assert (integer.exact(q, weight) == 1280 * 127 * (255 - ZERO)).all()


def test_a_machine_without_the_operation_gives_the_same_but_for_the_last_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, bias = layer()
    q = torch.randint(0, 256, (40, 768), dtype=torch.uint8)
    own = IntegerLayer(weight, bias)(q, 0.25)
    monkeypatch.setattr(integer, "fast", lambda: False)
    torch.testing.assert_close(IntegerLayer(weight, bias)(q, 0.25), own, rtol=1e-5, atol=1e-4)
