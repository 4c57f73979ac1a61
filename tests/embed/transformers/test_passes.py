"""Passes of fixed shapes: every text in one of its shape, and the same bytes among any neighbours."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vector_work import texts

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.transformers import encoder as library
from m4corpus.embed.transformers import passes
from m4corpus.embed.transformers.encoder import SentenceTransformerEncoder


@pytest.mark.parametrize("longest", [20, 128, 512])
def test_every_text_goes_through_one_pass_that_holds_it(longest: int) -> None:
    chance = random.Random(longest)
    lengths = [chance.randint(1, 700) for _ in range(300)] + [1, 8, 9, 32, 33, 128, 129]
    seen: list[int] = []
    for one in passes.passes(lengths, longest):
        assert len(one.places) <= one.rows
        assert {passes.shape(min(lengths[i], longest), longest) for i in one.places} == {(one.tokens, one.rows)}
        assert one.rows == 1 if not one.tokens else max(min(lengths[i], longest) for i in one.places) <= one.tokens
        assert one.tokens <= longest
        seen += one.places
    assert sorted(seen) == list(range(len(lengths)))


def words(counts: list[int]) -> list[str]:
    return ["kite " * count + str(i) for i, count in enumerate(counts)]


def test_bytes_depend_on_the_text_alone(save_model: Any, tmp_path: Path) -> None:
    encoder = SentenceTransformerEncoder(EncoderConfig(name=str(save_model(tmp_path, max_length=64))))
    assert encoder._shaped
    inputs = [*texts(40), *words([1, 2, 7, 14, 30, 62, 100] * 4)]
    alone = np.concatenate([encoder.encode([text]) for text in inputs])
    chance = random.Random(1)
    for _ in range(4):
        chosen = chance.choices(range(len(inputs)), k=chance.randint(2, 60))
        assert encoder.encode([inputs[i] for i in chosen]).tobytes() == alone[chosen].tobytes()


def test_shapes_do_not_change_what_a_vector_is(tiny_model: Path) -> None:
    encoder = SentenceTransformerEncoder(EncoderConfig(name=str(tiny_model)))
    inputs = [*texts(20), "", "kite"]
    plain = encoder._model.encode(inputs, prompt="", batch_size=1, normalize_embeddings=True)
    np.testing.assert_allclose(encoder.encode(inputs), plain, atol=1e-6)


def test_a_model_whose_rows_see_each_other_is_found_out() -> None:
    def count(some: list[str]) -> list[int]:
        return [len(text.split()) for text in some]

    def lone(some: list[str], tokens: int) -> Any:
        return np.array([[len(text), tokens] for text in some], dtype=np.float32)

    def mixed(some: list[str], tokens: int) -> Any:
        return lone(some, tokens) + sum(map(len, some)) * 1e-3

    def long_mixed(some: list[str], tokens: int) -> Any:
        return mixed(some, tokens) if tokens > 32 else lone(some, tokens)

    def placed(some: list[str], tokens: int) -> Any:
        return lone(some, tokens) + np.arange(len(some))[:, None]

    assert passes.hold(128, count, lone)
    assert not passes.hold(128, count, mixed)
    assert not passes.hold(128, count, long_mixed)
    assert not passes.hold(128, count, placed)


class Narrow(SentenceTransformerEncoder):
    """Has memory for so many rows; its vectors may depend on their batch."""

    rows = 3
    batch_invariant = False  # type: ignore[assignment]


@pytest.fixture
def narrow(tiny_model: Path) -> Iterator[Narrow]:
    """A real model one of whose modules runs out of memory, as torch says it, for more than three rows."""
    import torch

    encoder = Narrow(EncoderConfig(name=str(tiny_model)))

    def check(module: Any, arguments: Any) -> None:
        if len(arguments[0]["sentence_embedding"]) > encoder.rows:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    class Checked(torch.nn.Module):
        def forward(self, features: Any, **_: Any) -> Any:
            check(self, [features])
            return features

    encoder._model.append(Checked())
    yield encoder
    del encoder._model[-1]


def test_a_batch_too_large_for_the_memory_is_halved(narrow: Narrow) -> None:
    inputs = texts(13)
    found = narrow.encode(inputs)
    narrow.rows = 100
    np.testing.assert_allclose(found, narrow.encode(inputs), atol=1e-6)
    narrow.rows = 0
    with pytest.raises(MemoryError, match="lower embed"):
        narrow.encode(inputs)


def test_it_is_tried_once_a_model(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = EncoderConfig(name=str(tiny_model))
    SentenceTransformerEncoder(config)
    monkeypatch.setattr(passes, "hold", lambda *_: pytest.fail("tried again"))
    assert SentenceTransformerEncoder(config)._model in library._shaped
