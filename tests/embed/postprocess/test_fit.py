"""Learning from the vectors of a recipe, in the test's own process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from vector_work import SENTENCES, chunk, embedded

from m4corpus.embed import encoder as encoders
from m4corpus.embed.config import EmbedConfig, EncoderConfig
from m4corpus.embed.postprocess.config import PostprocessConfig
from m4corpus.embed.postprocess.fit import fit
from m4corpus.embed.postprocess.learnt import save
from m4corpus.errors import UserError
from m4corpus.storage.artifact import Artifact

BARE = EncoderConfig(name="use-multilingual")
PARTS = [
    [chunk(i, SENTENCES["eng"] + f" {i}", "eng") for i in range(4)],
    [],
    [chunk(i, SENTENCES["tha"] + f" {i}", "tha") for i in range(4, 7)],
]


def chunks_of(vectors: Artifact) -> Artifact:
    return Artifact.open(vectors.directory.parent / "chunk")


def test_means_are_those_of_the_chunks_of_a_language(tmp_path: Path) -> None:
    vectors = embedded(tmp_path / "a", PARTS, EmbedConfig(encoder=BARE))
    learnt = fit(chunks_of(vectors), vectors, centre="language", components=3, least=4)
    english = encoders.load(BARE).encode([c.text for c in PARTS[0]])
    assert list(learnt.means) == ["eng"]
    np.testing.assert_allclose(learnt.means["eng"], english.mean(axis=0), atol=1e-6)
    assert learnt.dimension == 3
    assert learnt.about["vectors"] == 7
    assert learnt.fingerprint == encoders.fingerprint(BARE)


def test_a_recipe_can_use_the_file_but_not_learn_from_what_it_made(tmp_path: Path) -> None:
    vectors = embedded(tmp_path / "a", PARTS, EmbedConfig(encoder=BARE))
    learnt = fit(chunks_of(vectors), vectors, centre="all")
    file = tmp_path / "m.npz"
    after = PostprocessConfig(file=str(file), sha256=save(learnt, file))
    again = embedded(tmp_path / "b", PARTS, EmbedConfig(encoder=replace(BARE, postprocess=after)))
    with pytest.raises(UserError, match="post-processed already"):
        fit(chunks_of(again), again, centre="all")


def test_nothing_is_learnt_from_nothing(tmp_path: Path) -> None:
    vectors = embedded(tmp_path / "a", [[]], EmbedConfig(encoder=BARE))
    with pytest.raises(UserError, match="no vectors to learn from"):
        fit(chunks_of(vectors), vectors, centre="all")
