"""The archive keeps responses as they came, in files that others read, whole records only."""

from __future__ import annotations

import gzip
import os
import resource
import socket
from pathlib import Path
from typing import Any

import pytest
from sources_work import pages, read, source

from m4corpus.crawl.archive import Archive, Place
from m4corpus.crawl.capture import Capture
from m4corpus.crawl.messages import Failed, Request, Response
from m4corpus.errors import IntegrityError

SENT = (("Host", "example.org"), ("User-Agent", "m4corpus/1 (me@example.org)"), ("Accept", "text/html"))
HTML = ("Content-Type", "text/html; charset=utf-8")


def asked(number: int = 0) -> Request:
    return Request("page", f"https://example.org/wiki/{number}?a=b", ("text/html", "application/xhtml+xml"))


def answer(body: bytes = b"<p>hello</p>", *headers: tuple[str, str], **changes: Any) -> Response:
    values = {"url": "https://example.org/wiki/0?a=b&maxlag=5", "status": 200, "fetched_at": "2025-04-30T12:00:00Z"}
    return Response(**{**values, "headers": headers or (HTML,), "body": body, **changes})


def fill(directory: Path, number: int, **options: Any) -> list[Place]:
    with Archive(directory, **options) as archive:
        return [archive.append(asked(i), answer(b"<p>body %d</p>" % i), SENT) for i in range(number)]


def scanned(directory: Path, after: Place | None = None) -> list[Capture]:
    with Archive(directory) as archive:
        return [capture for _, capture in archive.scan(after)]


def warcio_records(path: Path) -> list[Any]:
    """Type, headers, HTTP headers and raw body of every record; raises where a digest does not hold."""
    from warcio.archiveiterator import ArchiveIterator

    with path.open("rb") as stream:
        return [
            (record.rec_type, record.rec_headers, record.http_headers, record.raw_stream.read())
            for record in ArchiveIterator(stream, check_digests="raise")
        ]


RESPONSES = {
    "plain": answer(b"<p>hello</p>", HTML, ("Content-Length", "12")),
    "empty": answer(b"", ("Content-Length", "0")),
    "no headers": answer(b"x", ("X", "")),
    "chunked once": answer(b"<p>hello</p>", HTML, ("transfer-encoding", "chunked"), ("Server", "s")),
    "wrong length": answer(b"<p>hello</p>", ("Content-Length", "7"), HTML),
    "coded": answer(gzip.compress(b"<p>hello</p>" * 99, mtime=0), HTML, ("Content-Encoding", "gzip")),
    "binary": answer(bytes(range(256)) * 300, ("Content-Type", "image/png")),
    "like a head": answer(b"HTTP/1.1 404 Not Found\r\n\r\n\r\n\r\n", HTML),
    "repeated": answer(b"x", ("Set-Cookie", "a=1"), HTML, ("set-cookie", "b=2; Path=/")),
    "utf-8": answer(b"x", ("X-Title", "Тест é 日本"), HTML),
    "no utf-8": answer(b"x", ("X-Title", b"caf\xe9".decode("utf-8", "surrogateescape")), HTML),
    "http/2": answer(b"x", ("content-type", "text/html"), protocol="HTTP/2"),
    "http/1.0": answer(b"x", HTML, protocol="HTTP/1.0"),
    "unknown status": answer(b"x", HTML, status=599),
    "redirect": answer(b"", ("Location", "/there"), status=302),
    "elsewhere": answer(b"x", HTML, url="http://127.0.0.1:8080"),
}


@pytest.mark.parametrize("name", RESPONSES)
def test_a_response_comes_back_as_it_was(tmp_path: Path, name: str) -> None:
    response = RESPONSES[name]
    with Archive(tmp_path) as archive:
        place = archive.append(asked(), response, SENT)
        assert archive.read(place) == response
        assert archive.read(place, asked().key) == response
    request = asked()
    assert scanned(tmp_path) == [Capture(request.key, "page", request.url, request.accept, response)]


