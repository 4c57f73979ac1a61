"""A row's digest depends on the row and the schema alone, and tells any two different rows apart."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m4corpus.records import Block, Document, schema, to_batch
from m4corpus.storage.rowdigests import SIZE, row_digests

texts = st.text(alphabet="ab\0é漢", max_size=3)
documents = st.builds(
    Document,
    id=texts,
    source=texts,
    locator=texts,
    title=texts,
    text=texts,
    blocks=st.lists(st.builds(Block, st.sampled_from(["heading", "quote"]), st.integers(0, 2), st.just(0), st.just(1)),
                    max_size=2),
    metadata=st.dictionaries(texts, texts, max_size=2),
    language_confidence=st.sampled_from([0.0, 0.5]),
    language_mix=st.dictionaries(texts, st.sampled_from([0.25, 0.5]), max_size=2),
    flags=st.lists(texts, max_size=2),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(documents, min_size=1, max_size=5), st.integers(0, 5))
def test_batches_leave_no_trace(found: list[Document], cut: int) -> None:
    whole = to_batch(found)
    digests = row_digests(whole)
    assert row_digests(whole.slice(0, cut)) + row_digests(whole.slice(cut)) == digests
    assert [row_digests(to_batch([document]))[0] for document in found] == digests
    assert {len(digest) for digest in digests} == {SIZE}


@settings(max_examples=100, deadline=None)
@given(documents, documents)
def test_different_rows_differ(first: Document, second: Document) -> None:
    digests = row_digests(to_batch([first, second]))
    assert (digests[0] == digests[1]) == (first == second)


def test_the_schema_and_what_is_added_count_too() -> None:
    one = pa.record_batch({"a": ["x"], "b": ["y"]})
    other = pa.record_batch({"a": ["x"], "c": ["y"]})
    assert row_digests(one) != row_digests(other)
    assert row_digests(one, [b"more"]) != row_digests(one)
    assert row_digests(one, [b"more"]) != row_digests(one, [b"less"])


def test_numbers_truth_values_and_vectors() -> None:
    kind = pa.list_(pa.float32(), 2)
    batch = pa.RecordBatch.from_arrays(
        [pa.array([1, 1, 2], pa.int32()), pa.array([True, True, False]), pa.array([[1, 2], [1, 2], [1, 3]], kind)],
        ["n", "t", "v"],
    )
    first, second, third = row_digests(batch)
    assert first == second != third
    assert row_digests(batch.slice(1)) == [second, third]


def test_nothing_has_no_digests_and_nulls_are_not_nothing() -> None:
    assert row_digests(pa.RecordBatch.from_pylist([], schema=schema(Document))) == []
    null, empty = row_digests(pa.record_batch({"a": pa.array([None, ""])}))
    assert null != empty


def test_a_type_without_bytes_is_refused() -> None:
    with pytest.raises(TypeError, match="decimal"):
        row_digests(pa.record_batch({"a": pa.array([1], pa.decimal128(5))}))
