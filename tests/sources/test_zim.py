from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from libzim.writer import Creator, Hint, Item, StringProvider
from sources_work import listed, pages, read, reasons, source

from m4corpus.errors import UserError
from m4corpus.ledger import entries
from m4corpus.pipeline import Pipeline
from m4corpus.recipe import Recipe
from m4corpus.sources.config import ReadConfig, SourceConfig
from m4corpus.sources.readers import Failure, read_file
from m4corpus.storage.artifact import Artifact

WIKI = {
    "Language": "swa",
    "Source": "https://sw.wikipedia.org/",
    "Name": "wikipedia_sw_all",
    "Date": "2026-02-03",
    "License": "CC-BY-SA-4.0",
}


class Entry(NamedTuple):
    path: str
    content: str | bytes = "<html lang='sw'><body><p>habari</p></body></html>"
    media_type: str = "text/html"
    title: str = ""


class _Item(Item):
    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self.entry = entry

    def get_path(self) -> str:
        return self.entry.path

    def get_title(self) -> str:
        return self.entry.title

    def get_mimetype(self) -> str:
        return self.entry.media_type

    def get_contentprovider(self) -> StringProvider:
        return StringProvider(self.entry.content)

    def get_hints(self) -> dict[Hint, int]:
        return {Hint.FRONT_ARTICLE: self.entry.media_type.startswith("text/html")}


def make(path: Path, items: Iterable[Entry], redirects: dict[str, str] | None = None, **metadata: str) -> Path:
    with Creator(path).config_indexing(False, "eng") as creator:
        for item in items:
            creator.add_item(_Item(item))
        for name, target in (redirects or {}).items():
            creator.add_redirection(name, name, target, {})
        for name, value in metadata.items():
            creator.add_metadata(name, value)
    return path


def read_zim(base: Path, items: Iterable[Entry], redirects: dict[str, str] | None = None, **metadata: str) -> list[Any]:
    make(base / "x.zim", items, redirects, **metadata)
    return read(base, source("zim", "x.zim"))


def test_an_html_entry_becomes_a_page(tmp_path: Path) -> None:
    (page,) = read_zim(tmp_path, [Entry("Kishada cha_kale", title="Kishada")], **WIKI)
    assert (page.id, page.locator, page.title) == ("s:x.zim!Kishada cha_kale", "x.zim!Kishada cha_kale", "Kishada")
    assert (page.media_type, page.content) == ("text/html", Entry("").content)
    assert page.url == "https://sw.wikipedia.org/wiki/Kishada%20cha_kale"
    assert (page.language_hint, page.hint_from) == ("swa", "field")
    assert (page.licence, page.fetched_at, page.revision) == ("CC-BY-SA-4.0", "2026-02-03", "")


def test_what_an_article_says_of_itself(tmp_path: Path) -> None:
    head = (
        '<html about="https://sw.wikipedia.org/wiki/Special:Redirect/revision/99"><head>'
        '<meta property="mw:pageId" content="7"/><link href="https://sw.wikipedia.org/wiki/A&amp;B" rel="canonical">'
    )
    (page,) = read_zim(tmp_path, [Entry("A", head + "<p>x")], **WIKI)
    assert page.id == hashlib.md5(b"7_sw").hexdigest()
    assert (page.revision, page.url) == ("99", "https://sw.wikipedia.org/wiki/A&B")
    make(tmp_path / "other.zim", [Entry("A", head + "<p>x")], Source="https://example.org")
    (other,) = read(tmp_path, source("zim", "other.zim"))
    assert (other.id, other.licence, other.language_hint) == ("s:other.zim!A", "", "")