@pytest.mark.parametrize("name", RESPONSES)
def test_others_read_the_body_as_it_came(tmp_path: Path, name: str) -> None:
    from fastwarc.warc import ArchiveIterator

    with Archive(tmp_path) as archive:
        archive.append(asked(), RESPONSES[name], SENT)
    (info, _, _, _), (first, _, head, body), (second, _, _, _) = warcio_records(tmp_path / "00000.warc.gz")
    assert (info, first, second) == ("warcinfo", "response", "request")
    assert body == RESPONSES[name].body
    assert head.get_statuscode() == str(RESPONSES[name].status)
    with (tmp_path / "00000.warc.gz").open("rb") as stream:
        for record in ArchiveIterator(stream, parse_http=False):
            assert record.verify_block_digest()
            if record.headers["WARC-Type"] == "response":
                record.parse_http(auto_decode="none")
                assert record.http_headers.status_code == RESPONSES[name].status
                assert record.reader.read() == RESPONSES[name].body


def test_lengths_and_codings_that_no_longer_hold_go_by_another_name(tmp_path: Path) -> None:
    with Archive(tmp_path) as archive:
        archive.append(asked(), answer(b"abc", ("Transfer-Encoding", "chunked"), ("Content-Length", "99")), SENT)
        archive.append(asked(), answer(b"abc", ("Content-Length", "3")), SENT)
    heads = [head for type_, _, head, _ in warcio_records(tmp_path / "00000.warc.gz") if type_ == "response"]
    assert heads[0].headers == [("X-Crawler-Transfer-Encoding", "chunked"), ("X-Crawler-Content-Length", "99")]
    assert heads[1].headers == [("Content-Length", "3")]


def test_records_say_what_was_asked_and_what_was_sent(tmp_path: Path) -> None:
    with Archive(tmp_path, software="m4corpus/9") as archive:
        archive.append(asked(), answer(protocol="HTTP/2"), SENT)
        archive.append(asked(1), answer(), ((":method", "GET"), ("Accept", "*/*")))
    info, response, request, _, bare = warcio_records(tmp_path / "00000.warc.gz")
    assert b"software: m4corpus/9\r\n" in info[3]
    assert response[1].protocol == "WARC/1.1"
    fields = dict(response[1].headers)
    assert fields["WARC-Target-URI"] == "https://example.org/wiki/0?a=b&maxlag=5"
    assert fields["WARC-Date"] == "2025-04-30T12:00:00Z"
    assert fields["WARC-Protocol"] == "h2"
    assert fields["M4-Request-Key"] == asked().key
    assert fields["M4-Request-Kind"] == "page"
    assert fields["M4-Request-URL"] == "https://example.org/wiki/0?a=b"
    assert fields["M4-Request-Accept"] == "text/html,application/xhtml+xml"
    assert request[1].get_header("WARC-Concurrent-To") == fields["WARC-Record-ID"]
    assert request[2].protocol == "GET"
    assert request[2].statusline == "/wiki/0?a=b&maxlag=5 HTTP/1.1"
    assert request[2].headers == list(SENT)
    assert bare[2].headers == [("Host", "example.org"), ("Accept", "*/*")]


def test_nothing_tells_of_the_machine(tmp_path: Path) -> None:
    fill(tmp_path / "warc", 2)
    content = gzip.decompress((tmp_path / "warc/00000.warc.gz").read_bytes())
    assert socket.gethostname().encode() not in content
    assert str(tmp_path).encode() not in content


def test_a_header_cannot_begin_another(tmp_path: Path) -> None:
    with Archive(tmp_path) as archive:
        place = archive.append(asked(), answer(b"x", ("X", "a\r\nEvil: b")), (("Y", "c\nEvil: d"),))
        assert archive.read(place).headers == (("X", "a  Evil: b"),)
    assert all(head is None or head.get_header("Evil") is None for _, _, head, _ in warcio_records(archive.path(0)))


def test_the_read_stage_reads_it(tmp_path: Path) -> None:
    fill(tmp_path / "in", 3)
    with Archive(tmp_path / "in") as archive:
        archive.append(asked(3), RESPONSES["chunked once"], SENT)
        archive.append(asked(4), RESPONSES["coded"], SENT)
        archive.append_failure(asked(5), Failed("connection"))
    found = [page.content for page in pages(read(tmp_path, source("warc", "in")))]
    assert found == [f"<p>body {i}</p>" for i in range(3)] + ["<p>hello</p>", "<p>hello</p>" * 99]


