"""The ledger: every input once, counts that add up."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4corpus.ledger import DROPPED, FAILED, KEPT, Counts, Drop, Entry, Fail, Verdict, entries, schema, to_batch
from m4corpus.storage.parts import PartWriter

slugs = st.sampled_from(["min-chars", "language", "error-ValueError"])
rows = st.one_of(
    st.builds(Entry, st.text("ab"), st.just("l"), st.just(KEPT), st.just(""), st.just(""), st.integers(0, 5)),
    st.builds(Entry, st.text("ab"), st.just("l"), st.just(DROPPED), slugs, st.just(""), st.just(0)),
    st.builds(Entry, st.text("ab"), st.just("l"), st.just(FAILED), slugs, st.just(""), st.just(0)),
)


@given(st.lists(rows), st.integers(0, 10))
def test_counts(data: list[Entry], cut: int) -> None:
    whole, first, second = Counts(), Counts(), Counts()
    for entry in data:
        whole.add(entry)
    for entry in data[:cut]:
        first.add(entry)
    for entry in data[cut:]:
        second.add(entry)
    assert whole.adds_up()
    assert whole.inputs == len(data)
    assert whole.outputs == sum(e.outputs for e in data)
    assert Counts.total([first, second]) == whole
    assert Counts.from_dict(whole.as_dict()) == whole


@pytest.mark.parametrize("missing", ["kept", "dropped", "failed"])
def test_a_lost_input_does_not_add_up(missing: str) -> None:
    counts = {"inputs": 3, "kept": 1, "outputs": 1, "dropped": {"a": 1}, "failed": {"b": 1}}
    assert Counts.from_dict(counts).adds_up()
    assert not Counts.from_dict({**counts, missing: 0 if missing == "kept" else {}}).adds_up()


def test_json_form_is_sorted() -> None:
    counts = Counts(2, 0, 0, Counter({"b": 1, "a": 1}))
    assert list(counts.as_dict()["dropped"]) == ["a", "b"]


def test_rows_survive_a_part(tmp_path: Path) -> None:
    data = [Entry("a", "x:1", KEPT, "", "", 2), Entry("b", "x:2", FAILED, "invalid-utf8", "byte 0xff at offset 17", 0)]
    with PartWriter(tmp_path / "p.parquet", schema(), tmp_path) as writer:
        writer.write(to_batch(data))
    assert list(entries(tmp_path, [writer.info])) == data


@pytest.mark.parametrize("kind", [Drop, Fail])
def test_verdicts_travel_between_processes(kind: type[Verdict]) -> None:
    verdict = pickle.loads(pickle.dumps(kind("min-chars", "chars=12")))
    assert type(verdict) is kind
    assert (verdict.slug, verdict.detail) == ("min-chars", "chars=12")
    assert Drop.outcome == DROPPED
    assert Fail.outcome == FAILED


def test_detail_can_always_be_written() -> None:
    # Evidence quotes what was found, and what was found may hold half a surrogate pair.
    entry = Entry("a", "l", FAILED, "bad", Fail("bad", "found \ud83d here").detail, 0)
    assert to_batch([entry]).to_pylist()[0]["detail"] == r"found \ud83d here"
