"""Whatever is done to a corpus, in whatever order: what comes of it step by step is what comes of it at once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rebuilds import SENTENCES, Corpus, assert_equal, in_process

NAMES = [f"{language}/page-{number}" for language in SENTENCES for number in range(3)]
#: Few texts for many names, so that there are duplicates whose survivors come and go.
SEEDS = ["one", "two", "three", "four"]

writes = st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(SEEDS))
deletes = st.tuples(st.just("delete"), st.sampled_from(NAMES), st.just(""))
moves = st.tuples(st.just("move"), st.sampled_from(NAMES), st.sampled_from(NAMES))
limits = st.tuples(st.just("limit"), st.sampled_from(["50", "400"]), st.just(""))
scripts = st.lists(st.lists(st.one_of(writes, writes, deletes, moves, limits), min_size=1, max_size=5),
                   min_size=1, max_size=3)  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corpus]:
    corpus = Corpus(tmp_path_factory.mktemp("built"))
    for number, name in enumerate(NAMES[::2]):
        corpus.write(name, SEEDS[number % len(SEEDS)])
    corpus.write("en/always")
    with in_process():
        corpus.build()
        yield corpus


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(scripts)
def test_incremental_equals_full(built: Corpus, script: list[list[tuple[str, str, str]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        corpus = built.copy(Path(folder) / "corpus")
        for edits in script:
            for edit in edits:
                apply(corpus, *edit)
            rebuilt = corpus.build()
        assert_equal(rebuilt, corpus.from_scratch())


def apply(corpus: Corpus, kind: str, first: str, second: str) -> None:
    there = (corpus.root / "pages" / f"{first}.html").exists()
    if kind == "write":
        corpus.write(first, second)
    elif kind == "limit":
        corpus.options["filter"] = {"min_chars": int(first)}
    elif there and kind == "delete":
        corpus.delete(first)
    elif there and kind == "move" and first != second:
        corpus.move(first, second)
