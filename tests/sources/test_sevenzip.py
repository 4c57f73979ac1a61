from __future__ import annotations

import hashlib
import io
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import py7zr
import pytest
from dump_work import dump, opening, page, revision
from sources_work import listed, pages, read_bytes, reasons, source

from m4corpus.sources import sevenzip
from m4corpus.sources.readers import read_file

NAME = "frwiki-20260101-pages-meta-history1.xml-p1p812.7z"
LZMA, LZMA2 = ({"id": kind, "preset": 0} for kind in (py7zr.FILTER_LZMA, py7zr.FILTER_LZMA2))
AES = {"id": py7zr.FILTER_CRYPTO_AES256_SHA256}


def packed(*contents: str, filters: list[dict[str, Any]] | None = None, **options: Any) -> bytes:
    sink = io.BytesIO()
    with py7zr.SevenZipFile(sink, "w", filters=filters or [LZMA], **options) as archive:
        for number, content in enumerate(contents):
            archive.writestr(content, f"{number}.xml")
    return sink.getvalue()


def read_packed(base: Path, content: bytes, name: str = NAME, **options: Any) -> list[Any]:
    return read_bytes(base, name, content, format="dump", **options)


@pytest.mark.parametrize("filter", [LZMA, LZMA2])
@pytest.mark.parametrize("encoded", [True, False])
def test_a_packed_dump_reads_as_the_dump(tmp_path: Path, filter: dict[str, Any], encoded: bool) -> None:
    content = dump(*(page(n, f"P{n}", revision(f"Texte {n} " * 500)) for n in range(200)))
    sink = io.BytesIO()
    with py7zr.SevenZipFile(sink, "w", filters=[filter]) as archive:
        archive.set_encoded_header_mode(encoded)
        archive.writestr(content, "x.xml")
    items = read_packed(tmp_path, sink.getvalue())
    assert [found.title for found in pages(items)] == [f"P{n}" for n in range(200)]
    plain = read_bytes(tmp_path, "frwiki-x.xml", content.encode(), format="dump")
    assert [(found.id, found.content) for found in pages(items)] == [
        (found.id, found.content) for found in pages(plain)
    ]
    assert len(items) == 200


def test_parts_of_a_history_are_found_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in (NAME, "frwiki-20260101-pages-meta-history.xml.7z", "other.7z"):
        (tmp_path / "in" / name).write_bytes(packed(dump(page(1, "A"))))
    assert len(listed(tmp_path, source("dump"))) == 2


