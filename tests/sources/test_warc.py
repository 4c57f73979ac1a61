from __future__ import annotations

import gzip
import http.server
import shutil
import subprocess
import threading
import tracemalloc
import zlib
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from sources_work import listed, pages, read, read_bytes, reasons, source

from m4corpus.sources.readers import Failure, read_file

HTML = b"Content-Type: text/html; charset=utf-8\r\n"


def record(payload: bytes, number: int = 1, kind: bytes = b"response", **headers: str) -> bytes:
    fields = {
        "WARC-Record-ID": f"<urn:uuid:{number}>",
        "WARC-Date": "2026-01-01T00:00:00Z",
        "WARC-Target-URI": f"https://example.org/{number}",
        "Content-Type": "application/http; msgtype=response",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = [b"WARC/1.1", b"WARC-Type: " + kind, *(f"{k}: {v}".encode() for k, v in fields.items() if v)]
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(payload), b"", payload]) + b"\r\n\r\n"


def response(body: bytes, number: int = 1, head: bytes = HTML, status: bytes = b"200 OK", **headers: str) -> bytes:
    return record(b"HTTP/1.1 " + status + b"\r\n" + head + b"\r\n" + body, number, **headers)


def read_warc(base: Path, content: bytes, name: str = "x.warc", **options: Any) -> list[Any]:
    return read_bytes(base, name, content, format="warc", **options)


def test_a_response_becomes_a_page(tmp_path: Path) -> None:
    body = b'<html lang="ga"><p>eitleog</p>'
    (page,) = read_warc(tmp_path, response(body, 5, WARC_Truncated="length"), licence="CC0-1.0")
    assert (page.id, page.locator, page.url) == ("s:urn:uuid:5", "x.warc#1", "https://example.org/5")
    assert (page.content, page.media_type) == (body.decode(), "text/html")
    assert (page.language_hint, page.hint_from, page.fetched_at) == ("ga", "attribute", "2026-01-01T00:00:00Z")
    assert (page.licence, page.metadata) == ("CC0-1.0", {"warc-truncated": "length"})


def test_every_other_capture_is_dropped_by_a_rule(tmp_path: Path) -> None:
    content = b"".join(
        [
            record(b"software: x\r\n", 1, b"warcinfo", Content_Type="application/warc-fields"),
            record(b"GET / HTTP/1.1\r\n\r\n", 2, b"request"),
            response(b"<p>moved", 3, status=b"301 Moved"),
            response(b"\x89PNG", 4, b"Content-Type: image/png\r\n"),
            record(b"", 5, b"revisit"),
            record(b"log", 6, b"resource", Content_Type="text/plain"),
            record(b"fetchTimeMs: 1", 7, b"metadata", Content_Type="application/warc-fields"),
            record(b"dns", 8, Content_Type="text/dns"),
            response(b"<p>x", 9, b"Content-Type: application/xhtml+xml\r\n"),
            record(b"<p>resource", 10, b"resource", Content_Type="text/html"),
            record(b"Maandishi", 11, b"conversion", Content_Type="text/plain"),
        ]
    )
    items = read_warc(tmp_path, content)
    assert [page.media_type for page in pages(items)] == ["application/xhtml+xml", "text/html", "text/plain"]
    assert reasons(items) == {
        "x.warc#3": "http-status",
        "x.warc#4": "not-html",
        "x.warc#5": "not-a-capture",
        "x.warc#6": "not-html",
        "x.warc#8": "not-html",
    }
    assert {item.entry().outcome for item in items if isinstance(item, Failure)} == {"dropped"}


def test_a_bad_response_costs_no_other(tmp_path: Path) -> None:
    content = b"".join(
        [
            response(b"<p>one", 1),
            response(b"<p>caf\xe9", 2),
            response(b" ", 3),
            record(b"no http at all\r\n\r\nx", 4),
            response(b"<p>" + b"x" * 1000, 5),
            response(b"no gzip", 6, HTML + b"Content-Encoding: deflate\r\n"),
            response(b"x", 7, HTML + b"Content-Encoding: compress\r\n"),
            response(b"<p>eight", 8),
        ]
    )
    items = read_warc(tmp_path, content, max_bytes=500)
    assert [page.id for page in pages(items)] == ["s:urn:uuid:1", "s:urn:uuid:8"]
    assert reasons(items) == {
        "x.warc#2": "invalid-utf8",
        "x.warc#3": "empty-text",
        "x.warc#4": "bad-http",
        "x.warc#5": "too-large",
        "x.warc#6": "bad-encoding",
        "x.warc#7": "unsupported-encoding",
    }