def test_a_verdict_is_kept(tmp_path: Path) -> None:
    failed = Failed("timeout", "read: no byte in 30 s\r\nagain é", transient=True)
    with Archive(tmp_path) as archive:
        place = archive.append_failure(asked(), failed)
        with pytest.raises(IntegrityError, match="another record"):
            archive.read(place)
    (capture,) = scanned(tmp_path)
    assert (capture.key, capture.kind, capture.url) == (asked().key, "page", asked().url)
    assert capture.response is None
    assert capture.failed is not None
    verdict = capture.failed
    assert (verdict.slug, verdict.detail, verdict.transient) == (failed.slug, failed.detail, True)


def test_files_are_rotated_and_gone_on_with(tmp_path: Path) -> None:
    first = fill(tmp_path, 10, rotate=3000)
    again = fill(tmp_path, 10, rotate=3000)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"{i:05d}.warc.gz" for i in range(len(names))]
    assert len(names) > 3
    assert [*first, *again] == sorted({*first, *again})
    for path in tmp_path.iterdir():
        assert warcio_records(path)[0][0] == "warcinfo"
        assert path.stat().st_size < 5000
    assert len(scanned(tmp_path)) == 20
    with Archive(tmp_path) as archive:
        assert [archive.read(place).body for place in again] == [b"<p>body %d</p>" % i for i in range(10)]


def test_scanning_begins_behind_a_place(tmp_path: Path) -> None:
    places = fill(tmp_path, 10, rotate=3000)
    for number, place in enumerate(places):
        bodies = [capture.response.body for capture in scanned(tmp_path, place) if capture.response]
        assert bodies == [b"<p>body %d</p>" % i for i in range(number + 1, 10)]
    with Archive(tmp_path) as archive:
        assert list(archive.scan(archive.end)) == []


def test_a_large_body(tmp_path: Path) -> None:
    body = os.urandom(5_000_000) + bytes(5_000_000)
    with Archive(tmp_path) as archive:
        place = archive.append(asked(), answer(body), SENT)
        archive.append(asked(1), answer(), SENT)
        assert archive.read(place).body == body
    assert [c.response.body for c in scanned(tmp_path) if c.response] == [body, answer().body]


def test_what_was_appended_outlives_the_process(tmp_path: Path) -> None:
    process = os.fork()
    if not process:
        archive = Archive(tmp_path)
        archive.append(asked(), answer(), SENT)
        os.kill(os.getpid(), 9)
    os.waitpid(process, 0)
    assert len(scanned(tmp_path)) == 1


def test_cut_at_every_byte_of_the_last_exchange(tmp_path: Path) -> None:
    fill(tmp_path / "whole", 3)
    first, second, third = [place for place, _ in Archive(tmp_path / "whole").scan()]
    content = (tmp_path / "whole/00000.warc.gz").read_bytes()
    # Up to where the records end: of the request before it, the response itself, and its request.
    ends = [second.end, third.offset, third.end, len(content)]
    directory = tmp_path / "cut"
    directory.mkdir()
    path = directory / "00000.warc.gz"
    for size in range(second.end, len(content) + 1):
        path.write_bytes(content[:size])
        kept = 3 if size >= third.end else 2
        assert len(scanned(directory)) == kept
        # Going on writes through to the disk, which takes its time: near the ends, and now and then.
        if min(abs(size - end) for end in ends) > 12 and size % 16:
            continue
        sound = max(end for end in ends if end <= size)
        with Archive(directory) as archive:
            assert archive.repair(first) == size - sound
            assert archive.append(asked(9), answer(b"new"), SENT).offset == sound
        assert sum(type_ == "response" for type_, *_ in warcio_records(path)) == kept + 1
        bodies = [c.response.body for c in scanned(directory) if c.response]
        assert bodies == [b"<p>body %d</p>" % i for i in range(kept)] + [b"new"]


