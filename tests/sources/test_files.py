from __future__ import annotations

import os
from pathlib import Path

import pytest
from sources_work import listed, pages, read, read_bytes, reasons, source

from m4corpus.sources.readers import Failure, read_file


def one(base: Path, content: bytes, **options: object) -> object:
    (item,) = read_bytes(base, "x.html", content, format="html", **options)
    return item


def test_a_page_is_delivered_untouched(tmp_path: Path) -> None:
    content = '<html lang="sw">\r\n<p>Kishada \u0301 \x07</p></html>\n'
    page = one(tmp_path, content.encode(), licence="CC0-1.0")
    assert page.content == content
    assert (page.id, page.source, page.locator) == ("s:x.html", "s", "x.html")
    assert (page.media_type, page.title, page.url, page.licence) == ("text/html", "", "", "CC0-1.0")
    assert (page.language_hint, page.hint_from) == ("sw", "attribute")


def test_plain_text_and_addresses(tmp_path: Path) -> None:
    (tmp_path / "in" / "sw").mkdir(parents=True)
    (tmp_path / "in" / "sw" / "tia ra.txt").write_text("<html lang=en> Tiara", encoding="utf-8")
    (page,) = read(tmp_path, source("text", url_prefix="https://example.org/a/"))
    assert (page.media_type, page.url) == ("text/plain", "https://example.org/a/sw/tia%20ra.txt")
    assert (page.language_hint, page.hint_from) == ("sw", "path")


@pytest.mark.parametrize("content", [b"", b" \n\t\r\n", b"\xef\xbb\xbf", "\u3000\u00a0".encode()])
def test_nothing_but_white_space(tmp_path: Path, content: bytes) -> None:
    item = one(tmp_path, content)
    assert isinstance(item, Failure)
    assert (item.reason, item.id, item.locator) == ("empty-file", "s:x.html", "x.html")


def test_invalid_utf8_names_the_byte(tmp_path: Path) -> None:
    item = one(tmp_path, b"<p>caf\xe9 con leche</p>")
    assert (item.reason, item.detail) == ("invalid-utf8", "byte 0xe9 at offset 6")
    entry = item.entry()
    assert (entry.outcome, entry.slug, entry.outputs) == ("failed", "invalid-utf8", 0)


def test_a_surrogate_in_utf8_is_invalid(tmp_path: Path) -> None:
    assert one(tmp_path, b"<p>\xed\xa0\x80</p>").reason == "invalid-utf8"


def test_fifty_megabytes_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "in" / "bomb.html"
    path.parent.mkdir()
    with path.open("wb") as stream:
        stream.truncate(50_000_000)
    files = listed(tmp_path, source("html"))
    monkeypatch.setattr("m4corpus.sources.streams.InputFile.readinto", lambda *_: pytest.fail("it was read"))
    (item,) = read_file(source("html"), tmp_path, files[0])
    assert (item.reason, item.detail) == ("too-large", "bytes=50000000 limit=20000000")


def test_the_limit_itself_is_allowed(tmp_path: Path) -> None:
    assert one(tmp_path, b"x" * 100, max_bytes=100).content == "x" * 100
    assert one(tmp_path, b"x" * 101, max_bytes=100).reason == "too-large"


def change(path: Path, how: str) -> None:
    if how == "gone":
        path.unlink()
    elif how == "folder":
        path.unlink()
        path.mkdir()
    elif how == "fifo":
        path.unlink()
        os.mkfifo(path)
    elif how == "folder-gone":
        path.unlink()
        path.parent.rmdir()
        path.parent.write_text("a file now")
    else:
        path.write_text({"same-size": "<p>two</p>", "longer": "<p>three</p>", "empty": ""}[how])


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("gone", "vanished"),
        ("folder-gone", "vanished"),
        ("folder", "not-a-file"),
        ("fifo", "not-a-file"),
        ("same-size", "changed-while-reading"),
        ("longer", "changed-while-reading"),
        ("empty", "changed-while-reading"),
    ],
)
def test_a_file_that_is_no_longer_what_was_listed(tmp_path: Path, how: str, reason: str) -> None:
    path = tmp_path / "in" / "sub" / "x.html"
    path.parent.mkdir(parents=True)
    path.write_text("<p>one</p>")
    config = source("html")
    files = listed(tmp_path, config)
    change(path, how)
    items = [item for file in files for item in read_file(config, tmp_path, file)]
    assert reasons(items) == {"sub/x.html": reason}
    assert not pages(items)
