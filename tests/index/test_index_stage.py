"""The index stage: shards that hold exactly the vectors and the chunks they belong to, in the same order."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from vector_work import chunk, embedded, index_context, indexed, run_task, texts

from m4corpus.errors import IntegrityError
from m4corpus.index.config import IndexConfig
from m4corpus.index.shards import ShardedIndex
from m4corpus.index.stage import IndexStage
from m4corpus.records import Chunk, from_batches
from m4corpus.storage.artifact import Artifact, Identity
from m4corpus.storage.parts import read_batches


@pytest.fixture(scope="module")
def embed(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """700 chunks in parts of 450, none and 250."""
    chunks = [chunk(i, text) for i, text in enumerate(texts(700))]
    return embedded(tmp_path_factory.mktemp("index") / "a", [chunks[:450], [], chunks[450:]])


def vectors_of(embed: Artifact) -> np.ndarray:
    rows = [r for p in embed.parts() for b in read_batches(embed.directory / p.path) for r in b.to_pylist()]
    return np.array([row["vector"] for row in rows], dtype=np.float32)


@pytest.mark.parametrize(
    ("shard_rows", "expected"),
    [(100_000, [450, 250]), (200, [200, 200, 50, 200, 50]), (450, [450, 250]), (449, [449, 1, 250])],
)
def test_shards_hold_vectors_and_rows_in_order(embed: Artifact, shard_rows: int, expected: list[int]) -> None:
    artifact = indexed(embed, shard_rows, f"index-{shard_rows}")
    with ShardedIndex.open(artifact.directory) as index:
        assert [shard.rows for shard in index.shards] == expected
        vectors = np.concatenate([shard.vectors for shard in index.shards])
        assert vectors.tobytes() == vectors_of(embed).tobytes()
    ids = [
        c.id
        for part in artifact.parts()
        if part.path.endswith("rows.parquet")
        for c in from_batches(Chunk, read_batches(artifact.directory / part.path))
    ]
    assert ids == [f"doc{i:05d}#0" for i in range(700)]
    assert artifact.counts.inputs == artifact.counts.outputs == 700
    assert artifact.info["rows"] == 700
    assert artifact.info["shards"] == len(expected)
    assert list(artifact.problems()) == []


def test_layout_and_record(embed: Artifact) -> None:
    artifact = indexed(embed, 200, "index-layout")
    assert [part.path for part in artifact.parts()][:3] == [
        f"shard-00000-000/{name}" for name in ("index.faiss", "rows.parquet", "shard.json")
    ]
    assert sorted(p.name for p in artifact.directory.glob("shard-*")) == [
        "shard-00000-000", "shard-00000-001", "shard-00000-002", "shard-00002-000", "shard-00002-001",
    ]  # fmt: skip
    record = json.loads((artifact.directory / "shard-00002-001" / "shard.json").read_text())
    assert (record["rows"], record["dimension"], record["metric"]) == (50, 512, "inner-product")
    assert record["encoder"] == embed.info["fingerprint"] == artifact.info["encoder"]
    assert record["longest_vector"] == pytest.approx(1)


def test_the_same_input_gives_the_same_bytes(embed: Artifact) -> None:
    first, second = indexed(embed, 200, "index-one"), indexed(embed, 200, "index-two")
    assert first.manifest == second.manifest


def test_faiss_reads_the_index_as_its_own(embed: Artifact) -> None:
    import faiss

    artifact = indexed(embed, name="index-faiss")
    index = faiss.read_index(str(artifact.directory / "shard-00000-000" / "index.faiss"))
    plain = faiss.IndexFlatIP(512)
    plain.add(vectors_of(embed)[:450])
    assert faiss.serialize_index(index).tobytes() == faiss.serialize_index(plain).tobytes()


def test_a_corpus_of_nothing_is_an_index_of_nothing(tmp_path: Path) -> None:
    artifact = indexed(embedded(tmp_path / "a", [[], []]))
    assert artifact.parts() == []
    with ShardedIndex.open(artifact.directory) as index:
        assert index.search(np.ones((2, 512), np.float32), 5) == [[], []]


def test_chunks_whose_vector_failed_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from m4corpus.embed import encoder
    from m4corpus.embed.carried.use import UseMultilingual

    class Spoilt(UseMultilingual):
        def encode(self, inputs):  # type: ignore[no-untyped-def]
            vectors = super().encode(inputs)
            vectors[["bad" in text for text in inputs]] = np.nan
            return vectors

    monkeypatch.setattr(encoder, "load", Spoilt)
    chunks = [chunk(i, f"bad {i}" if i % 5 == 0 else f"kite {i}") for i in range(300)]
    artifact = indexed(embedded(tmp_path / "a", [chunks]), shard_rows=100)
    with ShardedIndex.open(artifact.directory) as index:
        found = index.search(index.shards[0].vectors[:1].copy(), 300)[0]
    assert sorted(hit.chunk.id for hit in found) == [c.id for c in chunks if "bad" not in c.text]
    assert artifact.counts.inputs == 240


def replaced(artifact: Artifact, rows: slice | list[int]) -> None:
    """Rewrite the first part of an artifact with some of its rows, its manifest still agreeing."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = artifact.directory / artifact.parts()[0].path
    table = pq.read_table(path)
    taken = range(len(table))[rows] if isinstance(rows, slice) else rows
    pq.write_table(table.take(pa.array(taken, type=pa.int64())), path)


