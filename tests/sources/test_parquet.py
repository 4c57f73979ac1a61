from __future__ import annotations

import datetime
import decimal
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sources_work import listed, pages, read_bytes, reasons, source

from m4corpus.sources.readers import read_file


def packed(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def read(base: Path, content: bytes, **options: Any) -> list[Any]:
    return read_bytes(base, "x.parquet", content, format="parquet", **options)


def test_rows_become_pages_and_other_columns_metadata(tmp_path: Path) -> None:
    when = datetime.datetime(2025, 4, 1, 12, 30)
    table = pa.table(
        {
            "id": [7],
            "text": pa.array(["Kishada"]).dictionary_encode(),
            "language": pa.array(["sw"], pa.large_string()),
            "timestamp": pa.array([when], pa.timestamp("ns")),
            "price": pa.array([decimal.Decimal("1.50")]),
            "ok": [True],
            "tags": [["a", "b"]],
            "extra": [{"day": datetime.date(2025, 4, 1), "raw": b"\xff", "none": None}],
            "image": [b"\xff\xd8"],
            "none": pa.array([None], pa.string()),
        }
    )
    (page,) = read(tmp_path, packed(table))
    assert (page.id, page.locator, page.content, page.language_hint) == ("7", "x.parquet#1", "Kishada", "sw")
    assert page.fetched_at == "2025-04-01 12:30:00.000000000"
    assert page.metadata == {
        "price": "1.50", "ok": "true", "tags": '["a","b"]', "image": "\\xff\\xd8",
        "extra": '{"day":"2025-04-01","raw":"\\\\xff","none":null}',
    }  # fmt: skip


def test_rows_without_text(tmp_path: Path) -> None:
    items = read(tmp_path, packed(pa.table({"text": ["one", None, "", "four"]})))
    assert [page.id for page in pages(items)] == ["s:x.parquet#1", "s:x.parquet#4"]
    assert reasons(items) == {"x.parquet#2": "empty-text", "x.parquet#3": "empty-text"}


def test_text_that_is_no_utf8(tmp_path: Path) -> None:
    raw = pa.array([b"good", b"b\xffd", b"fine"], pa.binary())
    for text in (raw, pa.Array.from_buffers(pa.string(), 3, raw.buffers())):
        items = read(tmp_path, packed(pa.table({"text": text})))
        assert [page.content for page in pages(items)] == ["good", "fine"]
        assert reasons(items) == {"x.parquet#2": "invalid-utf8"}


def test_columns_are_mapped_and_chosen(tmp_path: Path) -> None:
    table = pa.table({"body": ["<html lang=th>x"], "meta": [{"url": "https://x/", "n": 1}], "image": [b"\0" * 100_000]})
    fields = {"text": "body", "media_type": "text/html", "url": "meta.url"}
    (page,) = read(tmp_path, packed(table), fields=fields, metadata=["meta"])
    assert (page.url, page.language_hint, page.metadata) == ("https://x/", "th", {"meta": '{"n":1}'})
    assert reasons(read(tmp_path, packed(table), fields=fields)) == {"x.parquet#1": "metadata-too-large"}


def test_a_table_without_the_column(tmp_path: Path) -> None:
    (item,) = read(tmp_path, packed(pa.table({"body": ["x"]})))
    assert (item.reason, item.detail, item.id) == ("missing-field", "field=text columns=body", "s:x.parquet")


def test_text_over_the_limit(tmp_path: Path) -> None:
    items = read(tmp_path, packed(pa.table({"text": ["é" * 60, "é" * 50]})), max_bytes=100)
    assert reasons(items) == {"x.parquet#1": "too-large"}
    assert len(pages(items)) == 1


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all", b"PAR1" + bytes(100) + b"PAR1"])
def test_no_parquet(tmp_path: Path, content: bytes) -> None:
    (item,) = read(tmp_path, content)
    assert (item.reason, item.id, item.locator) == ("corrupt-parquet", "s:x.parquet", "x.parquet")


def test_an_empty_table(tmp_path: Path) -> None:
    assert reasons(read(tmp_path, packed(pa.table({"text": pa.array([], pa.string())})))) == {"x.parquet": "empty-file"}


def test_sound_rows_before_damage_are_kept(tmp_path: Path) -> None:
    table = pa.table({"text": [f"Text {n} " + "x" * 500 for n in range(1000)]})
    content = bytearray(packed(table, row_group_size=100, compression="none", write_page_checksum=True))
    content[len(content) // 2] ^= 0xFF
    items = read(tmp_path, bytes(content))
    assert 300 < len(pages(items)) < 600
    assert items[-1].reason == "corrupt-parquet"
    assert items[-1].detail.endswith(f"sound rows before that: {len(pages(items))}")


def test_truncated(tmp_path: Path) -> None:
    content = packed(pa.table({"text": ["x" * 100] * 100}))
    assert reasons(read(tmp_path, content[: len(content) // 2])) == {"x.parquet": "corrupt-parquet"}


def test_a_file_that_changes_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(packed(pa.table({"text": ["one"]})))
    config = source("parquet", "x.parquet")
    (file,) = listed(tmp_path, config)
    path.write_bytes(packed(pa.table({"text": ["two"]})))
    assert reasons(list(read_file(config, tmp_path, file))) == {"x.parquet": "changed-while-reading"}
