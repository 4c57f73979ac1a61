"""The embed stage: a vector for each chunk, in order, computed once, and the same however the work was done."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vector_work import chunk, embed_context, embedded, passage_vectors, run_phases, run_task, texts

from m4corpus.embed import encoder as encoders
from m4corpus.embed.carried.use import UseMultilingual
from m4corpus.embed.config import EmbedConfig, EncoderConfig
from m4corpus.embed.stage import EmbedStage, encoder_config
from m4corpus.errors import UserError
from m4corpus.records import Chunk
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.digests import text_digest
from m4corpus.storage.parts import read_batches


def parts_of(count: int, parts: int = 3) -> list[list[Chunk]]:
    """Chunks spread over parts, one of which is empty."""
    chunks = [chunk(i, text) for i, text in enumerate(texts(count))]
    return [chunks[i :: parts - 1] for i in range(parts - 1)] + [[]]


def rows(artifact: Artifact) -> list[dict[str, Any]]:
    return [r for p in artifact.parts() for b in read_batches(artifact.directory / p.path) for r in b.to_pylist()]


def tallies(artifact: Artifact) -> dict[str, int]:
    logs = [json.loads(p.read_text()) for p in (artifact.directory / "logs" / "embed" / "happened").glob("*.json")]
    return {key: sum(log[key] for log in logs) for key in ("cached", "computed")}


def test_every_chunk_gets_its_vector_in_order(tmp_path: Path) -> None:
    parts = parts_of(150)
    artifact = embedded(tmp_path / "a", parts)
    chunks = [c for part in parts for c in part]
    found = rows(artifact)
    assert [row["chunk_id"] for row in found] == [c.id for c in chunks]
    assert [row["text_digest"] for row in found] == [text_digest(c.text) for c in chunks]
    expected = passage_vectors(encoders.load(EncoderConfig()), [c.text for c in chunks])
    assert np.array([row["vector"] for row in found], dtype=np.float32).tobytes() == expected.tobytes()
    assert [part.rows for part in artifact.parts()] == [75, 75, 0]
    assert artifact.counts.as_dict() == {"inputs": 150, "kept": 150, "outputs": 150, "dropped": {}, "failed": {}}
    assert list(artifact.problems()) == []


def test_manifest_says_how_to_load_the_encoder_again(tmp_path: Path) -> None:
    config = EmbedConfig(encoder=EncoderConfig(max_tokens=30, passage_prompt="{title}: {text}"))
    artifact = embedded(tmp_path / "a", [[chunk(0, "kite " * 100), chunk(1, "kite")]], config)
    info = artifact.info
    assert encoder_config(info) == config.encoder
    assert encoders.load(encoder_config(info)).identity() == info["identity"]
    assert info["truncated"] == 1
    assert rows(artifact)[1]["text_digest"] == text_digest("Kites: kite")


def test_a_second_run_computes_nothing_and_yields_the_same_bytes(tmp_path: Path) -> None:
    parts = parts_of(60)
    first = embedded(tmp_path / "a", parts)
    second = embedded(tmp_path / "b", parts)
    assert tallies(first) == {"cached": 0, "computed": 60}
    assert tallies(second) == {"cached": 60, "computed": 0}
    assert first.manifest == second.manifest
    shuffled = embedded(tmp_path / "c", [[c for part in parts for c in reversed(part)]])
    assert tallies(shuffled) == {"cached": 60, "computed": 0}
    (tmp_path / "cache").rename(tmp_path / "old-cache")
    again = embedded(tmp_path / "d", parts, EmbedConfig(batch_size=7))
    assert tallies(again) == {"cached": 0, "computed": 60}
    assert again.manifest == first.manifest


def test_equal_texts_are_computed_once(tmp_path: Path) -> None:
    artifact = embedded(tmp_path / "a", [[chunk(i, f"kite {i % 3}") for i in range(30)]])
    assert tallies(artifact) == {"cached": 27, "computed": 3}
    vectors = [row["vector"] for row in rows(artifact)]
    assert vectors[0] == vectors[27] != vectors[1]


def test_a_damaged_cache_changes_nothing(tmp_path: Path) -> None:
    parts = parts_of(40)
    first = embedded(tmp_path / "a", parts)
    (path,) = (tmp_path / "cache" / "vectors").glob("*/vectors.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE vectors SET vector = zeroblob(2048) WHERE rowid % 2 = 0")
    second = embedded(tmp_path / "b", parts)
    assert second.manifest == first.manifest
    assert tallies(second) == {"cached": 20, "computed": 20}
    path.write_bytes(b"rubbish" * 1000)
    assert embedded(tmp_path / "c", parts).manifest == first.manifest


class Spoilt(UseMultilingual):
    """Yields the vectors a broken model would, for texts that ask for them."""

    def encode(self, inputs: Sequence[str]) -> Any:
        vectors = super().encode(inputs)
        for vector, text in zip(vectors, inputs, strict=True):
            if "nan" in text:
                vector[3] = np.nan
            if "zero" in text:
                vector[:] = 0
        return vectors


def test_vectors_without_meaning_are_quarantined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "load", Spoilt)
    artifact = embedded(tmp_path / "a", [[chunk(0, "kite"), chunk(1, "nan"), chunk(2, "zero"), chunk(3, "fish")]])
    assert [row["chunk_id"] for row in rows(artifact)] == ["doc00000#0", "doc00003#0"]
    assert artifact.counts.failed == {"bad-vector": 2}
    (batch,) = read_batches(artifact.directory / "ledger" / "part-00000.parquet")
    assert [(r["slug"], r["detail"]) for r in batch.to_pylist()] == [
        ("", ""),
        ("bad-vector", "not a number, or infinite"),
        ("bad-vector", "all zeros"),
        ("", ""),
    ]


class Collapsed(UseMultilingual):
    """Says the same of every text, as a model does whose weights were lost; ``share`` of them it still reads."""

    share = 0.0

    def encode(self, inputs: Sequence[str]) -> Any:
        vectors = super().encode(inputs)
        vectors[round(self.share * len(vectors)) :] = vectors[-1]
        return vectors


def test_one_vector_for_most_texts_ends_the_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "load", Collapsed)
    with pytest.raises(UserError, match="one and the same vector to 20 of 20 different texts"):
        embedded(tmp_path / "a", parts_of(40))
    monkeypatch.setattr(Collapsed, "share", 0.6)
    assert embedded(tmp_path / "b", parts_of(40)).counts.kept == 40


def test_a_few_texts_may_well_be_alike(tmp_path: Path) -> None:
    artifact = embedded(tmp_path / "a", [[chunk(i, "kite " + " " * i) for i in range(6)]])
    (log,) = (artifact.directory / "logs" / "embed" / "happened").glob("*.json")
    assert json.loads(log.read_text())["alike"] == 6


def test_a_lone_surrogate_fails_alone(tmp_path: Path) -> None:
    from m4corpus.embed.step import EmbedStep, Passage

    step = EmbedStep(EmbedConfig(), tmp_path / "v.sqlite")
    entries: list[Any] = []
    step.ledger = entries.append
    passages = [Passage("a", "kite", ""), Passage("b", "ki\ud800te", ""), Passage("c", "kite", "\udfff")]
    kept = list(step.run(iter(passages)))
    assert [embedding.chunk_id for embedding in kept] == ["a"]
    assert [(e.id, e.slug, e.detail) for e in entries[1:]] == [
        ("b", "lone-surrogates", "character 2 of the text"),
        ("c", "lone-surrogates", "character 0 of the title"),
    ]


class Fragile(UseMultilingual):
    """Refuses a whole batch for one of its texts."""

    def encode(self, inputs: Sequence[str]) -> Any:
        if any("spoilt" in text for text in inputs):
            raise ValueError("spoilt")
        return super().encode(inputs)


def test_a_batch_taken_one_by_one_counts_its_truncated_texts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoders, "load", Fragile)
    config = EmbedConfig(encoder=EncoderConfig(max_tokens=30))
    chunks = [chunk(0, "kite " * 100), chunk(1, "spoilt"), chunk(2, "fish " * 100), chunk(3, "kite")]
    artifact = embedded(tmp_path / "a", [chunks], config)
    assert artifact.counts.failed == {"error-ValueError": 1}
    assert artifact.info["truncated"] == 2


class Dependent(UseMultilingual):
    """Stands in for a GPU: the last bits of a vector depend on its place in the batch and on its neighbours."""

    batch_invariant = False
    calls = 0

    def encode(self, inputs: Sequence[str]) -> Any:
        type(self).calls += 1
        noise = np.arange(len(inputs), dtype=np.float32)[:, None] * len(inputs) * 1e-7
        return super().encode(inputs) + noise


def test_an_encoder_that_depends_on_the_batch_is_cached_by_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoders, "load", Dependent)
    parts = parts_of(40)
    config = EmbedConfig(batch_size=8)
    first = embedded(tmp_path / "a", parts, config)
    computed = Dependent.calls
    assert embedded(tmp_path / "b", parts, config).manifest == first.manifest
    assert Dependent.calls == computed, "whole batches come from the cache"
    (path,) = (tmp_path / "cache" / "vectors").glob("*/vectors.sqlite")
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM vectors WHERE rowid % 3 = 0")
    assert embedded(tmp_path / "c", parts, config).manifest == first.manifest
    (tmp_path / "cache").rename(tmp_path / "old-cache")
    assert embedded(tmp_path / "d", parts, config).manifest == first.manifest


def test_fingerprint_depends_on_the_encoder_not_on_the_batch() -> None:
    def identity(**options: Any) -> tuple[Any, Any]:
        stage = EmbedStage(EmbedConfig(**options))
        return stage.config_dict(), stage.resources()

    assert identity(batch_size=3) == identity()
    assert identity(encoder=EncoderConfig(max_tokens=99)) != identity()
    assert EmbedStage(EmbedConfig()).resources()["numpy"] == np.__version__


def test_vectors_of_another_numpy_are_not_reused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded(tmp_path / "a", parts_of(8))
    own = EmbedStage.resources
    monkeypatch.setattr(EmbedStage, "resources", lambda stage: {**own(stage), "numpy": "0.0"})
    assert tallies(embedded(tmp_path / "b", parts_of(8))) == {"cached": 0, "computed": 8}


def test_a_wrong_encoder_stops_before_any_work(tmp_path: Path) -> None:
    stage = EmbedStage(EmbedConfig(encoder=EncoderConfig(name="use-monolingual")))
    with pytest.raises(UserError, match="unknown encoder"):
        stage.phases(embed_context(tmp_path / "a", parts_of(4)))


def test_a_snapshot_made_on_a_gpu_is_searched_without_one() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    config = {"name": "somebody/model", "revision": "0" * 40, "device": "cuda:1"}
    assert encoder_config({"config": config}).device == "cpu"


def test_a_snapshot_does_not_decide_that_its_code_may_run() -> None:
    recorded = {"config": {"name": "somebody/model", "revision": "0" * 40, "trust_remote_code": True}}
    with pytest.raises(UserError, match="the encoder of this snapshot brings code of its own") as error:
        encoder_config(recorded)
    assert error.value.hint == "pass --trust-remote-code (or trust_remote_code=True) if you trust it"
    assert encoder_config(recorded, trust_remote_code=True).trust_remote_code
    plain = {"config": {"name": "somebody/model", "revision": "0" * 40}}
    assert not encoder_config(plain, trust_remote_code=True).trust_remote_code


@pytest.mark.parametrize("name", ["models/e5", "e5", "/models/e5", "~/models/e5"])
def test_a_snapshot_of_a_model_directory_that_is_not_here(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UserError, match=f"this snapshot was the model directory '{name}', which does not exist"):
        encoder_config({"config": {"name": name}})
    (tmp_path / "models" / "e5").mkdir(parents=True)
    (tmp_path / "e5").mkdir()
    if not name.startswith("/"):
        assert encoder_config({"config": {"name": name}}).name == name


def test_steps_travel_to_workers(tmp_path: Path) -> None:
    (phase,) = EmbedStage(EmbedConfig()).phases(embed_context(tmp_path / "a", parts_of(20)))
    copy = pickle.loads(pickle.dumps(phase))
    for rank in range(copy.tasks):
        run_task(copy, rank)
    assert (tmp_path / "a" / "embed" / "part-00001.parquet").is_file()


def test_a_killed_task_takes_up_its_work_at_the_batch(tmp_path: Path) -> None:
    parts = [[chunk(i, text) for i, text in enumerate(texts(250))]]
    expected = embedded(tmp_path / "whole" / "a", parts)
    context = embed_context(tmp_path / "a", parts)
    code = "import pickle, sys\nfrom vector_work import run_task\nrun_task(pickle.load(open(sys.argv[1], 'rb')), 0)"
    stage = EmbedStage(EmbedConfig(batch_size=4))
    (phase,) = stage.phases(context)
    (tmp_path / "phase").write_bytes(pickle.dumps(phase))
    worker = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "phase")])
    deadline = time.monotonic() + 30
    while not (done := _stored(context.cache)) and worker.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    assert 0 < done < 250, "the worker was meant to be killed half way"
    assert not (context.directory / "part-00000.parquet").exists()
    artifact = run_phases(stage, context)
    assert artifact.manifest == expected.manifest
    assert tallies(artifact)["cached"] >= done


def _stored(cache: Path) -> int:
    path = next((cache / "vectors").glob("*/vectors.sqlite"), None)
    if path is None:
        return 0
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM vectors").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def test_a_sentence_transformers_model_goes_all_the_way(tiny_model: Path, tmp_path: Path) -> None:
    config = EmbedConfig(encoder=EncoderConfig(name=str(tiny_model)))
    artifact = embedded(tmp_path / "a", parts_of(12), config)
    (first, *_) = rows(artifact)
    assert len(first["vector"]) == 24
    assert first["text_digest"] == text_digest("passage: " + texts(12)[0])
    assert artifact.info["truncated"] > 0
    assert str(tiny_model) not in json.dumps(artifact.manifest["config"])
    moved = shutil.copytree(tiny_model, tmp_path / "elsewhere")
    stages = [EmbedStage(config), EmbedStage(EmbedConfig(encoder=EncoderConfig(name=str(moved))))]
    assert stages[0].config_dict() == stages[1].config_dict()
    assert stages[0].resources() == stages[1].resources()
