"""Vectors in columns: what comes back of them, and how much smaller they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from m4corpus.embed.stored import pack, unpack, vector_type
from m4corpus.storage.digests import LogicalDigest


def unit_vectors(count: int, dimension: int) -> Any:
    vectors = np.random.default_rng(3).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_plain_vectors_come_back_bit_for_bit() -> None:
    vectors = unit_vectors(7, 24)
    column = pack(vectors)
    assert column.type == vector_type(24)
    assert unpack(column).tobytes() == vectors.tobytes()


def test_half_precision_takes_half_the_room() -> None:
    vectors = unit_vectors(7, 24)
    column = pack(vectors, "float16")
    assert (unpack(column) == vectors.astype(np.float16)).all()
    assert column.type == vector_type(24, "float16")
    assert column.nbytes == pack(vectors).nbytes // 2


def test_int8_errs_by_half_a_step_and_keeps_zero() -> None:
    vectors = np.concatenate([unit_vectors(50, 64), np.zeros((1, 64), np.float32)])
    column = pack(vectors, "int8")
    steps = np.abs(vectors).max(axis=1, keepdims=True) / 127
    assert column.type == vector_type(64, "int8")
    assert (np.abs(unpack(column) - vectors) <= steps / 2 + 1e-7).all()
    assert not unpack(column)[-1].any()
    assert column.nbytes < pack(vectors).nbytes / 3.7


def test_binary_keeps_the_signs_and_length_one() -> None:
    vectors = unit_vectors(9, 40)
    column = pack(vectors, "binary")
    found = unpack(column)
    assert ((found > 0) == (vectors >= 0)).all()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)
    assert column.type == vector_type(40, "binary")
    assert column.nbytes == 9 * 5


@pytest.mark.parametrize("quantise", ["none", "float16", "int8", "binary"])
def test_a_slice_gives_its_own_rows_and_its_own_digest(quantise: Any) -> None:
    vectors = unit_vectors(20, 16)
    column = pack(vectors, quantise)
    assert (unpack(column.slice(5, 4)) == unpack(pack(vectors[5:9], quantise))).all()
    schema = pa.schema([pa.field("vector", column.type, nullable=False)])
    whole, pieces = LogicalDigest(schema), LogicalDigest(schema)
    batch = pa.RecordBatch.from_arrays([column], schema=schema)
    whole.update(batch)
    for start in range(0, 20, 6):
        pieces.update(batch.slice(start, 6))
    assert whole.hexdigest() == pieces.hexdigest()