@pytest.mark.parametrize(
    ("metadata", "path", "url"),
    [
        ({"Name": "wikipedia_sw_all"}, "A/B", "https://sw.wikipedia.org/wiki/A/B"),
        ({"Name": "wikipedia_yue_all"}, "A", "https://zh-yue.wikipedia.org/wiki/A"),
        ({"Source": "en.wikivoyage.org"}, "A", "https://en.wikivoyage.org/wiki/A"),
        ({"Source": "https://example.org/x", "Scraper": "zimit 2.1"}, "example.org/a b", "https://example.org/a%20b"),
        ({"Source": "https://example.org/x", "Scraper": "zimit 2.1"}, "cdn.org/a", ""),
        ({"Source": "https://example.org/x"}, "example.org/a", ""),
        ({"Source": "https://["}, "A", ""),
        ({}, "A", ""),
    ],
)
def test_addresses(tmp_path: Path, metadata: dict[str, str], path: str, url: str) -> None:
    assert read_zim(tmp_path, [Entry(path)], **metadata)[0].url == url


@pytest.mark.parametrize(
    ("wanted", "metadata", "hint"),
    [
        ("auto", {"Language": "swa"}, ("swa", "field")),
        ("auto", {"Language": "eng,fra"}, ("sw", "attribute")),
        ("auto", {}, ("sw", "attribute")),
        ("attribute", {"Language": "eng"}, ("sw", "attribute")),
        ("path", {"Language": "eng"}, ("fr", "path")),
        ("yo", {"Language": "eng"}, ("yo", "recipe")),
        ("none", {"Language": "eng"}, ("", "")),
    ],
)
def test_language_hints(tmp_path: Path, wanted: str, metadata: dict[str, str], hint: tuple[str, str]) -> None:
    (tmp_path / "in" / "fr").mkdir(parents=True)
    make(tmp_path / "in" / "fr" / "x.zim", [Entry("A")], **metadata)
    (page,) = pages(read(tmp_path, source("zim", language=wanted)))
    assert (page.language_hint, page.hint_from) == hint


def test_every_entry_is_accounted_for_in_the_order_of_paths(tmp_path: Path) -> None:
    items = [
        Entry("Z"),
        Entry("style.css", "x {}", "text/css"),
        Entry("image", b"\x89PNG\xff", "image/png"),
        Entry("latin", "café".encode("latin-1"), "text/html; charset=iso-8859-1"),
        Entry("bad", b"<p>caf\xe9"),
        Entry("blank", " \n"),
        Entry("xhtml", "<p>x", "application/xhtml+xml"),
        Entry("Ünï/ŋ", "<p>y"),
        Entry("A"),
    ]
    made = read_zim(tmp_path, items, {"R": "A", "R2": "R"}, **WIKI)
    assert [page.locator for page in pages(made)] == [
        f"x.zim!{path}" for path in ("A", "Z", "latin", "xhtml", "Ünï/ŋ")
    ]  # fmt: skip
    assert reasons(made) == {
        "x.zim!R": "redirect",
        "x.zim!R2": "redirect",
        "x.zim!bad": "invalid-utf8",
        "x.zim!blank": "empty-text",
        "x.zim!image": "not-html",
        "x.zim!style.css": "not-html",
    }
    assert len(made) == len(items) + 2
    details = {item.locator: (item.outcome, item.detail) for item in made if isinstance(item, Failure)}
    assert details["x.zim!R"] == ("dropped", "to=A")
    assert details["x.zim!image"] == ("dropped", "content-type=image/png")
    assert details["x.zim!bad"] == ("failed", "byte 0xe9 at offset 6")
    assert pages(made)[2].content == "café"


def test_an_entry_over_the_limit_fails_unread(tmp_path: Path) -> None:
    make(tmp_path / "x.zim", [Entry("A", "<p>" + "x" * 5000), Entry("B", "<p>x")])
    items = read(tmp_path, source("zim", "x.zim", max_bytes=1000))
    assert reasons(items) == {"x.zim!A": "too-large"}
    assert [page.locator for page in pages(items)] == ["x.zim!B"]


