from __future__ import annotations

import bz2
import gzip
import hashlib
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import zstandard
from dump_work import dump, page, revision, siteinfo
from sources_work import listed, pages, read, read_bytes, reasons, source

from m4corpus.errors import UserError
from m4corpus.sources.readers import Failure

NAME = "frwiki-20260101-pages-articles.xml"


def read_dump(base: Path, content: str | bytes, name: str = NAME, **options: Any) -> list[Any]:
    data = content.encode() if isinstance(content, str) else content
    return read_bytes(base, name, data, format="dump", **options)


def failures(items: list[Any]) -> list[Failure]:
    return [item for item in items if isinstance(item, Failure)]


def test_an_article_becomes_a_page_under_m4rags_own_id(tmp_path: Path) -> None:
    (found,) = read_dump(tmp_path, dump(page(12, "Crêpe & cidre", revision("'''Crêpe''' < galette", 345))))
    assert found.id == hashlib.md5(b"12_fr").hexdigest()
    assert (found.locator, found.title) == (f"{NAME}#12", "Crêpe & cidre")
    assert (found.content, found.media_type) == ("'''Crêpe''' < galette", "text/x-wiki")
    assert found.url == "https://fr.wikipedia.org/wiki/Cr%C3%AApe_%26_cidre"
    assert (found.revision, found.fetched_at) == ("345", "2026-01-02T03:04:05Z")
    assert (found.language_hint, found.hint_from, found.licence) == ("fr", "field", "CC-BY-SA-4.0")
    assert found.metadata == {"namespaces.-2": "Média", "namespaces.6": "Fichier", "namespaces.14": "Catégorie"}


def test_every_other_page_is_dropped_by_a_rule_or_fails_for_a_reason(tmp_path: Path) -> None:
    content = dump(
        page(1, "Kept"),
        page(2, "Old name", revision("#REDIRECTION [[Kept]]"), redirect="Kept"),
        page(3, "Discussion:Kept", ns=1),
        page(4, "Style", revision("a {}", model="css")),
        page(5, "Hidden", revision("", more=' deleted="deleted"')),
        page(6, "Blank", revision(" \n")),
        page(7, "Long", revision("é" * 600)),
        page(8, "No revision", " "),
        page(9, "Older schema", revision("#redirect [[Kept|x]]")),
        page(0, "").replace("<id>0</id>", "", 1),
    )
    items = read_dump(tmp_path, content, max_bytes=1000)
    assert [found.title for found in pages(items)] == ["Kept"]
    assert [(f.locator.partition("#")[2], f.outcome, f.reason) for f in failures(items)] == [
        ("2", "dropped", "redirect"),
        ("3", "dropped", "namespace"),
        ("4", "dropped", "content-model"),
        ("5", "dropped", "deleted-text"),
        ("6", "failed", "empty-text"),
        ("7", "failed", "too-large"),
        ("8", "failed", "empty-text"),
        ("9", "dropped", "redirect"),
        ("", "failed", "bad-page"),
    ]
    assert failures(items)[0].detail == "target=Kept"


def test_namespaces_are_an_option_of_dumps_only(tmp_path: Path) -> None:
    content = dump(page(1, "Kept"), page(3, "Discussion:Kept", ns=1))
    assert [found.title for found in pages(read_dump(tmp_path, content, namespaces=[1]))] == ["Discussion:Kept"]
    with pytest.raises(ValueError, match="namespaces are for"):
        source("html", namespaces=[1])


def test_the_latest_revision_counts_wherever_it_stands(tmp_path: Path) -> None:
    revisions = [
        revision(f"at {time}", id, time)
        for id, time in ((3, "2024-01-01T00:00:00Z"), (9, "2025-01-01T00:00:00Z"), (4, "2023-01-01T00:00:00Z"))
    ]
    (found,) = read_dump(tmp_path, dump(page(1, "History", *revisions)))
    assert (found.revision, found.content) == ("9", "at 2025-01-01T00:00:00Z")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_a_dump_can_have(tmp_path: Path, encoding: str) -> None:
    mark = "" if encoding in ("utf-8-sig", "utf-16") else "\ufeff"
    (found,) = read_dump(tmp_path, (mark + dump(page(1, "Ελλάδα 𝄞", revision("кирилица 漢字 𝄞")))).encode(encoding))
    assert (found.title, found.content) == ("Ελλάδα 𝄞", "кирилица 漢字 𝄞")


@pytest.mark.parametrize(
    ("end", "pack"), [(".bz2", bz2.compress), (".gz", gzip.compress), (".zst", zstandard.ZstdCompressor().compress)]
)
def test_compressed_dumps_are_found_and_read(tmp_path: Path, end: str, pack: Any) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / f"{NAME}{end}").write_bytes(pack(dump(page(1, "A")).encode()))
    (folder / "frwiki-20260101-pages-articles-multistream-index.txt.bz2").write_bytes(bz2.compress(b"600:1:A\n"))
    assert [found.title for found in pages(read(tmp_path, source("dump")))] == ["A"]
    assert len(listed(tmp_path, source("dump"))) == 1


