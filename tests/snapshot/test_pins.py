"""What is recorded of sources and crawls, and that it depends on their content alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from snapshot_work import artifact, labelled

from m4corpus.snapshot.pins import crawl_pins, source_pins
from m4corpus.sources.config import ReadConfig, SourceConfig
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.pins import LISTED, pins
from m4corpus.storage.digests import file_digest


def file(path: str, sha256: str = "0") -> SourceFile:
    return SourceFile("s", path, 10, sha256)


def config(form: str) -> ReadConfig:
    return ReadConfig(sources=[SourceConfig(name="s", format=form, path="x")])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "dates"),
    [
        ("swwiki-20260601-pages-articles.xml.bz2", ["2026-06-01"]),
        ("wikipedia_sw_all_2026-06.zim", ["2026-06"]),
        ("enwiki_namespace_0_20251301.tar", []),
        ("pages-1234567890123.xml", []),
    ],
)
def test_dates_of_dumps(name: str, dates: list[str]) -> None:
    assert pins(config("dump"), [file(name)])["s"]["dates"] == dates


def test_files_are_listed_as_long_as_they_are_few() -> None:
    few = pins(config("html"), [file("b", "2"), file("a", "1")])["s"]
    assert few["listed"] == {"a": "1", "b": "2"}
    assert (few["files"], few["bytes"]) == (2, 20)
    assert few["digest"] == pins(config("html"), [file("a", "1"), file("b", "2")])["s"]["digest"]
    assert few["digest"] != pins(config("html"), [file("a", "1"), file("b", "3")])["s"]["digest"]
    assert "listed" not in pins(config("html"), [file(str(n)) for n in range(LISTED + 1)])["s"]


def test_revisions_do_not_depend_on_parts(tmp_path: Path) -> None:
    pages = [labelled(f"d{n}", revision=str(90 + n), fetched_at=f"2026-01-0{n + 1}") for n in range(5)]
    one = source_pins(artifact(tmp_path / "one", "read", pages, 1))
    assert one == source_pins(artifact(tmp_path / "three", "read", pages, 3))
    assert one["s"]["pages"] == 5
    assert one["s"]["fetched"] == {"first": "2026-01-01", "last": "2026-01-05"}
    assert (one["s"]["revisions"]["lowest"], one["s"]["revisions"]["highest"]) == (90, 94)
    pages[0].revision = "91"
    assert source_pins(artifact(tmp_path / "other", "read", pages, 1))["s"]["revisions"] != one["s"]["revisions"]


def test_crawls_are_pinned_with_their_archive(tmp_path: Path) -> None:
    crawl = artifact(tmp_path / "crawl-00001", "crawl", [labelled("a")], 1)
    (crawl.directory / "warc").mkdir()
    (crawl.directory / "warc" / "00000.warc.gz").write_bytes(b"x")
    places = {"c": str(crawl.directory), "gone": str(tmp_path / "gone")}
    read = {"format": "crawl", "listed": {crawl.parts()[0].path: crawl.parts()[0].sha256}}
    sources = {"c": read, "gone": {"format": "crawl"}}
    (pin,) = crawl_pins(places, sources, tmp_path / "cache").values()
    assert pin["crawl"] == "crawl-00001"
    assert pin["logical"] == crawl.logical
    assert pin["archive"] == {"00000.warc.gz": file_digest(crawl.directory / "warc" / "00000.warc.gz")}
    (crawl.directory / "warc" / "00000.warc.gz").write_bytes(b"yy")
    assert crawl_pins(places, sources, tmp_path / "cache")["c"]["archive"] != pin["archive"]
    assert crawl_pins(places, {"c": {"format": "html"}}, tmp_path / "cache") == {}
    # A crawl that was finished since is not the one that was read.
    read["listed"] = {crawl.parts()[0].path: "0" * 64}
    assert crawl_pins(places, sources, tmp_path / "cache") == {}