def text(number: int) -> str:
    return "<p>" + " ".join(hashlib.sha256(f"{number} {n}".encode()).hexdigest() for n in range(60))


def test_a_damaged_archive_is_not_read(tmp_path: Path) -> None:
    sound = make(tmp_path / "sound.zim", [Entry(f"P{n}", text(n)) for n in range(20)], **WIKI).read_bytes()
    for name, content in {
        "cut.zim": sound[: len(sound) // 2],
        "header.zim": sound[:40],
        "flipped.zim": sound[:20_000] + bytes([sound[20_000] ^ 1]) + sound[20_001:],
        "other.zim": b"<html>" * 100,
        "empty.zim": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        items = read(tmp_path, source("zim", name))
        assert reasons(items) == {name: "corrupt-archive"}, name
        assert len(items) == 1
        assert "/dev/fd" not in items[0].detail


def without_checksum(content: bytes) -> bytearray:
    """As archives were before they had one: the list of media types begins where the header now names its place."""
    end = content.index(b"\0\0", 80) + 2
    kept = bytearray(content[:-16])
    kept[56:64] = (72).to_bytes(8, "little")
    kept[72:end] = content[80:end] + bytes(8)
    return kept


def test_a_damaged_cluster_without_a_checksum_costs_its_entries_alone(tmp_path: Path) -> None:
    # The writer begins another cluster after 2 MiB.
    made = make(tmp_path / "x.zim", [Entry(f"P{n:03}", text(n) * 10) for n in range(80)], **WIKI).read_bytes()
    content = without_checksum(made)
    (tmp_path / "x.zim").write_bytes(content)
    assert len(pages(read(tmp_path, source("zim", "x.zim")))) == 80
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(64)
    (tmp_path / "x.zim").write_bytes(content)
    items = read(tmp_path, source("zim", "x.zim"))
    assert len(items) == 80
    assert 0 < len(pages(items)) < 80
    assert set(reasons(items).values()) == {"corrupt-entry"}


def test_an_archive_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = make(tmp_path / "x.zim", [Entry("A"), Entry("B")])
    config = source("zim", "x.zim")
    (file,) = listed(tmp_path, config)
    path.write_bytes(path.read_bytes() + b"x")
    assert reasons(list(read_file(config, tmp_path, file))) == {"x.zim": "changed-while-reading"}


def test_two_archives_with_equal_paths_do_not_meet(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for code in ("sw", "yo"):
        make(tmp_path / "in" / f"{code}.zim", [Entry("A")], Name=f"wikipedia_{code}_all")
    assert [page.id for page in pages(read(tmp_path, source("zim")))] == ["s:sw.zim!A", "s:yo.zim!A"]


def recipe() -> Recipe:
    return Recipe(name="r", read=ReadConfig(sources=[SourceConfig(name="s", format="zim", path="in")]))


def test_workers_leave_no_trace(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b", "c"):
        make(tmp_path / "in" / f"{name}.zim", [Entry(f"{n}", text(n)) for n in range(30)], {"R": "1"}, **WIKI)
    made = []
    for workers in (1, 2):
        result = Pipeline(recipe(), tmp_path, tmp_path / f"work-{workers}").run(last="read", workers=workers)
        made.append(Artifact.open(result.stages[0].directory))
    assert made[0].logical == made[1].logical
    rows = [[(row.id, row.slug) for row in entries(a.directory, a.ledger())] for a in made]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 93
    assert [slug for _, slug in rows[0]].count("redirect") == 3


def test_without_libzim_a_recipe_is_refused_before_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    make(tmp_path / "in" / "x.zim", [Entry("A")])
    monkeypatch.setitem(sys.modules, "libzim", None)
    with pytest.raises(UserError, match=r"libzim[\s\S]*pip install 'm4corpus\[zim\]'"):
        Pipeline(recipe(), tmp_path, tmp_path / "work").plan()
    assert not list((tmp_path / "work").glob("*/read-*"))
