from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import tracemalloc
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import zstandard
from sources_work import listed, pages, read_bytes, reasons, source

from m4corpus.records import Page
from m4corpus.sources.readers import Failure, read_file

Items = list[Page | Failure]


def line(number: int, **more: Any) -> bytes:
    return json.dumps({"id": f"r{number}", "text": f"Text of record {number}.", **more}).encode() + b"\n"


def read(base: Path, content: bytes, name: str = "x.jsonl", **options: Any) -> Items:
    return read_bytes(base, name, content, format="jsonl", **options)


def test_fields_become_a_page(tmp_path: Path) -> None:
    record = {
        "id": "a/1", "text": "Kishada", "title": "T", "url": "https://x/", "language": "sw", "revision": 17,
        "timestamp": "2025-04-01", "license": "CC0-1.0", "score": 1.5, "ok": True, "none": None,
        "tags": ["a", {"b": "é"}],
    }  # fmt: skip
    (page,) = read(tmp_path, json.dumps(record).encode(), licence="other")
    assert (page.id, page.locator, page.media_type, page.content) == ("a/1", "x.jsonl:1", "text/plain", "Kishada")
    assert (page.title, page.url, page.revision, page.fetched_at) == ("T", "https://x/", "17", "2025-04-01")
    assert (page.language_hint, page.hint_from, page.licence) == ("sw", "field", "CC0-1.0")
    assert page.metadata == {"score": "1.5", "ok": "true", "tags": '["a",{"b":"é"}]'}


def test_fields_under_other_names(tmp_path: Path) -> None:
    record = {"body": "<html lang=en><p>x", "doc": {"key": 5, "lang": "yo", "n": 1}, "a.b": "title", "text": "aside"}
    fields = {"text": "body", "media_type": "text/html", "id": "doc.key", "title": "a.b"}
    (page,) = read(tmp_path, json.dumps(record).encode(), fields=fields, language="field:doc.lang")
    assert (page.content, page.media_type, page.id, page.title) == (record["body"], "text/html", "5", "title")
    assert (page.language_hint, page.hint_from) == ("yo", "field")
    assert page.metadata == {"text": "aside", "doc": '{"n":1}'}


def test_metadata_is_chosen_by_name_and_bounded(tmp_path: Path) -> None:
    content = line(1, keep_a="1", drop="2")
    assert pages(read(tmp_path, content, metadata=["keep_*"]))[0].metadata == {"keep_a": "1"}
    assert pages(read(tmp_path, content, metadata=[]))[0].metadata == {}
    assert reasons(read(tmp_path, line(1, big="x" * 70_000))) == {"x.jsonl:1": "metadata-too-large"}


def test_a_mapped_field_that_is_no_scalar_is_not_lost(tmp_path: Path) -> None:
    (page,) = read(tmp_path, line(1, title=["a", "b"]))
    assert (page.title, page.metadata) == ("", {"title": '["a","b"]'})


def test_a_language_field_that_gives_no_hint_is_not_lost(tmp_path: Path) -> None:
    (page,) = read(tmp_path, line(1, language="sw"), language="en")
    assert (page.language_hint, page.hint_from, page.metadata) == ("en", "recipe", {"language": "sw"})


def test_records_without_id_are_named_after_their_line(tmp_path: Path) -> None:
    items = read(tmp_path, b'{"text": "one"}\n\n{"text": "two", "id": null}\n{"text": "three", "id": ""}')
    assert [page.id for page in pages(items)] == ["s:x.jsonl#1", "s:x.jsonl#3", "s:x.jsonl#4"]
    assert [page.locator for page in pages(items)] == ["x.jsonl:1", "x.jsonl:3", "x.jsonl:4"]


