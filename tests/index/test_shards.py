"""Search over shards: exact, whole, in a fixed order, and never over files that do not belong together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from vector_work import chunk, embedded, indexed

from m4corpus.errors import IntegrityError
from m4corpus.index.shard import GROUPS_AT_ONCE
from m4corpus.index.shards import ShardedIndex
from m4corpus.index.writer import GROUP_ROWS, ShardWriter
from m4corpus.ledger import Counts
from m4corpus.records import Chunk, to_batch
from m4corpus.storage.artifact import Artifact, Completion, Identity
from m4corpus.storage.atomic import write_json
from m4corpus.storage.digests import file_digest

LANGUAGES = ("eng", "jpn", "yor")
Build = Callable[..., Artifact]


def build(directory: Path, vectors: np.ndarray, shard_rows: int) -> Artifact:
    """An index artifact over given vectors; row i is in the language ``LANGUAGES[i % 3]``."""
    import pyarrow as pa

    dimension = vectors.shape[1]
    files = []
    for number, start in enumerate(range(0, len(vectors), shard_rows)):
        piece = vectors[start : start + shard_rows]
        path = directory / f"shard-00000-{number:03d}"
        with ShardWriter(path, directory, len(piece), dimension, "encoder") as shard:
            chunks = [chunk(start + i, f"text {start + i}", LANGUAGES[(start + i) % 3]) for i in range(len(piece))]
            values = pa.FixedSizeListArray.from_arrays(pa.array(piece.ravel(), type=pa.float32()), dimension)
            rows = to_batch(chunks).append_column("vector", values)
            for at in range(0, len(piece), GROUP_ROWS):
                shard.add(rows.slice(at, GROUP_ROWS))
        files += shard.parts
    info = {"dimension": dimension, "encoder": "encoder", "rows": len(vectors)}
    return Artifact.seal(directory, Identity("index", 1, {}, {}, {}), [Completion(files, [], Counts())], info)


def random_vectors(count: int, dimension: int = 32, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def reference(vectors: np.ndarray, query: np.ndarray, k: int, rows: np.ndarray | None = None) -> list[int]:
    """The ``k`` best rows by a full sort in double precision, equal scores by row."""
    rows = np.arange(len(vectors)) if rows is None else rows
    scores = np.einsum("nd,d->n", vectors[rows].astype(np.float64), query.astype(np.float64)).astype(np.float32)
    return rows[np.lexsort((rows, -scores))[:k]].tolist()


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """1,000 vectors, many of them equal and many nearly so."""
    vectors = random_vectors(1000)
    vectors[100:400] = vectors[100]
    vectors[500:700] = vectors[500] + random_vectors(200, seed=1) * np.float32(1e-7)
    return vectors


@pytest.mark.parametrize("shard_rows", [1000, 333, 64])
@pytest.mark.parametrize("k", [1, 10, 150, 1000, 5000])
def test_search_is_exact_and_ordered(tmp_path: Path, vectors: np.ndarray, shard_rows: int, k: int) -> None:
    queries = np.concatenate([random_vectors(30, seed=2), vectors[[100, 250, 500, 600, 999]]])
    with ShardedIndex.open(build(tmp_path / "i", vectors, shard_rows).directory) as index:
        found = index.search(queries, k)
        for query, hits in zip(queries, found, strict=True):
            assert [hit.row for hit in hits] == reference(vectors, query, k)
            assert [hit.chunk.id for hit in hits] == [f"doc{hit.row:05d}#0" for hit in hits]
            assert all(a.score >= b.score for a, b in pairwise(hits))
        assert len(found[0]) == min(k, 1000)


def test_answers_do_not_depend_on_batches_or_shards(tmp_path: Path, vectors: np.ndarray) -> None:
    queries = np.concatenate([random_vectors(50, seed=3), vectors[[100, 550]]])
    with (
        ShardedIndex.open(build(tmp_path / "one", vectors, 1000).directory) as one,
        ShardedIndex.open(build(tmp_path / "many", vectors, 90).directory) as many,
    ):
        together = one.search(queries, 20)
        assert many.search(queries, 20) == together
        assert [one.search(queries[i : i + 1], 20)[0] for i in range(len(queries))] == together


def test_answers_do_not_depend_on_how_much_is_held_at_once(
    tmp_path: Path, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries = np.concatenate([random_vectors(20, seed=6), vectors[[100, 550]]])
    with ShardedIndex.open(build(tmp_path / "i", vectors, 300).directory) as index:
        usual = index.search(queries, 20)
        monkeypatch.setattr("m4corpus.index.shards.CANDIDATES_AT_ONCE", 500)
        monkeypatch.setattr("m4corpus.index.shards.NUMBERS_AT_ONCE", 100)
        monkeypatch.setattr("m4corpus.index.shard.GROUPS_AT_ONCE", 1)
        assert index.search(queries, 20) == usual


def test_chunks_of_any_rows_are_found_in_many_row_groups(tmp_path: Path) -> None:
    rows = GROUP_ROWS * (GROUPS_AT_ONCE + 2) + 5
    wanted = np.random.default_rng(0).choice(rows, 300, replace=False).tolist()
    with ShardedIndex.open(build(tmp_path / "i", random_vectors(rows, dimension=2), rows).directory) as index:
        for some in (wanted, [rows - 1, 0, 0, GROUP_ROWS], []):
            found = index.shards[0].chunks(some)
            assert {row: chunk.id for row, chunk in found.items()} == {row: f"doc{row:05d}#0" for row in some}


@pytest.mark.parametrize("wanted", [{"yor"}, {"eng", "jpn"}, {"eng", "jpn", "yor"}, {"yor", "tlh"}])
def test_a_language_filter_still_finds_k(tmp_path: Path, vectors: np.ndarray, wanted: set[str]) -> None:
    rows = np.array([i for i in range(len(vectors)) if LANGUAGES[i % 3] in wanted])
    queries = np.concatenate([random_vectors(25, seed=4), vectors[[100, 500]]])
    with ShardedIndex.open(build(tmp_path / "i", vectors, 200).directory) as index:
        for k in (1, 30, 2000):
            for query, hits in zip(queries, index.search(queries, k, wanted), strict=True):
                assert [hit.row for hit in hits] == reference(vectors, query, k, rows)
                assert {hit.chunk.language for hit in hits} <= wanted


def test_a_language_the_corpus_lacks_has_no_hits(tmp_path: Path, vectors: np.ndarray) -> None:
    with ShardedIndex.open(build(tmp_path / "i", vectors, 200).directory) as index:
        assert index.search(vectors[:2], 5, {"tlh"}) == [[], []]
        assert index.search(vectors[:2], 5, set()) == [[], []]


def test_vectors_of_any_length_are_ranked_by_inner_product(tmp_path: Path) -> None:
    vectors = random_vectors(300) * np.linspace(0.1, 50, 300, dtype=np.float32)[:, None]
    with ShardedIndex.open(build(tmp_path / "i", vectors, 100).directory) as index:
        for query in random_vectors(10, seed=5) * np.float32(7):
            assert [hit.row for hit in index.search(query[None], 12)[0]] == reference(vectors, query, 12)


def test_a_query_of_zeros_ranks_by_row(tmp_path: Path, vectors: np.ndarray) -> None:
    with ShardedIndex.open(build(tmp_path / "i", vectors, 300).directory) as index:
        assert [hit.row for hit in index.search(np.zeros((1, 32), np.float32), 4)[0]] == [0, 1, 2, 3]


def test_no_queries_no_answers(tmp_path: Path, vectors: np.ndarray) -> None:
    with ShardedIndex.open(build(tmp_path / "i", vectors, 300).directory) as index:
        assert index.search(np.empty((0, 32), np.float32), 4) == []


@pytest.mark.parametrize(
    ("queries", "k", "message"),
    [
        (np.ones((1, 31), np.float32), 1, "31"),
        (np.ones(32, np.float32), 1, "shape"),
        (np.ones((1, 32), np.float32), 0, "at least 1"),
        (np.full((1, 32), np.nan, np.float32), 1, "not finite"),
    ],
)
def test_senseless_requests_are_refused(
    tmp_path: Path, vectors: np.ndarray, queries: np.ndarray, k: int, message: str
) -> None:
    with (
        ShardedIndex.open(build(tmp_path / "i", vectors, 300).directory) as index,
        pytest.raises(ValueError, match=message),
    ):
        index.search(queries, k)


def test_chunks_come_back_whole(tmp_path: Path) -> None:
    kite = Chunk(
        "d#3",
        "d",
        3,
        10,
        24,
        7,
        "凧祭り\u0000の文",
        "凧",
        ["祭り", "春"],
        "jpn",
        "Jpan",
        language_confidence=0.5,
        hint_agreement="agree",
        variety="ja-JP",
        variety_confidence=0.75,
        variety_evidence="tag ja-JP",
        flags=["romanised", "untranslated"],
        url="http://x/凧",
        revision="r1",
        licence="CC",
        source="s",
    )
    embed = embedded(tmp_path / "a", [[chunk(0, "fish"), kite]])
    with ShardedIndex.open(indexed(embed).directory) as index:
        assert index.search(index.shards[0].vectors[1:2].copy(), 1)[0][0].chunk == kite


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    """Three shards of 20 rows."""
    return build(tmp_path / "sound", random_vectors(60), 20)


def refused(artifact: Artifact, match: str) -> None:
    with pytest.raises(IntegrityError, match=match):
        ShardedIndex.open(artifact.directory)


def resealed(artifact: Artifact, path: Path) -> Artifact:
    """The artifact with a manifest that describes the file as it is now, as a careless repair would write it."""
    name = path.relative_to(artifact.directory).as_posix()
    parts = [
        type(p)(p.path, p.rows, path.stat().st_size, file_digest(path), p.logical) if p.path == name else p
        for p in artifact.parts()
    ]
    return Artifact.seal(
        artifact.directory, Identity("index", 1, {}, {}, {}), [Completion(parts, [], Counts())], artifact.info
    )


def test_rows_of_another_shard_are_refused(artifact: Artifact, tmp_path: Path) -> None:
    other = build(tmp_path / "other", random_vectors(60, seed=9), 19)
    target = artifact.directory / "shard-00000-001"
    shutil.copy(other.directory / "shard-00000-001" / "rows.parquet", target)
    refused(artifact, r"its rows \(19\) disagree with shard.json \(20\)")


def test_vectors_of_another_shard_are_refused(artifact: Artifact, tmp_path: Path) -> None:
    other = build(tmp_path / "other", random_vectors(60), 19)
    shutil.copy(other.directory / "shard-00000-000" / "index.faiss", artifact.directory / "shard-00000-000")
    refused(artifact, r"its vectors \(19\) disagree")


def test_another_dimension_is_refused(artifact: Artifact, tmp_path: Path) -> None:
    other = build(tmp_path / "other", random_vectors(60, dimension=16), 20)
    shutil.copy(other.directory / "shard-00000-000" / "index.faiss", artifact.directory / "shard-00000-000")
    refused(artifact, r"its dimension \(16\) disagree")


def test_a_whole_shard_of_another_index_is_refused(artifact: Artifact, tmp_path: Path) -> None:
    other = build(tmp_path / "other", random_vectors(60, seed=9), 20)
    shutil.copytree(other.directory / "shard-00000-000", artifact.directory / "shard-00000-000", dirs_exist_ok=True)
    refused(artifact, "is not the file the manifest describes")


def edited(artifact: Artifact, **changes: object) -> Path:
    path = artifact.directory / "shard-00000-002" / "shard.json"
    write_json(path, {**json.loads(path.read_text()), **changes})
    return path


def test_a_shard_of_another_encoder_is_refused(artifact: Artifact) -> None:
    refused(resealed(artifact, edited(artifact, encoder="another")), "vectors of another encoder")


def test_a_record_that_disagrees_with_the_manifest_is_refused(artifact: Artifact) -> None:
    path = edited(artifact, sha256={"index.faiss": "0" * 64, "rows.parquet": "0" * 64})
    refused(resealed(artifact, path), "digest of index.faiss differs")


def test_a_record_of_another_format_is_refused(artifact: Artifact) -> None:
    refused(resealed(artifact, edited(artifact, format=99)), "format 99")


@pytest.mark.parametrize("file", ["index.faiss", "rows.parquet", "shard.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "rubbish"])
def test_unreadable_files_are_refused(artifact: Artifact, file: str, damage: str) -> None:
    path = artifact.directory / "shard-00000-001" / file
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "rubbish": b"\xa5" * len(content)}[damage])
    refused(artifact, "cannot open shard .*shard-00000-001")


def test_every_flipped_byte_is_found_by_verification(artifact: Artifact) -> None:
    chance = np.random.default_rng(1)
    for part in artifact.parts():
        path = artifact.directory / part.path
        content = path.read_bytes()
        for at in chance.integers(0, len(content), size=5):
            path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
            assert any(part.path in problem for problem in artifact.problems())
        path.write_bytes(content)
    assert list(artifact.problems()) == []


def test_opening_and_searching_holds_neither_all_vectors_nor_all_rows(tmp_path: Path) -> None:
    """A child process, because peak memory only ever grows."""
    import subprocess
    import sys

    artifact = build(tmp_path / "big", random_vectors(60_000, dimension=256), 30_000)
    size = sum(part.size for part in artifact.parts())
    code = (
        "import sys, numpy as np\nfrom pathlib import Path\nfrom m4corpus.index.shards import ShardedIndex\n"
        "import faiss, importlib.util, pyarrow.parquet\n"
        # pyarrow loads pandas at its first conversion wherever that is installed, which is not what is measured.
        "importlib.util.find_spec('pandas') and __import__('pandas')\n"
        "def anonymous():\n"
        "    return int(next(l for l in open('/proc/self/status') if l.startswith('RssAnon')).split()[1]) * 1024\n"
        "before = anonymous()\n"
        "index = ShardedIndex.open(Path(sys.argv[1]))\n"
        "index.search(np.ones((4, 256), np.float32), 10)\n"
        "print(anonymous() - before)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(artifact.directory)], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) < size / 3