def test_of_a_history_the_newest_revision_counts_and_no_more_is_held(tmp_path: Path) -> None:
    rng = random.Random(1)
    text = "".join(f"{rng.getrandbits(64):x} " for _ in range(12_000))

    def history() -> Iterator[str]:
        for number in range(60):
            year = 2000 + (number * 7 + 3) % 60  # the newest is neither the first nor the last
            yield revision(f"{year} {text}", year, f"{year}-01-01T00:00:00Z")

    content = packed(opening() + page(1, "Histoire", *history()) + "</mediawiki>")
    (tmp_path / NAME).write_bytes(content)
    config = source("dump", NAME)
    (file,) = listed(tmp_path, config)
    tracemalloc.start()
    (found,) = read_file(config, tmp_path, file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.revision == "2059"  # type: ignore[union-attr]
    assert found.content.startswith("2059 ")  # type: ignore[union-attr]
    assert 60 * len(text) > 12_000_000
    assert peak < 15 * len(text)


def test_a_bomb_is_unpacked_no_further_than_it_is_read(tmp_path: Path) -> None:
    content = packed(dump(page(1, "Bombe", revision("x" * 30_000_000)), page(2, "Après")))
    (tmp_path / NAME).write_bytes(content)
    config = source("dump", NAME, max_bytes=100_000)
    (file,) = listed(tmp_path, config)
    tracemalloc.start()
    items = list(read_file(config, tmp_path, file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [found.title for found in pages(items)] == ["Après"]
    assert list(reasons(items).values()) == ["too-large"]
    assert peak < 2_000_000


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (lambda: packed(dump(), dump()), "files=2"),
        (lambda: packed(dump(page(1, "A")), filters=[{"id": py7zr.FILTER_X86}, LZMA2]), "filters=2"),
        (lambda: packed(dump(page(1, "A")), filters=[{"id": py7zr.FILTER_ZSTD, "level": 3}]), "not LZMA"),
        (lambda: packed(dump(page(1, "A")), filters=[LZMA, AES], password="x"), "filters=2"),
        (lambda: packed(), "holds no file"),
    ],
)
def test_archives_of_other_kinds_are_refused_by_name(tmp_path: Path, content: Any, detail: str) -> None:
    (failure,) = read_packed(tmp_path, content())
    assert failure.reason == "unsupported-archive"
    assert detail in failure.detail


def test_too_large_a_dictionary_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(dump(page(1, "A")))
    monkeypatch.setattr(sevenzip, "_MAX_DICTIONARY", 1 << 9)
    (failure,) = read_packed(tmp_path, content)
    assert (failure.reason, "dictionary=" in failure.detail) == ("unsupported-archive", True)


def test_damage_is_found_and_costs_nothing_before_it(tmp_path: Path) -> None:
    rng = random.Random(1)
    made = (page(n, f"P{n}", revision(f"{rng.getrandbits(20_000):x}")) for n in range(100))
    content = packed(dump(*made))
    whole = read_packed(tmp_path, content)
    assert len(pages(whole)) == 100
    middle = len(content) // 2
    for damaged, reason, least in (
        (content[:middle], "truncated-archive", 0),
        (content[:20], "truncated-archive", 0),
        (content[:6] + b"\0" * 40, "corrupt-archive", 0),
        (b"<mediawiki/>", "corrupt-archive", 0),
        (content[:-3] + b"abc", "corrupt-archive", 0),
    ):
        items = read_packed(tmp_path, damaged)
        assert reasons(items)[NAME] == reason, damaged[:10]
        assert len(pages(items)) >= least
    broken = content[:middle] + bytes(byte ^ 0x55 for byte in content[middle : middle + 50]) + content[middle + 50 :]
    items = read_packed(tmp_path, broken)
    assert len(pages(items)) > 20
    assert {item.locator for item in items if item not in whole} >= {NAME}


def test_no_damaged_directory_is_taken_for_bad_luck(tmp_path: Path) -> None:
    """Whatever the bytes, an archive fails by name."""
    content = packed(dump(page(1, "A")))
    rng = random.Random(3)
    for _ in range(200):
        size = rng.randrange(1, 60)
        directory = bytes([1, 4, 6]) + rng.randbytes(size) if rng.random() < 0.5 else rng.randbytes(size)
        start = (len(content) - 32).to_bytes(8, "little") + len(directory).to_bytes(8, "little")
        start += sevenzip.zlib.crc32(directory).to_bytes(4, "little")
        head = content[:8] + sevenzip.zlib.crc32(start).to_bytes(4, "little") + start
        (failure,) = read_packed(tmp_path, head + content[32:] + directory)
        assert failure.reason in ("corrupt-archive", "unsupported-archive", "truncated-archive")


def test_offsets_beyond_any_file_and_directories_in_themselves(tmp_path: Path) -> None:
    def archive(directory: bytes, between: bytes = b"", offset: int | None = None) -> bytes:
        at = len(between) if offset is None else offset
        start = at.to_bytes(8, "little") + len(directory).to_bytes(8, "little")
        start += sevenzip.zlib.crc32(directory).to_bytes(4, "little")
        crc = sevenzip.zlib.crc32(start).to_bytes(4, "little")
        return sevenzip.MAGIC + b"\0\4" + crc + start + between + directory

    def directory(kind: bytes, offset: int, packed: int, unpacked: int) -> bytes:
        at = b"\xff" + offset.to_bytes(8, "little")
        coder = b"\x01\x21\x21\x01\x00"
        sizes = b"\x01\x09%c\x00\x07\x0b\x01\x00%s\x0c%c\x00\x00" % (packed, coder, unpacked)
        return kind + b"\x06" + at + sizes

    size = len(directory(b"\x17", 0, 1, 1))
    itself = directory(b"\x17", 0, size + 4, size)
    stored = b"\x01" + (size - 1).to_bytes(2, "big") + itself + b"\x00"
    for content, reason in (
        (archive(itself, stored), "unsupported-archive"),
        (archive(b"x", offset=2**64 - 33), "truncated-archive"),
        (archive(directory(b"\x01\x04", 2**64 - 1, 4, 4)), "truncated-archive"),
    ):
        (failure,) = read_packed(tmp_path, content)
        assert failure.reason == reason


def test_an_archive_that_changed(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(packed(dump(page(1, "A"))))
    config = source("dump", NAME)
    (file,) = listed(tmp_path, config)
    path.write_bytes(packed(dump(page(1, "B"))))
    assert hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256
    assert list(reasons(list(read_file(config, tmp_path, file))).values()) == ["changed-while-reading"]
