"""What becomes of vectors after the model, in a recipe's stages and in queries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from vector_work import SENTENCES, chunk, embedded, indexed

from m4corpus.embed import encoder as encoders
from m4corpus.embed.config import EmbedConfig, EncoderConfig
from m4corpus.embed.postprocess.config import PostprocessConfig
from m4corpus.embed.postprocess.learnt import Learnt, save
from m4corpus.embed.postprocess.transform import Postprocess, PostprocessedEncoder
from m4corpus.embed.stage import encoder_config
from m4corpus.embed.stored import unpack
from m4corpus.errors import UserError
from m4corpus.index.shards import ShardedIndex
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.parts import read_batches

BARE = EncoderConfig(name="use-multilingual")


def learnt_file(path: Path, **given: Any) -> PostprocessConfig:
    """A file learnt from the offline encoder's vectors: a mean for English, another for all others."""
    mean = np.full(512, 0.01, np.float32)
    learnt = Learnt(encoders.fingerprint(BARE), mean, {"eng": -mean}, **given)
    return PostprocessConfig(file=str(path), sha256=save(learnt, path))


def numbers(count: int = 100, dimension: int = 512) -> Any:
    vectors = np.random.default_rng(1).normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def vectors_of(artifact: Artifact) -> Any:
    batches = [b for part in artifact.parts() for b in read_batches(artifact.directory / part.path)]
    return np.concatenate([unpack(batch.column("vector")) for batch in batches])


def test_first_dimensions_are_kept_and_scaled_again() -> None:
    vectors = numbers()
    found = Postprocess(PostprocessConfig(dimensions=64), 512, "f").apply(vectors, [""] * 100)
    cut = vectors[:, :64]
    np.testing.assert_allclose(found, cut / np.linalg.norm(cut, axis=1, keepdims=True), atol=1e-6)
    as_they_are = Postprocess(PostprocessConfig(dimensions=64), 512, "f", normalise=False)
    assert (as_they_are.apply(vectors, [""] * 100) == cut).all()


def test_each_language_loses_its_own_mean(tmp_path: Path) -> None:
    config = learnt_file(tmp_path / "m.npz")
    after = Postprocess(config, 512, encoders.fingerprint(BARE), normalise=False)
    vectors = numbers(3)
    found = after.apply(vectors, ["eng", "tha", ""])
    np.testing.assert_allclose(found - vectors, [[0.01] * 512, [-0.01] * 512, [-0.01] * 512], atol=1e-6)


def test_bytes_of_a_vector_are_its_own(tmp_path: Path) -> None:
    axes = np.random.default_rng(2).normal(size=(96, 512)).astype(np.float32)
    after = Postprocess(learnt_file(tmp_path / "m.npz", components=axes), 512, encoders.fingerprint(BARE))
    vectors, languages = numbers(90), ["eng", "tha", "swh"] * 30
    together = after.apply(vectors, languages)
    assert together.shape == (90, 96)
    for some in (range(89, -1, -1), [77]):
        alone = after.apply(vectors[list(some)], [languages[i] for i in some])
        assert alone.tobytes() == together[list(some)].tobytes()


def test_a_vector_that_is_all_mean_becomes_zero(tmp_path: Path) -> None:
    after = Postprocess(learnt_file(tmp_path / "m.npz"), 512, encoders.fingerprint(BARE))
    assert not after.apply(np.full((1, 512), 0.01, np.float32), ["tha"]).any()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dimensions": 600}, "cannot keep 600 dimensions of 512"),
        ({"dimensions": 20, "quantise": "binary"}, "multiple of 8"),
    ],
)
def test_what_cannot_be_done_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        Postprocess(PostprocessConfig(**options), 512, "f")


def test_what_was_learnt_from_another_encoder_is_refused(tmp_path: Path) -> None:
    config = replace(BARE, max_tokens=99, postprocess=learnt_file(tmp_path / "m.npz"))
    with pytest.raises(UserError, match="vectors of another encoder"):
        encoders.fingerprint(config)
    with pytest.raises(ValueError, match="go together"):
        PostprocessConfig(file="m.npz")