@pytest.mark.parametrize("rows", [slice(None, None, -1), slice(0, 39), slice(1, None), slice(0, 0)])
def test_vectors_that_are_not_the_chunks_own_are_refused(tmp_path: Path, rows: slice) -> None:
    embed = embedded(tmp_path / "a", [[chunk(i, f"kite {i}") for i in range(40)]])
    replaced(embed, rows)
    with pytest.raises(IntegrityError, match=r"part-00000\.parquet"):
        indexed(embed)


def test_files_that_both_lost_rows_are_refused(tmp_path: Path) -> None:
    embed = embedded(tmp_path / "a", [[chunk(i, f"kite {i}") for i in range(40)]])
    replaced(embed, slice(0, 30))
    replaced(Artifact.open(embed.directory.parent / "chunk"), slice(0, 30))
    with pytest.raises(IntegrityError, match="fewer vectors than its manifest says"):
        indexed(embed)


@pytest.mark.parametrize(("both", "words"), [(False, "lacks vectors"), (True, "more vectors than its manifest says")])
def test_files_that_gained_rows_are_refused_where_all_else_is_as_before(tmp_path: Path, both: bool, words: str) -> None:
    embed = embedded(tmp_path / "a", [[chunk(i, f"kite {i}") for i in range(40)]])
    donor = indexed(embed)
    rows = [*range(40), 39]
    for artifact in [Artifact.open(embed.directory.parent / "chunk"), *([embed] if both else [])]:
        replaced(artifact, rows)
    (phase,) = IndexStage(IndexConfig()).phases(replace(index_context(embed, "again"), donor=donor))
    with pytest.raises(IntegrityError, match=words):
        run_task(phase, 0)


def test_an_embed_artifact_of_other_chunks_is_refused(tmp_path: Path) -> None:
    embed = embedded(tmp_path / "a", [[chunk(i, f"kite {i}") for i in range(40)]])
    other = embedded(tmp_path / "b", [[chunk(i + 1, f"kite {i}") for i in range(40)]])
    context = index_context(embed)
    context.inputs["embed"] = other.directory
    (phase,) = IndexStage(IndexConfig()).phases(context)
    with pytest.raises(IntegrityError, match="row by row"):
        run_task(phase, 0)
    assert not context.completion("index", 0).exists()


def test_steps_travel_to_workers(embed: Artifact) -> None:
    context = index_context(embed, "index-pickled")
    (phase,) = IndexStage(IndexConfig()).phases(context)
    run_task(pickle.loads(pickle.dumps(phase)), 2)
    assert context.completion("index", 2).is_file()


def test_shard_size_is_part_of_the_fingerprint() -> None:
    names = {
        Identity("index", 1, IndexStage(IndexConfig(shard_rows=n)).config_dict(), {}, {}).fingerprint for n in (1, 2)
    }
    assert len(names) == 2
