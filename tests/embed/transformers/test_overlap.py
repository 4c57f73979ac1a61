"""Tokenizing one batch while another is computed: order, errors, memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vector_work import texts

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.step import device_of
from m4corpus.embed.transformers.encoder import SentenceTransformerEncoder
from m4corpus.embed.transformers.overlap import overlapped


def test_results_come_in_order_and_nothing_is_prepared_twice() -> None:
    prepared: list[int] = []

    def prepare(item: int) -> int:
        prepared.append(item)
        return item * 10

    assert list(overlapped(range(6), prepare, lambda item, ready: (item, ready))) == [(i, i * 10) for i in range(6)]
    assert prepared == list(range(6))
    assert list(overlapped([], prepare, lambda item, ready: ready)) == []


def test_the_next_item_is_prepared_while_one_is_computed() -> None:
    begun = [threading.Event() for _ in range(4)]

    def prepare(item: int) -> int:
        begun[item].set()
        return item

    def compute(item: int, ready: int) -> bool:
        # Would wait for ever, were the next one prepared only after this.
        return item == 3 or begun[item + 1].wait(timeout=60)

    assert list(overlapped(range(4), prepare, compute)) == [True] * 4


def test_only_one_item_is_taken_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(5):
            taken.append(item)
            yield item

    results = overlapped(items(), lambda item: item, lambda item, ready: len(taken))
    assert next(results) == 2
    assert next(results) == 3


@pytest.mark.parametrize("step", ["prepare", "compute"])
def test_an_error_is_raised_in_the_place_of_its_result(step: str) -> None:
    def fails(name: str, item: int) -> int:
        if item == 2 and name == step:
            raise ValueError("the third")
        return item

    results = overlapped(range(5), lambda i: fails("prepare", i), lambda i, _: fails("compute", i))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="the third"):
        next(results)


class OnDevice(SentenceTransformerEncoder):
    """Goes the way of a GPU, on the CPU."""

    batch_invariant = False  # type: ignore[assignment]


def test_batches_get_the_vectors_they_get_alone(tiny_model: Path) -> None:
    encoder: Any = OnDevice(EncoderConfig(name=str(tiny_model)))
    inputs = texts(23)
    batches = [inputs[:8], inputs[8:16], inputs[16:22], inputs[22:]]
    found = list(encoder.encode_batches(batches))
    assert [vectors.tobytes() for vectors in found] == [encoder.encode(batch).tobytes() for batch in batches]
    alone = SentenceTransformerEncoder(EncoderConfig(name=str(tiny_model)))
    np.testing.assert_allclose(np.concatenate(found), alone.encode(inputs), atol=1e-5)
    assert np.concatenate(list(alone.encode_batches(batches))).tobytes() == alone.encode(inputs).tobytes()


def test_tokenizing_goes_on_in_another_thread(tiny_model: Path) -> None:
    encoder: Any = OnDevice(EncoderConfig(name=str(tiny_model)))
    threads: list[str] = []
    own = encoder._tokenized

    def tokenized(*arguments: Any) -> Any:
        threads.append(threading.current_thread().name)
        return own(*arguments)

    encoder._tokenized = tokenized
    list(encoder.encode_batches([["kite"], ["festival"]]))
    assert len(threads) == 2
    assert threading.current_thread().name not in threads


def test_a_batch_too_large_for_the_memory_is_halved_among_others(tiny_model: Path) -> None:
    import torch

    encoder: Any = OnDevice(EncoderConfig(name=str(tiny_model)))
    inputs = texts(21)
    batches = [inputs[:3], inputs[3:16], inputs[16:]]
    expected = np.concatenate(list(encoder.encode_batches(batches)))

    class Narrow(torch.nn.Module):
        """Has memory for three texts."""

        def forward(self, features: Any, **_: Any) -> Any:
            if len(features["sentence_embedding"]) > 3:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
            return features

    encoder._model.append(Narrow())
    try:
        np.testing.assert_allclose(np.concatenate(list(encoder.encode_batches(batches))), expected, atol=1e-5)
    finally:
        del encoder._model[-1]


@pytest.mark.parametrize(
    ("device", "devices", "chosen"),
    [
        ("cuda", 4, ["cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:0", "cuda:1"]),
        ("cuda", 1, ["cuda"] * 6),
        ("cuda", 0, ["cuda"] * 6),
        ("cuda:2", 4, ["cuda:2"] * 6),
        ("cpu", 4, ["cpu"] * 6),
        ("mps", 1, ["mps"] * 6),
    ],
)
def test_tasks_take_the_devices_in_turn(device: str, devices: int, chosen: list[str]) -> None:
    assert [device_of(device, rank, devices) for rank in range(6)] == chosen