def test_fingerprint_names_the_file_by_content_and_every_option(tmp_path: Path) -> None:
    config = learnt_file(tmp_path / "m.npz")
    (tmp_path / "copy.npz").write_bytes((tmp_path / "m.npz").read_bytes())
    moved = replace(config, file=str(tmp_path / "copy.npz"))
    seen = [None, config, replace(config, dimensions=64), PostprocessConfig(quantise="int8"), PostprocessConfig()]
    prints = [encoders.fingerprint(replace(BARE, postprocess=after)) for after in [*seen, moved]]
    assert prints[-1] == prints[1]
    assert len(set(prints)) == len(seen)


def test_queries_lose_the_mean_of_their_language(tmp_path: Path) -> None:
    config = replace(BARE, postprocess=learnt_file(tmp_path / "m.npz"))
    encoder, bare = encoders.load(config), encoders.load(BARE)
    assert isinstance(encoder, PostprocessedEncoder)
    queries = [SENTENCES["eng"], SENTENCES["tha"], "%%"]
    raw = bare.encode_queries(queries)
    expected = encoder.postprocess.apply(raw, ["eng", "tha", ""])
    assert encoder.encode_queries(queries).tobytes() == expected.tobytes()
    told = encoder.encode_queries(queries, ["tha", "", "English"])
    assert told.tobytes() == encoder.postprocess.apply(raw, ["tha", "tha", "eng"]).tobytes()


@pytest.mark.parametrize("quantise", ["none", "int8", "binary"])
def test_stages_store_index_and_find_what_they_transform(tmp_path: Path, quantise: Any) -> None:
    after = replace(learnt_file(tmp_path / "m.npz"), dimensions=256, quantise=quantise)
    config = EmbedConfig(encoder=replace(BARE, postprocess=after))
    parts = [[chunk(i, text, code) for i, (code, text) in enumerate(SENTENCES.items())]]
    plain = embedded(tmp_path / "plain", parts, EmbedConfig(encoder=BARE))
    artifact = embedded(tmp_path / "a", parts, config)
    assert artifact.info["identity"]["dimension"] == 256
    encoder = encoders.load(encoder_config(artifact.info))
    assert encoder.identity() == artifact.info["identity"]
    assert isinstance(encoder, PostprocessedEncoder)
    expected = encoder.postprocess.apply(vectors_of(plain), list(SENTENCES))
    error = {"none": 0.0, "int8": 0.005, "binary": 1.0}[quantise]
    assert np.abs(vectors_of(artifact) - expected).max() <= error
    with ShardedIndex.open(indexed(artifact).directory) as index:
        hits = index.search(encoder.encode_queries(list(SENTENCES.values())), 1)
    assert [row[0].chunk.language for row in hits] == list(SENTENCES)


def test_a_snapshot_without_its_file_says_so(tmp_path: Path) -> None:
    config = EmbedConfig(encoder=replace(BARE, postprocess=learnt_file(tmp_path / "m.npz")))
    info = embedded(tmp_path / "a", [[chunk(0, "kite")]], config).info
    (tmp_path / "m.npz").unlink()
    with pytest.raises(UserError, match="does not exist here"):
        encoder_config(info)


def test_the_cache_serves_every_way_of_post_processing(tmp_path: Path) -> None:
    parts = [[chunk(i, f"kite {i}") for i in range(5)]]
    embedded(tmp_path / "a", parts, EmbedConfig(encoder=BARE))
    files = list((tmp_path / "cache" / "vectors").glob("*"))
    embedded(tmp_path / "b", parts, EmbedConfig(encoder=replace(BARE, postprocess=PostprocessConfig(dimensions=8))))
    assert list((tmp_path / "cache" / "vectors").glob("*")) == files
