"""Means and components: what is learnt, kept in a file, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from m4corpus.embed.postprocess.learnt import Learnt, read, save
from m4corpus.embed.postprocess.moments import Moments
from m4corpus.errors import UserError


def sample(count: int = 300) -> tuple[Any, list[str]]:
    """Vectors of two languages that lie apart, in three dimensions of very different spread."""
    chance = np.random.default_rng(5)
    vectors = chance.normal(size=(count, 3)) * [3.0, 1.0, 0.1]
    languages = ["swh" if i % 3 else "tha" for i in range(count)]
    vectors[[i for i in range(count) if i % 3 == 0]] += [0.0, 10.0, 0.0]
    return vectors.astype(np.float32), languages


def moments(batch: int = 300) -> Moments:
    vectors, languages = sample()
    seen = Moments(3)
    for start in range(0, len(vectors), batch):
        seen.add(vectors[start : start + batch], languages[start : start + batch])
    return seen


def test_means_of_languages_are_theirs_and_small_languages_share_one() -> None:
    vectors, languages = sample()
    learnt = moments().learn("f", centre="language", least=150)
    of_swahili = [language == "swh" for language in languages]
    assert list(learnt.means) == ["swh"]
    np.testing.assert_allclose(learnt.means["swh"], vectors[of_swahili].mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(learnt.mean, vectors.mean(axis=0), atol=1e-5)
    assert learnt.components is None
    assert learnt.dimension == 3


def test_components_are_those_of_the_centred_vectors() -> None:
    vectors, languages = sample()
    learnt = moments().learn("f", centre="language", components=2, least=2)
    centred = np.stack([v - learnt.means[c] for v, c in zip(vectors, languages, strict=True)])
    _, _, expected = np.linalg.svd(centred)
    assert learnt.components is not None
    np.testing.assert_allclose(np.abs(learnt.components), np.abs(expected[:2]), atol=1e-3)
    assert (learnt.components[np.arange(2), np.abs(learnt.components).argmax(axis=1)] > 0).all()
    assert learnt.dimension == 2


def test_whitened_components_have_one_variance() -> None:
    vectors, _ = sample()
    learnt = moments().learn("f", centre="all", components=2, whiten=True)
    assert learnt.components is not None
    spread = ((vectors - learnt.mean) @ learnt.components.T).std(axis=0)
    np.testing.assert_allclose(spread, 1, atol=0.01)


def test_batches_leave_hardly_a_trace() -> None:
    one, many = (moments(batch).learn("f", centre="language", components=2) for batch in (300, 7))
    np.testing.assert_allclose(one.mean, many.mean, atol=1e-6)
    np.testing.assert_allclose(one.components, many.components, atol=1e-5)  # type: ignore[arg-type]


def test_more_components_than_vectors_are_refused() -> None:
    with pytest.raises(UserError, match="do not give 4 components"):
        moments().learn("f", centre="all", components=4)


def test_the_file_says_the_same_again_and_has_the_same_bytes(tmp_path: Path) -> None:
    learnt = moments().learn("f", centre="language", components=2, least=2)
    digest = save(learnt, tmp_path / "a.npz")
    assert save(learnt, tmp_path / "b.npz") == digest
    again = read(tmp_path / "a.npz", digest)
    assert again.fingerprint == "f"
    assert again.about["vectors"] == 300
    assert list(again.means) == ["swh", "tha"]
    assert (again.means["tha"] == learnt.means["tha"]).all()
    assert (again.components == learnt.components).all()  # type: ignore[union-attr]


def test_a_file_without_languages_or_components_is_fine(tmp_path: Path) -> None:
    digest = save(Learnt("f", np.ones(5, np.float32)), tmp_path / "a.npz")
    again = read(tmp_path / "a.npz", digest)
    assert again.means == {}
    assert again.components is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04rubbish", b"\x93NUMPY"])
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes) -> None:
    import hashlib

    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="holds nothing learnt"):
        read(path, hashlib.sha256(content).hexdigest())


def test_another_file_than_the_recipe_names_is_refused(tmp_path: Path) -> None:
    save(Learnt("f", np.ones(5, np.float32)), tmp_path / "a.npz")
    with pytest.raises(UserError, match="not the file expected"):
        read(tmp_path / "a.npz", "0" * 64)
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "none.npz", "0" * 64)