BAD = [
    (b'{"id": "cut", "text": ', "invalid-json"),
    (b'{"text": "a\xffb"}', "invalid-utf8"),
    (b'{"text": "\xed\xa0\x80"}', "invalid-utf8"),
    (b'{"text": "lone \\ud800 half"}', "lone-surrogates"),
    (b'{"text": "x", "deep": [{"\\udfff": 1}]}', "lone-surrogates"),
    (b'{"text": "x", "id": "\\ud800"}', "lone-surrogates"),
    (b'{"text": "x", "text": "y"}', "duplicate-keys"),
    (b'{"text": "x", "more": {"\\ud800": 1, "\\ud800": 2}}', "duplicate-keys"),
    (b'["text"]', "not-an-object"),
    (b'"text"', "not-an-object"),
    (b"null", "not-an-object"),
    (b'{"text": null}', "empty-text"),
    (b'{"text": ""}', "empty-text"),
    (b'{"text": " \\n\\u3000"}', "empty-text"),
    (b'{"title": "x"}', "missing-field"),
    (b'{"text": 5}', "bad-field"),
    (b'{"text": ["x"]}', "bad-field"),
    (b'{"text": "x", "id": {"a": 1}}', "bad-id"),
    (b'{"text": "x", "id": true}', "bad-id"),
    (b'{"text": "x", "id": "' + b"i" * 1001 + b'"}', "bad-id"),
    (b'\xef\xbb\xbf{"text": "x"}', "invalid-json"),
    (b'{"text": "raw \x01 control"}', "invalid-json"),
    (b'{"text": "x", "n": ' + b"9" * 5000 + b"}", "invalid-json"),
    (b'{"text": "x", "n": ' + b"[" * 101 + b"]" * 101 + b"}", "invalid-json"),
    (b'{"text": "x", "n": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "invalid-json"),
    (b"\x00\x00\x00", "invalid-json"),
    (b'{"text": "' + b"x" * 500_000 + b'"}', "too-large"),
]


@pytest.mark.parametrize(("bad", "reason"), BAD, ids=[f"{i}-{reason}" for i, (_, reason) in enumerate(BAD)])
def test_a_bad_line_costs_no_other(tmp_path: Path, bad: bytes, reason: str) -> None:
    items = read(tmp_path, line(1) + bad + b"\n" + line(3), max_bytes=450_000)
    assert [page.id for page in pages(items)] == ["r1", "r3"]
    assert reasons(items) == {"x.jsonl:2": reason}
    for item in items:  # all of it fits a ledger
        f"{item.id}{item.locator}{getattr(item, 'detail', '')}".encode()


def test_paired_surrogate_escapes_and_literal_backslashes_are_text(tmp_path: Path) -> None:
    items = read(tmp_path, rb'{"text": "\ud83e\ude81 \\ud800"}')
    assert pages(items)[0].content == "\U0001fa81 \\ud800"


def test_a_mark_at_the_start_and_a_line_without_end(tmp_path: Path) -> None:
    items = read(tmp_path, b"\xef\xbb\xbf" + line(1).replace(b"\n", b"\r\n") + line(2).strip())
    assert [page.id for page in pages(items)] == ["r1", "r2"]


def test_the_longest_line_allowed(tmp_path: Path) -> None:
    exact = line(1)
    items = read(tmp_path, exact + line(2, more="x") + exact.strip(), max_bytes=len(exact) - 1)
    assert [page.locator for page in pages(items)] == ["x.jsonl:1", "x.jsonl:3"]
    assert items[1].detail == f"bytes={len(line(2, more='x')) - 1} limit={len(exact) - 1}"


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf"])
def test_no_record_at_all(tmp_path: Path, content: bytes) -> None:
    assert reasons(read(tmp_path, content)) == {"x.jsonl": "empty-file"}


LINES = [line(n, pad=os.urandom(60).hex()) for n in range(1, 2001)]
WHOLE = b"".join(LINES)
PACK = {
    "gz": gzip.compress,
    "zst": zstandard.compress,
    "bz2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
}


@pytest.mark.parametrize("suffix", PACK)
def test_compressed_in_one_or_more_members(tmp_path: Path, suffix: str) -> None:
    half = sum(map(len, LINES[:700])) + 5  # members end in the middle of lines
    for packed in (PACK[suffix](WHOLE), PACK[suffix](WHOLE[:half]) + PACK[suffix](b"") + PACK[suffix](WHOLE[half:])):
        for name in (f"x.jsonl.{suffix}", "x.jsonl"):  # the bytes decide, not the name
            items = read(tmp_path, packed, name)
            assert [item.id for item in items] == [f"r{n}" for n in range(1, 2001)]


def zstd_in_blocks(data: bytes) -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    pieces = [packer.compress(data[i : i + 4096]) + packer.flush(1) for i in range(0, len(data), 4096)]
    return b"".join(pieces) + packer.flush()


@pytest.mark.parametrize(("suffix", "slack"), [("gz", 8192), ("zst", 140_000), ("bz2", 110_000), ("xz", 8192)])
def test_what_comes_before_a_cut_is_kept(tmp_path: Path, suffix: str, slack: int) -> None:
    packed = zstd_in_blocks(WHOLE) if suffix == "zst" else PACK[suffix](WHOLE)
    items = read(tmp_path, packed[: len(packed) // 2], f"x.jsonl.{suffix}")
    kept = pages(items)
    assert [page.id for page in kept] == [f"r{n}" for n in range(1, len(kept) + 1)]
    assert sum(map(len, LINES[: len(kept)])) > len(WHOLE) // 2 - slack
    (failure,) = [item for item in items if isinstance(item, Failure)]
    assert (failure.reason, failure.id) == ("truncated-archive", f"s:x.jsonl.{suffix}")
    assert failure.detail.endswith(f"complete lines before that: {len(kept)}")


@pytest.mark.parametrize("suffix", PACK)
def test_a_cut_anywhere_is_noticed(tmp_path: Path, suffix: str) -> None:
    packed = PACK[suffix](b"".join(LINES[:5]))
    for end in range(10, len(packed), max(1, len(packed) // 40)):
        assert reasons(read(tmp_path, packed[:end], f"x.jsonl.{suffix}")) == {f"x.jsonl.{suffix}": "truncated-archive"}


def test_every_complete_line_before_a_cut_in_gzip(tmp_path: Path) -> None:
    import zlib

    packed = gzip.compress(WHOLE)[:60_000]
    sound = zlib.decompressobj(31).decompress(packed).count(b"\n")
    assert len(pages(read(tmp_path, packed, "x.jsonl.gz"))) == sound > 500


@pytest.mark.parametrize("suffix", PACK)
def test_garbage_after_the_end_is_noticed(tmp_path: Path, suffix: str) -> None:
    items = read(tmp_path, PACK[suffix](b"".join(LINES[:5])) + b"garbage", f"x.jsonl.{suffix}")
    assert len(pages(items)) == 5
    assert reasons(items) in ({f"x.jsonl.{suffix}": r} for r in ("corrupt-archive", "truncated-archive"))
    padded = read(tmp_path, PACK[suffix](b"".join(LINES[:5])) + bytes(512), f"x.jsonl.{suffix}")
    assert len(padded) == 5


def test_a_corrupt_member_ends_the_file_with_a_reason(tmp_path: Path) -> None:
    first, second = gzip.compress(b"".join(LINES[:1000])), bytearray(gzip.compress(b"".join(LINES[1000:])))
    second[len(second) // 2 : len(second) // 2 + 8] = b"\xff" * 8
    items = read(tmp_path, first + bytes(second), "x.jsonl.gz")
    assert len(pages(items)) >= 1000
    assert items[-1].reason == "corrupt-archive"


def test_plain_bytes_under_a_compressed_name(tmp_path: Path) -> None:
    assert reasons(read(tmp_path, WHOLE, "x.jsonl.gz")) == {"x.jsonl.gz": "corrupt-archive"}


OPEN: dict[str, Any] = {"gz": gzip.open, "zst": zstandard.open, "bz2": bz2.open, "xz": partial(lzma.open, preset=1)}


@pytest.mark.parametrize("suffix", PACK)
def test_a_bomb_does_not_fill_memory(tmp_path: Path, suffix: str) -> None:
    name = tmp_path / f"bomb.jsonl.{suffix}"
    with OPEN[suffix](name, "wb") as stream:
        stream.write(line(1) + b'{"text": "')
        for _ in range(150):
            stream.write(bytes(1 << 20))
        stream.write(b'"}\n' + line(3))
    config = source("jsonl", name.name, max_bytes=1_000_000)
    files = listed(tmp_path, config)
    tracemalloc.start()
    try:
        items = list(read_file(config, tmp_path, files[0]))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [page.id for page in pages(items)] == ["r1", "r3"]
    assert reasons(items) == {f"{name.name}:2": "too-large"}
    assert peak < 40_000_000


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(WHOLE)
    config = source("jsonl", "x.jsonl")
    (file,) = listed(tmp_path, config)
    reader = read_file(config, tmp_path, file)
    first = next(reader)
    path.write_bytes(WHOLE + line(9))
    items = [first, *reader]
    assert len(pages(items)) >= 2000
    assert (items[-1].reason, items[-1].id) == ("changed-while-reading", "s:x.jsonl")


def test_a_changed_archive_is_not_called_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(WHOLE))
    config = source("jsonl", "x.jsonl.gz")
    (file,) = listed(tmp_path, config)
    path.write_bytes(gzip.compress(WHOLE)[:-400])
    assert reasons(list(read_file(config, tmp_path, file))) == {"x.jsonl.gz": "changed-while-reading"}


def test_a_reader_may_be_left_early(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(WHOLE))
    config = source("jsonl", "x.jsonl.gz")
    reader = read_file(config, tmp_path, listed(tmp_path, config)[0])
    assert next(reader).id == "r1"
    reader.close()
    assert str(path) not in {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}  # noqa: PTH208


def test_keeps_the_lines_datatrove_loses(tmp_path: Path) -> None:
    import_module("m4corpus.datatrove")  # imports datatrove without touching the log
    from datatrove.pipeline.readers import JsonlReader

    folder = tmp_path / "in"
    folder.mkdir()
    bad = b'{"id": "bad", "text": "a\xffb"}\n'
    content = b"".join(LINES[:400]) + bad + b"".join(LINES[400:1000])
    (folder / "x.jsonl").write_bytes(content)
    theirs = {document.id for document in JsonlReader(str(folder)).run()}
    items = read(tmp_path, content)
    assert len(theirs) < 1000
    assert {page.id for page in pages(items)} == {f"r{n}" for n in range(1, 1001)}
    assert reasons(items) == {"x.jsonl:401": "invalid-utf8"}


def test_ids_of_two_sources_do_not_meet_unless_they_are_said_to(tmp_path: Path) -> None:
    (item,) = read_bytes(tmp_path, "a.jsonl", b'{"id": 7, "text": "words"}\n', format="jsonl", global_ids=False)
    assert item.id == "s:7"
    (item,) = read_bytes(tmp_path, "b.jsonl", b'{"id": 7, "text": "words"}\n', format="jsonl", global_ids=True)
    assert item.id == "7"


def test_a_file_that_grows_is_read_no_further_than_it_was_listed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "log.jsonl"
    path.write_bytes(b'{"id": 1, "text": "words"}\n')
    config = source("jsonl")
    (file,) = listed(tmp_path, config)
    with path.open("ab") as log:
        log.write(b'{"id": 2, "text": "more"}\n' * 100_000)
    items = list(read_file(config, tmp_path, file))
    assert [item.id for item in pages(items)] == ["1"]
    assert list(reasons(items).values())[-1] == "changed-while-reading"
