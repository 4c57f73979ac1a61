"""Records survive their Arrow form, and their columns are the declared ones."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4corpus.records import Block, Chunk, Document, Page, from_batches, schema, to_batch

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
metadata = st.dictionaries(texts, texts, max_size=3)
offsets = st.integers(0, 2**31 - 1)
blocks = st.lists(st.builds(Block, texts, st.integers(0, 6), offsets, offsets), max_size=3)
confidences = st.floats(0, 1, width=32)


def filled(kind: type, **special: Any) -> st.SearchStrategy[Any]:
    """Every field of a record class filled, so that a column that is lost or swapped shows."""
    plain = {f.name: texts for f in fields(kind) if str(f.type) == "str"}
    return st.builds(kind, **{**plain, **special})


records = st.one_of(
    st.lists(filled(Page, metadata=metadata), min_size=1, max_size=4),
    st.lists(
        filled(
            Document, metadata=metadata, blocks=blocks, duplicates=st.lists(texts, max_size=2),
            language_confidence=confidences,
        ),
        min_size=1,
        max_size=4,
    ),
    st.lists(
        filled(Chunk, index=offsets, start=offsets, end=offsets, tokens=offsets, headings=st.lists(texts, max_size=2)),
        min_size=1,
        max_size=4,
    ),
)  # fmt: skip


@given(records)
def test_round_trip(data: list[Any]) -> None:
    kind = type(data[0])
    batch = to_batch(data)
    assert batch.schema.equals(schema(kind))
    assert list(from_batches(kind, [batch])) == data
    assert list(from_batches(kind, [batch.slice(0, 1), batch.slice(1)])) == data


@pytest.mark.parametrize("kind", [Page, Document, Chunk])
def test_a_column_for_every_field_and_none_nullable(kind: type) -> None:
    table = schema(kind)
    assert table.names == [f.name for f in fields(kind)]
    assert not any(field.nullable for field in table)


def test_the_order_of_metadata_keys_leaves_no_trace() -> None:
    pages = [Page("i", "s", "l", "m", "c", metadata=m) for m in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})]
    assert to_batch(pages[:1]).equals(to_batch(pages[1:]))


@pytest.mark.parametrize(
    "field", [{"content": 3}, {"metadata": {"a": 1}}, {"metadata": {3: "a"}}, {"content": "\ud800"}]
)
def test_a_value_of_another_type_is_an_error_and_never_converted(field: dict[str, Any]) -> None:
    page = Page(**{"id": "i", "source": "s", "locator": "l", "media_type": "m", "content": "c", **field})
    with pytest.raises((pa.ArrowException, UnicodeEncodeError, ValueError)):
        to_batch([page]).validate(full=True)


def test_offsets_beyond_32_bits_are_an_error() -> None:
    with pytest.raises((pa.ArrowInvalid, OverflowError)):
        to_batch([Chunk("i", "d", 0, 0, 2**31, 1, "t")])


def test_confidence_is_kept_in_single_precision() -> None:
    (document,) = from_batches(Document, [to_batch([Document("i", "s", "l", "t", "x", language_confidence=0.9)])])
    assert document.language_confidence == np.float32(0.9)
