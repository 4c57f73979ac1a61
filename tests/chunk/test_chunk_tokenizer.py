"""A later build counts tokens with the tokenizer that an earlier one took from the model."""

from __future__ import annotations

from pathlib import Path

import pytest
from rebuilds import Corpus, assert_equal
from release_work import model

from m4corpus.embed.transformers import encoder as transformers

pytestmark = pytest.mark.usefixtures("executor_here")


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    model(tmp_path / "model")
    made = Corpus(tmp_path, {"embed": {"encoder": {"name": "model"}}})
    for name in ("en/a", "en/b", "es/a"):
        made.write(name)
    return made


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models that were loaded for their tokenizers."""
    names: list[str] = []
    real = transformers.load_unplaced
    monkeypatch.setattr(transformers, "load_unplaced", lambda config: names.append(config.name) or real(config))
    return names


def test_a_rebuild_loads_no_model_to_count_and_makes_the_same_chunks(corpus: Corpus, loaded: list[str]) -> None:
    corpus.build()
    assert len(loaded) == 1
    corpus.write("en/a", "other words")
    rebuilt = corpus.build()
    assert len(loaded) == 1
    assert_equal(rebuilt, corpus.from_scratch())
    assert len(loaded) == 2, "another work directory knows nothing"


def test_another_model_has_a_tokenizer_of_its_own(corpus: Corpus, loaded: list[str]) -> None:
    corpus.build()
    (corpus.root / "model").rename(corpus.root / "before")
    model(corpus.root / "model", seed=1)
    corpus.build()
    assert len(loaded) == 2
    assert len(list((corpus.root / "work" / "cache" / "tokenizers").iterdir())) == 2
