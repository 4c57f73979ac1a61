from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from sources_work import listed, pages, read_bytes, reasons, source

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.ledger import entries
from m4corpus.pipeline import Pipeline
from m4corpus.recipe import Recipe
from m4corpus.records import Page, from_batches
from m4corpus.sources.config import ReadConfig, SourceConfig
from m4corpus.sources.readers import Failure, read_file
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.parts import read_batches

HTML = (
    '<!DOCTYPE html><html prefix="dc: http://purl.org/dc/terms/ mw: http://mediawiki.org/rdf/" '
    'about="https://sw.wikipedia.org/wiki/Special:Redirect/revision/99"><head><title>Kishada</title></head>'
    '<body lang="sw" class="mw-body-content mw-parser-output"><section data-mw-section-id="0">'
    '<p>Kishada huruka angani kwa uzi mrefu.</p></section><section data-mw-section-id="1"><h2 id="Historia">Historia'
    '</h2><p>Kishada ni cha kale.<sup class="mw-ref reference"><a>[1]</a></sup></p></section></body></html>'
)


def article(number: int = 7, revision: int = 99, **fields: Any) -> dict[str, Any]:
    return {
        "name": "Kishada",
        "identifier": number,
        "date_modified": "2026-05-01T10:00:00Z",
        "version": {"identifier": revision},
        "url": "https://sw.wikipedia.org/wiki/Kishada",
        "namespace": {"identifier": 0},
        "in_language": {"identifier": "sw"},
        "main_entity": {"identifier": "Q42861"},
        "is_part_of": {"identifier": "swwiki"},
        "article_body": {"html": HTML, "wikitext": "'''Kishada'''"},
        "license": [{"name": "Creative Commons", "identifier": "CC-BY-SA-4.0", "url": "https://example.org/by-sa"}],
        **fields,
    }


def ndjson(*records: Any) -> bytes:
    return b"".join(r if isinstance(r, bytes) else json.dumps(r).encode() + b"\n" for r in records)


