"""A built snapshot: searched, evaluated, verified; and one flipped byte anywhere is found and named."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest


def test_search_crosses_languages(built) -> None:
    out = built.project.m4corpus(
        "search",
        "small",
        "平たいパンはどうやって焼くの",
        "--lang",
        "en",
        "-k",
        "3",
        "--json",
        "--workdir",
        built.workdir,
    ).stdout
    hits = json.loads(out)
    assert hits[0]["document_id"] == "small:en/flatbread.html"
    assert {hit["language"] for hit in hits} == {"eng"}


def test_k_beyond_the_corpus_yields_no_ghost(built) -> None:
    import m4corpus

    snapshot = m4corpus.open_snapshot(built.summary["snapshot"])
    hits = snapshot.search("market", k=100_000)
    assert len(hits) == sum(snapshot.manifest["chunks"].values())
    assert len({hit.row for hit in hits}) == len(hits)
    assert min(hit.row for hit in hits) == 0


def test_every_chunk_is_the_exact_text_of_its_document(built) -> None:
    from m4corpus.records import Chunk, Document, from_batches
    from m4corpus.snapshot import open_snapshot
    from m4corpus.storage.parts import read_batches

    snapshot = open_snapshot(built.summary["snapshot"])
    records = {}
    for stage, kind in (("dedup", Document), ("chunk", Chunk)):
        artifact = snapshot.artifact(stage)
        records[stage] = [
            r for p in artifact.parts() for r in from_batches(kind, read_batches(artifact.directory / p.path))
        ]
    texts = {document.id: document.text for document in records["dedup"]}
    assert records["chunk"]
    for chunk in records["chunk"]:
        assert chunk.text == texts[chunk.document_id][chunk.start : chunk.end]
        assert chunk.text.strip()
        assert chunk.tokens <= 96
        assert chunk.title
        assert chunk.language


def test_retrieval_file_is_exactly_the_references(built, tmp_path: Path) -> None:
    queries = tmp_path / "q.jsonl"
    queries.write_text('{"id": "food-1-en", "text": "kite", "language": "en"}\n', encoding="utf-8")
    built.project.m4corpus(
        "retrieve", "small", queries, "-k", "5", "--out", tmp_path / "run.json", "--trec", tmp_path / "run.trec",
        "--workdir", built.workdir,
    )  # fmt: skip
    (row,) = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))
    assert list(row) == ["ID", "chunk_retrieved_id", "chunk_retrieved"]
    assert row["ID"] == "food-1-en"
    assert len(row["chunk_retrieved_id"]) == len(row["chunk_retrieved"]) == 5
    assert all(type(number) is int for number in row["chunk_retrieved_id"])
    fields = (tmp_path / "run.trec").read_text(encoding="utf-8").splitlines()[0].split()
    assert fields[:2] == ["food-1-en", "Q0"]
    assert fields[3] == "1"


def test_verify_is_content_with_a_sound_snapshot(built) -> None:
    assert "is sound" in built.project.m4corpus("verify", "small", "--workdir", built.workdir).stdout


def artifact_files(workdir: Path) -> list[Path]:
    return sorted(p for p in workdir.glob("small/*/**/*") if p.is_file() and "logs" not in p.parts)


@pytest.mark.parametrize("attempt", range(6))
def test_one_flipped_byte_is_found_and_named(built, tmp_path: Path, attempt: int) -> None:
    workdir = built.clone(tmp_path / "work")
    pick = random.Random(attempt)
    victim = pick.choice(artifact_files(workdir))
    flip(victim, pick)
    done = built.project.m4corpus("verify", "small", "--workdir", workdir, check=False)
    assert done.returncode == 4
    assert victim.parent.name in done.stderr or victim.name in done.stderr
    assert "Traceback" not in done.stderr


def flip(path: Path, pick: random.Random) -> None:
    """Change one bit, on a copy of our own: the clone's files are links."""
    content = bytearray(path.read_bytes())
    content[pick.randrange(len(content))] ^= 1 << pick.randrange(8)
    path.unlink()
    path.write_bytes(content)


def test_shards_that_were_swapped_are_refused(built, tmp_path: Path) -> None:
    workdir = built.clone(tmp_path / "work")
    indexes = sorted(workdir.glob("small/index-*/shard-*/index.faiss"))
    first, second = indexes[0], indexes[-1]
    first.rename(tmp_path / "aside")
    second.rename(first)
    (tmp_path / "aside").rename(second)
    done = built.project.m4corpus("search", "small", "kite", "--workdir", workdir, check=False)
    assert done.returncode == 4
    assert "shard-" in done.stderr


def test_the_python_interface_from_a_script_without_a_guard(built, tmp_path: Path) -> None:
    """Worker processes must not run the caller's script again."""
    script = tmp_path / "script.py"
    script.write_text(
        "import m4corpus\nprint('once')\n"
        f"result = m4corpus.run({str(built.project.recipe)!r}, 'w', workers=2, last='clean')\n"
        "print([s.stage for s in result.stages])\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.splitlines() == ["once", "['read', 'clean']"]


def test_verifying_leaves_an_opened_snapshot_usable(built) -> None:
    import m4corpus
    from m4corpus.snapshot import verify

    snapshot = m4corpus.open_snapshot(built.summary["snapshot"])
    before = snapshot.search("market", k=3)
    assert list(verify(snapshot)) == []
    assert snapshot.search("market", k=3) == before


def test_a_language_restricts_by_any_of_its_names_and_an_unknown_one_is_refused(built) -> None:
    import m4corpus
    from m4corpus.errors import UserError

    snapshot = m4corpus.open_snapshot(built.summary["snapshot"])
    assert {hit.chunk.language for hit in snapshot.search("market", languages="Japanese")} == {"jpn"}
    assert {hit.chunk.language for hit in snapshot.search("market", languages=["yuewiki"])} == {"yue"}
    for query, languages in (("market", ["klingon"]), ("  ", None)):
        with pytest.raises(UserError):
            snapshot.search(query, languages=languages)


@pytest.mark.parametrize("content", [b"\xff", b"", b"000000000000", b"../../../etc"])
def test_a_damaged_pointer_to_the_newest_version_is_named_and_a_run_mends_it(
    built, tmp_path: Path, content: bytes
) -> None:
    workdir = built.clone(tmp_path / "work")
    latest = workdir / "snapshots" / "small" / "latest"
    latest.unlink()
    latest.write_bytes(content)
    done = built.project.m4corpus("search", "small", "kite", "--workdir", workdir, check=False)
    assert done.returncode == 4
    assert "latest" in done.stderr
    assert "Traceback" not in done.stderr
    built.project.run(workdir)
    assert "is sound" in built.project.m4corpus("verify", "small", "--workdir", workdir).stdout