def test_a_file_cut_in_its_first_record_begins_anew(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    path = tmp_path / "00000.warc.gz"
    for size in (0, 5, 100):
        os.truncate(path, size)
        assert scanned(tmp_path) == []
        fill(tmp_path, 1)
        assert [type_ for type_, *_ in warcio_records(path)] == ["warcinfo", "response", "request"]


def test_repairing_needs_no_call(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    path = tmp_path / "00000.warc.gz"
    os.truncate(path, path.stat().st_size - 1)
    fill(tmp_path, 1)
    assert len(scanned(tmp_path)) == 3
    assert len(warcio_records(path)) == 1 + 2 + 1 + 2


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    _, place, _ = fill(tmp_path, 3)
    path = tmp_path / "00000.warc.gz"
    content = path.read_bytes()
    # Deflate leaves bits of its last byte unused, before the eight bytes of checksum and length.
    for offset in set(range(place.offset, place.end)) - {place.end - 9}:
        path.write_bytes(content[:offset] + bytes([content[offset] ^ 0x10]) + content[offset + 1 :])
        with Archive(tmp_path) as archive:
            with pytest.raises(IntegrityError, match=rf"00000\.warc\.gz is damaged at offset {place.offset}:"):
                archive.read(place)
            with pytest.raises(IntegrityError, match=rf"00000\.warc\.gz is damaged at offset {place.offset}:"):
                list(archive.scan())
            with pytest.raises(IntegrityError, match=f"offset {place.offset}:"):
                archive.repair()
        assert path.stat().st_size == len(content), "damage that is no torn end must not be cut away"


def test_content_that_was_exchanged_is_found(tmp_path: Path) -> None:
    """A record that was altered and packed anew, checksum and all, does not match its digests."""
    from m4corpus.crawl.members import gzip_member, next_member

    (place,) = fill(tmp_path, 1)
    path = tmp_path / "00000.warc.gz"
    with path.open("rb") as file:
        record, _ = next_member(file.fileno(), place.offset)
    content = path.read_bytes()
    for old, new in ((b"body 0", b"Body 0"), (b"text/html; charset", b"text/HTML; charset")):
        assert old in record
        changed = gzip_member(record.replace(old, new))
        path.write_bytes(content[: place.offset] + changed + content[place.end :])
        with Archive(tmp_path) as archive, pytest.raises(IntegrityError, match="content differs from its WARC-"):
            archive.read(Place(0, place.offset, len(changed)))


def test_a_place_that_holds_something_else(tmp_path: Path) -> None:
    first, second = fill(tmp_path, 2)
    with Archive(tmp_path) as archive:
        with pytest.raises(IntegrityError, match="another record lies there"):
            archive.read(first, asked(1).key)
        with pytest.raises(IntegrityError, match=f"offset {second.offset + 1}"):
            archive.read(Place(0, second.offset + 1, second.length))
        with pytest.raises(IntegrityError, match=f"offset {first.offset}"):
            archive.read(Place(0, first.offset, second.end - first.offset))
        with pytest.raises(IntegrityError, match="another record lies there"):
            archive.read(Place(0, 0, first.offset))
        with pytest.raises(IntegrityError, match="the file is missing"):
            archive.read(Place(7, 0, 10))


def test_an_archive_shorter_than_known_is_damaged(tmp_path: Path) -> None:
    *_, last = fill(tmp_path, 3)
    os.truncate(tmp_path / "00000.warc.gz", last.end - 1)
    with Archive(tmp_path) as archive, pytest.raises(IntegrityError, match="the file ends before that"):
        archive.repair(last)
    with Archive(tmp_path / "gone") as archive, pytest.raises(IntegrityError, match="the file ends before that"):
        archive.repair(last)


def test_a_file_torn_in_the_middle_of_an_archive_is_damaged(tmp_path: Path) -> None:
    fill(tmp_path, 10, rotate=3000)
    path = tmp_path / "00000.warc.gz"
    os.truncate(path, path.stat().st_size - 1)
    with Archive(tmp_path) as archive, pytest.raises(IntegrityError, match=r"00000\.warc\.gz is damaged"):
        list(archive.scan())


def test_a_refused_write_leaves_nothing_behind(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    archive = Archive(tmp_path)
    archive.append(asked(1), answer(), SENT)
    size = (tmp_path / "00000.warc.gz").stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            archive.append(asked(2), answer(os.urandom(5000)), SENT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "00000.warc.gz").stat().st_size == size
    archive.append(asked(3), answer(b"after"), SENT)
    archive.close()
    assert [c.key for c in scanned(tmp_path)] == [asked(0).key, asked(1).key, asked(3).key]


def test_nothing_is_made_by_reading(tmp_path: Path) -> None:
    with Archive(tmp_path / "none") as archive:
        assert list(archive.scan()) == []
        assert archive.repair() == 0
        assert archive.end == Place(0, 0, 0)
    assert not (tmp_path / "none").exists()
