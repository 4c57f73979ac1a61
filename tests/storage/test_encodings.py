"""Vectors in a part: laid out for floating-point numbers, and read back bit by bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from m4corpus.embed.postprocess.config import Quantisation
from m4corpus.embed.stored import pack
from m4corpus.storage.parts import PartWriter, read_batches


def vectors(numbers: np.ndarray) -> pa.RecordBatch:
    kind = pa.list_(pa.field("item", pa.from_numpy_dtype(numbers.dtype), nullable=False), numbers.shape[1])
    schema = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("vector", kind, nullable=False)])
    values = pa.FixedSizeListArray.from_arrays(pa.array(numbers.ravel()), type=kind)
    return pa.RecordBatch.from_arrays([pa.array(["a"] * len(numbers)), values], schema=schema)


def written(path: Path, batch: pa.RecordBatch) -> pa.RecordBatch:
    with PartWriter(path, batch.schema, path.parent) as part:
        part.write(batch)
    return pa.concat_batches(read_batches(path))


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_every_bit_of_a_vector_is_kept(tmp_path: Path, kind: type) -> None:
    bits = np.random.default_rng(1).bytes(300 * 64 * np.dtype(kind).itemsize)
    numbers = np.frombuffer(bits, kind).reshape(300, 64)
    read = written(tmp_path / "part.parquet", vectors(numbers))
    assert np.asarray(read.column("vector").flatten()).tobytes() == bits


def test_texts_and_numbers_have_no_dictionary(tmp_path: Path) -> None:
    numbers = np.random.default_rng(1).standard_normal((2000, 64)).astype(np.float32)
    written(tmp_path / "part.parquet", vectors(numbers))
    group = pq.read_metadata(tmp_path / "part.parquet").row_group(0)
    texts, values = (group.column(i) for i in range(2))
    assert not [column for column in (texts, values) if "RLE_DICTIONARY" in column.encodings]
    assert "BYTE_STREAM_SPLIT" in values.encodings
    assert values.total_compressed_size < numbers.nbytes


@pytest.mark.parametrize("quantise", ["int8", "binary"])
def test_small_numbers_take_as_many_bytes_as_they_have(tmp_path: Path, quantise: Quantisation) -> None:
    column = pack(np.random.default_rng(1).standard_normal((3000, 64)).astype(np.float32), quantise)
    batch = pa.RecordBatch.from_arrays([column], schema=pa.schema([pa.field("vector", column.type, nullable=False)]))
    assert written(tmp_path / "part.parquet", batch).equals(batch)
    codes = pq.read_metadata(tmp_path / "part.parquet").row_group(0).column(0)
    assert "RLE_DICTIONARY" in codes.encodings
    assert codes.total_compressed_size < 1.1 * codes.num_values