def tar(*contents: tuple[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format) as archive:
        for name, content in contents:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def read(base: Path, content: bytes, name: str = "x.tar.gz", **options: Any) -> list[Any]:
    return read_bytes(base, name, content, format="enterprise", **options)


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def test_an_article_becomes_a_page_that_is_cleaned_as_mediawikis(tmp_path: Path) -> None:
    (page,) = read(tmp_path, gzip.compress(tar(("swwiki_0.ndjson", ndjson(article())))))
    assert (page.id, page.locator) == (md5("7_sw"), "x.tar.gz!swwiki_0.ndjson:1")
    assert (page.title, page.url, page.revision) == ("Kishada", "https://sw.wikipedia.org/wiki/Kishada", "99")
    assert (page.media_type, page.content) == ("text/html", HTML)
    assert (page.language_hint, page.hint_from) == ("sw", "field")
    assert (page.licence, page.fetched_at) == ("CC-BY-SA-4.0", "2026-05-01T10:00:00Z")
    assert page.metadata == {"wiki": "swwiki", "wikidata": "Q42861"}
    document = clean_page(page, CleanConfig())
    assert document.cleaner == "mediawiki"
    assert document.text.split("\n") == [
        "Kishada huruka angani kwa uzi mrefu.", "", "Historia", "", "Kishada ni cha kale."
    ]  # fmt: skip


def test_members_and_containers(tmp_path: Path) -> None:
    one, two = ndjson(article(1)), ndjson(article(2), article(3))
    both = tar(("a.ndjson", one), ("b.ndjson", two))
    ids = [md5(f"{n}_sw") for n in (1, 2, 3)]
    for name, content in {
        "x.tar": both,
        "x.tar.gz": gzip.compress(both),
        "no-suffix": both,
        "x.ndjson": one + two,
        "x.ndjson.gz": gzip.compress(one + two),
        "joined.tar.gz": gzip.compress(tar(("a.ndjson", one))) + gzip.compress(tar(("b.ndjson", two))),
    }.items():
        assert [page.id for page in read(tmp_path, content, name)] == ids, name


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_and_large_sizes(tmp_path: Path, format: int) -> None:
    name = "folder/" * 40 + "ügbó.ndjson"
    (page,) = read(tmp_path, tar((name, ndjson(article())), format=format), "x.tar")
    assert page.locator == f"x.tar!{name}:1"


def test_a_size_from_an_extended_header_counts(tmp_path: Path) -> None:
    content = ndjson(article())
    member = tarfile.TarInfo("a.ndjson")
    member.pax_headers = {"size": str(len(content))}
    padded = content + bytes(-len(content) % 512)
    (page,) = read(tmp_path, member.tobuf(tarfile.PAX_FORMAT) + padded + bytes(1024), "x.tar")
    assert page.id == md5("7_sw")


def test_other_members_are_dropped_and_nothing_is_written(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind in (("folder", tarfile.DIRTYPE), ("link.ndjson", tarfile.SYMTYPE), ("dev", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
        for name, content in (("../../up.ndjson", ndjson(article())), ("/abs/README.txt", b"read me")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    before = sorted(tmp_path.parent.iterdir())
    items = read(tmp_path, buffer.getvalue(), "x.tar")
    assert [page.locator for page in pages(items)] == ["x.tar!../../up.ndjson:1"]
    assert reasons(items) == dict.fromkeys(
        ["x.tar!link.ndjson", "x.tar!dev", "x.tar!/abs/README.txt"], "not-ndjson"
    )  # fmt: skip
    assert {item.outcome for item in items if isinstance(item, Failure)} == {"dropped"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "in"]
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["x.tar"]
    assert sorted(tmp_path.parent.iterdir()) == before


def test_bad_lines_cost_no_other(tmp_path: Path) -> None:
    lines = ndjson(
        article(1),
        b"{broken\n",
        b"\n",
        b'{"name": "caf\xe9"}\n',
        article(2, namespace={"identifier": 14}),
        article(3, article_body={"wikitext": "x"}),
        article(4, article_body={"html": " "}),
        article(5, article_body={"html": 5}),
        article([], article_body={"html": "<p>x"}),
        article(6, event={"type": "delete"}, article_body={}),
        b'{"name": "' + b"x" * 9000 + b'"}\n',
        article(8),
    )
    items = read(tmp_path, tar(("a.ndjson", lines)), "x.tar", max_bytes=8000)
    assert [page.id for page in pages(items)] == [md5("1_sw"), md5("8_sw")]
    place = "x.tar!a.ndjson"
    assert reasons(items) == {
        f"{place}:2": "invalid-json",
        f"{place}:4": "invalid-utf8",
        f"{place}:5": "namespace",
        f"{place}:6": "missing-field",
        f"{place}:7": "empty-text",
        f"{place}:8": "bad-field",
        f"{place}:9": "bad-id",
        f"{place}:10": "deleted",
        f"{place}:11": "too-large",
    }
    outcomes = {item.reason: item.outcome for item in items if isinstance(item, Failure)}
    assert (outcomes["namespace"], outcomes["deleted"], outcomes["missing-field"]) == ("dropped", "dropped", "failed")
    failed = {item.reason: item for item in items if isinstance(item, Failure)}
    assert failed["missing-field"].id == md5("3_sw")


def test_the_namespaces_a_source_takes(tmp_path: Path) -> None:
    lines = ndjson(article(1), article(2, namespace={"identifier": 14}), article(3, namespace={"identifier": 10}))
    items = read(tmp_path, lines, "x.ndjson", namespaces=[0, 14])
    assert [page.id for page in pages(items)] == [md5("1_sw"), md5("2_sw")]
    assert reasons(items) == {"x.ndjson:3": "namespace"}


def test_fields_that_are_left_out(tmp_path: Path) -> None:
    bare = {"identifier": 5, "url": "https://zh-yue.wikipedia.org/wiki/X", "article_body": {"html": "<p>x</p>"}}
    books = {**bare, "url": "https://en.wikibooks.org/wiki/X", "is_part_of": {"identifier": "enwikibooks"}}
    nowhere = {**bare, "url": ""}
    other = {**bare, "license": [{"name": "Own"}, {"url": "https://example.org"}, "odd"], "namespace": {"name": "Main"}}
    first, second, third, fourth = read(tmp_path, ndjson(bare, books, nowhere, other), "x.ndjson", licence="fallback")
    assert (first.id, first.language_hint, first.licence, first.revision) == (md5("5_zh-yue"), "zh-yue", "fallback", "")
    assert (second.id, second.language_hint) == (md5("5_enwikibooks"), "en")
    assert third.id == "s:x.ndjson:3"
    assert fourth.licence == "Own, https://example.org"


def test_an_archive_cut_anywhere_keeps_its_complete_lines_and_says_so(tmp_path: Path) -> None:
    lines = [ndjson(article(n)) for n in range(3)]
    whole = tar(("a.ndjson", b"".join(lines[:2])), ("b.ndjson", lines[2]))
    for cut in (100, 700, 1536 + len(lines[0]) + 10, len(whole.rstrip(b"\0")) // 2, whole.rindex(b"}") + 2):
        items = read(tmp_path, whole[:cut], "x.tar")
        complete = whole[:cut].count(b"\n")
        assert len(pages(items)) == complete, cut
        assert reasons(items) == {"x.tar": "truncated-archive"}, cut
        assert isinstance(items[-1], Failure)


def test_a_gzip_that_breaks_off_keeps_its_complete_lines(tmp_path: Path) -> None:
    noise = random.Random(0)
    lines = [ndjson(article(n, article_body={"html": f"<p>{noise.randbytes(6000).hex()}"})) for n in range(20)]
    packed = gzip.compress(tar(("a.ndjson", b"".join(lines))))
    items = read(tmp_path, packed[: len(packed) // 2])
    assert 8 <= len(pages(items)) <= 11
    assert reasons(items) == {"x.tar.gz": "truncated-archive"}
    assert items[-1].detail.endswith(f"complete lines before that: {len(pages(items))}")
    packed = packed[:-4] + b"\0\0\0\0"
    assert reasons(read(tmp_path, packed))["x.tar.gz"] == "corrupt-archive"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty-file"),
        (bytes(1024), "empty-file"),
        (tar(("a.ndjson", b"\n\n")), "empty-file"),
        (b"this is no archive" * 100, "corrupt-archive"),
        (tar(("a.ndjson", b"{}\n"))[:1024] + b"x" * 512, "corrupt-archive"),
        (tar(("a.ndjson", b"{}\n"))[:1024], "truncated-archive"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes, reason: str) -> None:
    assert reasons(read(tmp_path, content, "x.tar"))["x.tar"] == reason


@pytest.mark.parametrize("size", [10**11, -1])
@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.REGTYPE])
def test_sizes_an_archive_makes_up_take_no_memory(tmp_path: Path, size: int, kind: bytes) -> None:
    member = tarfile.TarInfo("a.ndjson")
    member.type, member.size = kind, size
    (tmp_path / "x.tar").write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    config = source("enterprise", "x.tar")
    (file,) = listed(tmp_path, config)
    tracemalloc.start()
    try:
        (item,) = read_file(config, tmp_path, file)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000
    finally:
        tracemalloc.stop()
    assert isinstance(item, Failure)
    assert item.reason in ("corrupt-archive", "truncated-archive")


def recipe(**sources: str) -> Recipe:
    listed = [SourceConfig(name=name, format="enterprise", path=path) for name, path in sources.items()]
    return Recipe(name="r", read=ReadConfig(sources=listed))


def run_read(base: Path, workdir: Path, made: Recipe, workers: int) -> Artifact:
    result = Pipeline(made, base, workdir).run(last="read", workers=workers)
    return Artifact.open(result.stages[0].directory)


def kept(artifact: Artifact) -> list[Page]:
    return [p for part in artifact.parts() for p in from_batches(Page, read_batches(artifact.directory / part.path))]


def test_the_newest_revision_is_kept_whatever_the_order_and_the_workers(tmp_path: Path) -> None:
    (tmp_path / "one.ndjson").write_bytes(ndjson(*(article(n, 9) for n in range(50)), article(1, 10), article(1, 8)))
    (tmp_path / "two.ndjson").write_bytes(ndjson(article(2, 100), article(3, 9), article(4, 1), b"{broken\n"))
    made = recipe(a="*.ndjson")
    first, second = (run_read(tmp_path, tmp_path / f"work-{n}", made, n) for n in (1, 2))
    assert first.logical == second.logical
    revisions = {page.id: page.revision for page in kept(first)}
    assert len(revisions) == 50
    assert [revisions[md5(f"{n}_sw")] for n in (0, 1, 2, 3, 4)] == ["9", "10", "100", "9", "9"]
    rows = list(entries(first.directory, first.ledger()))
    dropped = {row.locator: (row.slug, row.detail) for row in rows if row.outcome == "dropped"}
    assert dropped == {
        "one.ndjson:2": ("older-revision", "revision=9 newer=10 at one.ndjson:51"),
        "one.ndjson:52": ("older-revision", "revision=8 newer=10 at one.ndjson:51"),
        "one.ndjson:3": ("older-revision", "revision=9 newer=100 at two.ndjson:1"),
        "two.ndjson:2": ("duplicate-id", "kept=one.ndjson:4"),
        "two.ndjson:3": ("older-revision", "revision=1 newer=9 at one.ndjson:5"),
    }
    assert len(rows) == 52 + 4


def test_sources_do_not_outdo_each_other(tmp_path: Path) -> None:
    (tmp_path / "one.ndjson").write_bytes(ndjson(article(1, 9)))
    (tmp_path / "two.ndjson").write_bytes(ndjson(article(1, 10)))
    made = recipe(a="one.ndjson", b="two.ndjson")
    (page,) = kept(run_read(tmp_path, tmp_path / "work", made, 1))
    assert (page.source, page.revision) == ("a", "9")