BODY = "<p>Ein Drachen über den Hügeln</p>".encode()
CHUNKED = b"5\r\n%b\r\n%X;x=y\r\n%b\r\n0\r\n\r\n" % (BODY[:5], len(BODY[5:]), BODY[5:])


def brotli(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "brotli") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("body", "head"),
    [
        (gzip.compress(BODY), b"Content-Encoding: gzip\r\n"),
        (zlib.compress(BODY), b"Content-Encoding: deflate\r\n"),
        (raw_deflate(BODY), b"Content-Encoding: deflate\r\n"),
        (brotli(BODY), b"Content-Encoding: br\r\n"),
        (zstandard.compress(BODY), b"Content-Encoding: zstd\r\n"),
        (BODY, b"Content-Encoding: gzip\r\n"),
        (CHUNKED, b"Transfer-Encoding: chunked\r\n"),
        (BODY, b"Transfer-Encoding: chunked\r\n"),
    ],
    # A name made of the bytes would hold the time at which gzip wrote its header, and differ between processes.
    ids=["gzip", "deflate", "raw-deflate", "brotli", "zstd", "not-gzip", "chunked", "not-chunked"],
)
def test_bodies_are_decoded(tmp_path: Path, body: bytes, head: bytes) -> None:
    (page,) = read_warc(tmp_path, response(body, head=HTML + head))
    assert page.content == BODY.decode()


def test_http_names_the_charset(tmp_path: Path) -> None:
    head = b"Content-Type: text/html; charset=windows-1251\r\n"
    (page,) = read_warc(tmp_path, response("<meta charset=utf-8>змей".encode("cp1251"), head=head))
    assert page.content.endswith("змей")


@pytest.mark.parametrize("pack", [gzip.compress, brotli, zstandard.compress])
def test_a_bomb_in_a_body(tmp_path: Path, pack: Any) -> None:
    coding = {gzip.compress: b"gzip", brotli: b"br"}.get(pack, b"zstd")
    body = pack(b"<p>" + bytes(300_000_000))
    (tmp_path / "x.warc").write_bytes(response(body, head=HTML + b"Content-Encoding: " + coding + b"\r\n"))
    config = source("warc", "x.warc", max_bytes=1_000_000)
    (file,) = listed(tmp_path, config)
    del body
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        items = list(read_file(config, tmp_path, file))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reasons(items) == {"x.warc#1": "too-large"}
    assert peak < 60_000_000
    assert pa.total_allocated_bytes() - before < 60_000_000


def test_ids_without_a_record_id(tmp_path: Path) -> None:
    nameless = response(b"<p>a", 1, WARC_Record_ID="")
    items = read_warc(tmp_path, nameless + response(b"<p>b", 2, WARC_Record_ID="", WARC_Target_URI=""))
    assert [page.id for page in items] == ["s:https://example.org/1 2026-01-01T00:00:00Z", "s:x.warc#2"]


THREE = [response(f"<p>page {n}".encode(), n) for n in (1, 2, 3)]


def test_a_cut_anywhere_is_noticed(tmp_path: Path) -> None:
    whole = b"".join(THREE)
    for end in range(1, len(whole)):
        items = read_warc(tmp_path, whole[:end])
        complete = end // len(THREE[0])
        if end % len(THREE[0]) == 0:
            assert len(items) == complete
        else:
            # A page is whole when only the blank lines after it are missing.
            assert complete <= len(pages(items)) <= complete + 1
            assert items[-1].id == "s:x.warc"
            assert items[-1].reason in ("truncated-archive", "corrupt-warc")