def test_without_siteinfo_the_name_of_the_file_tells_the_edition(tmp_path: Path) -> None:
    content = dump(page(5, "X"), site="", language="yue")
    (known,) = read_dump(tmp_path, content, "zh_yuewiki-20260101-pages-articles.xml")
    assert known.id == hashlib.md5(b"5_zh-yue").hexdigest()
    assert (known.url, known.language_hint) == ("https://zh-yue.wikipedia.org/wiki/X", "zh-yue")
    (unknown,) = read_dump(tmp_path, content, "export.xml")
    assert (unknown.id, unknown.url, unknown.licence) == ("s:export.xml#5", "", "")
    assert (unknown.language_hint, unknown.hint_from) == ("yue", "attribute")


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://fr.wiktionary.org/wiki/Accueil", "https://fr.wiktionary.org/wiki/A/b"),
        ("http://127.0.0.1:8000/index.php/Main_Page", "http://127.0.0.1:8000/index.php/A/b"),
        ("http://wiki.example/index.php?title=Main", "http://wiki.example/index.php?title=A/b"),
    ],
)
def test_other_wikis_are_not_taken_for_wikipedia(tmp_path: Path, base: str, url: str) -> None:
    site = f"<siteinfo><dbname>other</dbname><base>{base}</base></siteinfo>"
    (found,) = read_dump(tmp_path, dump(page(5, "A/b"), site=site))
    assert (found.id, found.url, found.licence) == ("s:other:5", url, "")
    assert (found.language_hint, found.hint_from) == ("fr", "attribute")


def test_namespaces_are_read_off_titles_where_pages_do_not_say(tmp_path: Path) -> None:
    content = dump(page(1, "Discussion:X"), page(2, "C: a letter")).replace("<ns>0</ns>", "")
    items = read_dump(tmp_path, content)
    assert [found.title for found in pages(items)] == ["C: a letter"]
    assert list(reasons(items).values()) == ["namespace"]


def test_what_is_cut_off_costs_no_page_before_it(tmp_path: Path) -> None:
    content = dump(*(page(n, f"P{n}", revision("mot " * 3000 + str(n))) for n in range(20)))
    whole, packed = content.encode(), bz2.compress(content.encode(), 1)
    for data, name, reason in [
        (whole[:150_000], NAME, "truncated-xml"),
        (whole.replace(b"P9</title>", b"P9</titel>"), NAME, "corrupt-xml"),
        (packed[:-50], f"{NAME}.bz2", "truncated-archive"),
    ]:
        items = read_dump(tmp_path, data, name)
        (fault,) = failures(items)
        assert (fault.id, fault.reason) == (f"s:{name}", reason)
        assert f"pages before that: {len(items) - 1}" in fault.detail
        assert len(items) > 5
    items = read_dump(tmp_path, whole[: whole.index(b"<title>P3")])
    assert [found.title for found in pages(items)] == ["P0", "P1", "P2"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "truncated-xml"),
        (b"<mediawiki></mediawiki>", "empty-file"),
        (b"<html><page/></html>", "not-a-dump"),
        (b"\x00\x01\x02", "corrupt-xml"),
        (b'<!DOCTYPE mediawiki [<!ENTITY a "x">]><mediawiki>&a;</mediawiki>', "forbidden-xml"),
        (b'<?xml version="1.0" encoding="x-none"?><mediawiki/>', "invalid-encoding"),
        (b"<mediawiki>" + b"<a>" * 100, "corrupt-xml"),
        (b"<mediawiki><!--" + b"x" * 10_000_000, "corrupt-xml"),
    ],
)
def test_what_is_no_dump_fails_with_its_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    (fault,) = read_dump(tmp_path, content)
    assert fault.reason == reason


def test_a_huge_text_takes_no_memory(tmp_path: Path) -> None:
    content = bz2.compress(dump(page(1, "Bomb", revision("x" * 80_000_000)), page(2, "After")).encode())
    tracemalloc.start()
    items = read_dump(tmp_path, content, f"{NAME}.bz2", max_bytes=100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert list(reasons(items).values()) == ["too-large"]
    assert [found.title for found in pages(items)] == ["After"]
    assert peak < 20_000_000


def test_a_folder_without_dumps_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(UserError, match="no file"):
        listed(tmp_path, source("dump"))


def test_equal_numbers_of_different_wikis_are_different_pages(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.xml").write_text(dump(page(5, "X"), site=""))
    (folder / "b.xml").write_text(dump(page(5, "Y"), site=""))
    (folder / "c.xml").write_text(dump(page(5, "Z"), site=siteinfo("https://fr.wiktionary.org/wiki/X", "frwiktionary")))
    found = {one.title: one.id for one in pages(read(tmp_path, source("dump")))}
    assert found == {"X": "s:a.xml#5", "Y": "s:b.xml#5", "Z": "s:frwiktionary:5"}
