"""Part files: both digests, declared columns only, nothing at the final path before the end."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from m4corpus.storage.digests import LogicalDigest, file_digest
from m4corpus.storage.parts import CHARACTERS_PER_GROUP, ROWS_PER_GROUP, Buffered, PartWriter, part_name, read_batches

SCHEMA = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field("names", pa.list_(pa.string()))])


def batch(ids: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"id": i, "names": [i, i]} for i in ids], schema=SCHEMA)


def logical(path: Path) -> str:
    digest = LogicalDigest(pq.read_schema(path))
    for one in read_batches(path):
        digest.update(one)
    return digest.hexdigest()


def test_info_describes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / part_name(3)
    with PartWriter(path, SCHEMA, tmp_path) as writer:
        writer.write(batch(["a", "b"]))
        writer.write(batch(["c"]))
        assert not path.exists()
    assert writer.info.path == "deep/part-00003.parquet"
    assert writer.info.rows == 3
    assert writer.info.size == path.stat().st_size
    assert writer.info.sha256 == file_digest(path)
    assert writer.info.logical == logical(path)
    assert [row["id"] for one in read_batches(path) for row in one.to_pylist()] == ["a", "b", "c"]
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_an_empty_part_is_a_file(tmp_path: Path) -> None:
    with PartWriter(tmp_path / "p.parquet", SCHEMA, tmp_path) as writer:
        pass
    assert writer.info.rows == 0
    assert writer.info.logical == logical(tmp_path / "p.parquet")
    assert list(read_batches(tmp_path / "p.parquet")) == []


def test_same_rows_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with PartWriter(tmp_path / name, SCHEMA, tmp_path) as writer:
            writer.write(batch([f"{i:04d}" for i in range(500)]))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize(
    "wrong",
    [
        pa.record_batch({"id": ["a"]}),
        pa.record_batch({"id": ["a"], "names": [["a"]], "extra": ["lost"]}),
        pa.record_batch({"names": [["a"]], "id": ["a"]}),
        pa.record_batch({"id": [1], "names": [["a"]]}),
    ],
    ids=["missing", "unknown", "reordered", "retyped"],
)
def test_other_columns_than_declared_are_refused(tmp_path: Path, wrong: pa.RecordBatch) -> None:
    with (
        pytest.raises(ValueError, match=r"p\.parquet: batch schema differs"),
        PartWriter(tmp_path / "p.parquet", SCHEMA, tmp_path) as writer,
    ):
        writer.write(wrong)
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path / "p.parquet", SCHEMA, tmp_path)

    def fails() -> None:
        with writer:
            writer.write(batch(["a"]))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert list(tmp_path.iterdir()) == []
    assert not hasattr(writer, "info")


def test_null_in_a_required_column_is_refused(tmp_path: Path) -> None:
    bad = pa.RecordBatch.from_arrays(
        [pa.array([None], pa.string()), pa.array([None], pa.list_(pa.string()))], schema=SCHEMA
    )
    with pytest.raises(pa.ArrowInvalid), PartWriter(tmp_path / "p.parquet", SCHEMA, tmp_path) as writer:
        writer.write(bad)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("rows", "characters", "groups"),
    [
        (ROWS_PER_GROUP * 2 + 1, 1, [ROWS_PER_GROUP, ROWS_PER_GROUP, 1]),
        (5, CHARACTERS_PER_GROUP // 2, [2, 2, 1]),
        (3, CHARACTERS_PER_GROUP * 2, [1, 1, 1]),
        (0, 0, []),
    ],
)
def test_row_groups_are_bounded(tmp_path: Path, rows: int, characters: int, groups: list[int]) -> None:
    with PartWriter(tmp_path / "p.parquet", SCHEMA, tmp_path) as writer:
        buffered = Buffered(writer, batch)
        for number in range(rows):
            buffered.append(f"{number:06d}", characters)
        buffered.flush()
        buffered.flush()
    with pq.ParquetFile(tmp_path / "p.parquet") as file:
        metadata = file.metadata
        assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == groups
    ids = [row["id"] for one in read_batches(tmp_path / "p.parquet") for row in one.to_pylist()]
    assert ids == [f"{number:06d}" for number in range(rows)]


def test_reading_columns(tmp_path: Path) -> None:
    with PartWriter(tmp_path / "p.parquet", SCHEMA, tmp_path) as writer:
        writer.write(batch([str(i) for i in range(10)]))
    batches = list(read_batches(tmp_path / "p.parquet", ["id"], batch_size=4))
    assert [b.num_rows for b in batches] == [4, 4, 2]
    assert batches[0].schema.names == ["id"]