def test_a_cut_in_a_record_that_is_no_input_is_noticed(tmp_path: Path) -> None:
    info = record(b"software: x\r\n" * 20, 1, b"warcinfo", Content_Type="application/warc-fields")
    cut = info[: info.index(b"\r\n\r\n") + 4]  # ends as a record does
    assert reasons(read_warc(tmp_path, cut)) == {"x.warc": "truncated-archive"}


def test_compressed_records_and_a_cut_among_them(tmp_path: Path) -> None:
    packed = [gzip.compress(part) for part in THREE]
    assert len(pages(read_warc(tmp_path, b"".join(packed), "x.warc.gz"))) == 3
    assert len(pages(read_warc(tmp_path, zstandard.compress(b"".join(THREE)), "x.warc.zst"))) == 3
    items = read_warc(tmp_path, b"".join(packed)[:-20], "x.warc.gz")
    assert [page.id for page in pages(items)][:2] == ["s:urn:uuid:1", "s:urn:uuid:2"]
    assert reasons(items) == {"x.warc.gz": "truncated-archive"}
    damaged = packed[0] + packed[1][:30] + b"\xff\xff" + packed[1][32:] + packed[2]
    items = read_warc(tmp_path, damaged, "x.warc.gz")
    assert pages(items)[0].id == "s:urn:uuid:1"
    assert reasons(items) == {"x.warc.gz": "corrupt-archive"}


@pytest.mark.parametrize(("content", "reason"), [(b"", "empty-file"), (b"hello world", "corrupt-warc")])
def test_no_warc(tmp_path: Path, content: bytes, reason: str) -> None:
    assert reasons(read_warc(tmp_path, content)) == {"x.warc": reason}


def test_garbage_between_records(tmp_path: Path) -> None:
    items = read_warc(tmp_path, THREE[0] + b"garbage\r\n\r\n" + THREE[1])
    assert [page.id for page in pages(items)] == ["s:urn:uuid:1"]
    assert reasons(items) == {"x.warc": "corrupt-warc"}


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.mark.skipif(shutil.which("wget") is None, reason="wget is not installed")
def test_what_common_crawl_publishes_is_found_and_read(tmp_path: Path) -> None:
    """Pages and texts, a gzip member for every record; the files of metadata are not taken."""
    (tmp_path / "in").mkdir()
    info = record(b"isPartOf: CC-MAIN\r\n", 0, b"warcinfo", Content_Type="application/warc-fields")
    found = {
        "CC-MAIN-1-00000.warc.gz": [info, record(b"GET /", 1, b"request"), response(b"<p>ukurasa", 2)],
        "CC-MAIN-1-00000.warc.wet.gz": [
            info,
            record("Maandishi ŋ".encode(), 3, b"conversion", Content_Type="text/plain"),
        ],
        "CC-MAIN-1-00000.warc.wat.gz": [info, record(b"{}", 4, b"metadata", Content_Type="application/json")],
    }
    for name, records in found.items():
        (tmp_path / "in" / name).write_bytes(b"".join(gzip.compress(one) for one in records))
    items = read(tmp_path, source("warc"))
    assert [(page.content, page.media_type) for page in pages(items)] == [
        ("<p>ukurasa", "text/html"),
        ("Maandishi ŋ", "text/plain"),
    ]
    assert len(items) == 2


def test_what_wget_writes(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text('<html lang="sw"><a href="b.html">b</a><img src="c.png"><a href="none.html">n</a>')
    (site / "b.html").write_text('<meta charset="utf-8"><p>Tiara ya pili', encoding="utf-8")
    (site / "c.png").write_bytes(b"\x89PNG")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        root = f"http://127.0.0.1:{server.server_port}/"
        command = ["wget", "--no-config", "--no-proxy", "-q", "-r", "-p", "--warc-file", "w", "-P", "mirror", root]
        subprocess.run(command, cwd=tmp_path, check=False, timeout=60)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    items = read(tmp_path, source("warc", "w.warc.gz"))
    found = {page.url.removeprefix(root): page for page in pages(items)}
    assert set(found) == {"", "b.html"}
    assert found[""].content == (site / "index.html").read_text()
    assert found[""].language_hint == "sw"
    assert {item.reason for item in items if isinstance(item, Failure)} == {"http-status", "not-html"}
