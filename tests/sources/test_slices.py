"""Whatever a file is cut into, it reads as the whole."""

from __future__ import annotations

import io
import json
import os
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dump_work import dump, opening, page, revision
from libzim.writer import Creator, Item, StringProvider
from sources_work import listed, pages, read, reasons, source

from m4corpus.sources import slices
from m4corpus.sources.config import ReadConfig, SourceConfig
from m4corpus.sources.readers import Unit, read_file, read_unit, units
from m4corpus.sources.stage import ReadStage
from m4corpus.stage import StageContext

SIZES = (1, 700, 3000, 20_000)


def words(number: int, count: int = 40) -> str:
    rng = random.Random(number)
    return " ".join(f"{rng.getrandbits(60):x}" for _ in range(count))


def lines() -> bytes:
    """Records of which some are bad, blank, without id, or longer than a slice."""
    found = [b"\xef\xbb\xbf" + json.dumps({"text": "first"}).encode()]
    for number in range(60):
        found.append(json.dumps({"id": f"r{number}", "text": words(number)}).encode())
        if number % 9 == 2:
            found += [b"", b"  ", b'{"text": "a\xffb"}', b"\xef\xbb\xbf" + json.dumps({"text": words(1)}).encode()]
        if number % 20 == 3:
            found.append(json.dumps({"text": words(number, 500)}).encode())
    return b"\n".join(found)


def articles() -> bytes:
    made = [
        {"id": f"a{n}", "url": "https://sw.wikipedia.org/wiki/A", "title": "A", "content": [{"content": [words(n)]}]}
        for n in range(60)
    ]
    return b"".join(json.dumps(one).encode() + b"\n" for one in made)


def snapshot() -> bytes:
    made = []
    for number in range(60):
        more = {"event": {"type": "delete"}} if number % 5 == 2 else {}
        made.append(
            {
                "identifier": number, "name": f"N{number}", "url": "https://sw.wikipedia.org/wiki/N",
                "article_body": {"html": f"<p>{words(number)}"}, **more,
            }
        )  # fmt: skip
    return b"".join(json.dumps(one).encode() + b"\n" for one in made)


def table() -> bytes:
    sink = io.BytesIO()
    rows = {
        "id": [f"r{n}" if n % 3 else None for n in range(300)],
        "text": [words(n) if n % 7 else "" for n in range(300)],
    }
    pq.write_table(pa.table(rows), sink, row_group_size=20, compression="none")
    return sink.getvalue()


def wiki() -> bytes:
    made = [page(n, f"P{n}", revision(f"<page> {words(n)} </page>"), ns=n % 4 % 3) for n in range(80)]
    return dump(*made).encode()


FILES: dict[str, tuple[str, Any, dict[str, Any]]] = {
    "x.jsonl": ("jsonl", lines, {"max_bytes": 4000}),
    "y.jsonl": ("m4rag", articles, {}),
    "x.ndjson": ("enterprise", snapshot, {}),
    "x.parquet": ("parquet", table, {}),
    "frwiki-pages-articles.xml": ("dump", wiki, {}),
}


class _Entry(Item):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def get_path(self) -> str:
        return f"P{self.number:03}"

    def get_title(self) -> str:
        return ""

    def get_mimetype(self) -> str:
        return "image/png" if self.number % 6 == 1 else "text/html"

    def get_contentprovider(self) -> StringProvider:
        return StringProvider(f"<p>{words(self.number)}")

    def get_hints(self) -> dict[Any, int]:
        return {}


def written(base: Path, name: str) -> SourceConfig:
    """A source that is a file of that name, as above."""
    folder = base / "in"
    folder.mkdir(exist_ok=True)
    if name.endswith(".zim"):
        with Creator(folder / name).config_indexing(False, "eng") as creator:
            for number in range(90):
                creator.add_item(_Entry(number))
            creator.add_redirection("R", "R", "P003", {})
        return source("zim")
    format, make, options = FILES[name]
    (folder / name).write_bytes(make())
    return source(format, **options)


def cut(base: Path, config: SourceConfig) -> list[Unit]:
    (file,) = listed(base, config)
    return units(config, base, file)


@pytest.mark.parametrize("name", [*FILES, "x.zim"])
def test_a_file_in_slices_reads_as_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    config = written(tmp_path, name)
    size = (tmp_path / "in" / name).stat().st_size
    assert len(cut(tmp_path, config)) == 1
    whole = read(tmp_path, config)
    assert len(pages(whole)) > 20
    assert reasons(whole) or name == "y.jsonl"
    for bytes in SIZES:
        monkeypatch.setattr(slices, "SLICE_BYTES", bytes)
        found = cut(tmp_path, config)
        assert len(found) > min(4, size // bytes // 4)
        assert sum(unit.size for unit in found) == size
        assert read(tmp_path, config) == whole, bytes


@pytest.mark.parametrize("name", [*FILES, "x.zim"])
def test_slices_are_read_in_any_order_by_any_number_of_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    config = written(tmp_path, name)
    made = []
    for run, size in enumerate((1 << 24, 4000, 4000)):
        monkeypatch.setattr(slices, "SLICE_BYTES", size)
        stage = ReadStage(ReadConfig(sources=[config]), tmp_path, tmp_path / "cache")
        context = StageContext(tmp_path / f"run-{run}", {}, 3, tmp_path / "cache")
        context.directory.mkdir()
        for phase in stage.phases(context):
            for rank in sorted(range(phase.tasks), reverse=run == 2):
                for step in phase.steps:
                    assert list(step.run(None, rank, phase.tasks)) == []
        parts = [path for path in context.directory.rglob("part-*.parquet") if "work" not in path.parts]
        made.append({path.relative_to(context.directory): path.read_bytes() for path in parts})
    assert len(made[0]) == 6
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("name", [*FILES, "x.zim"])
def test_a_file_that_was_written_to_after_it_was_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """No slice takes another file of the same size for the one that was cut."""
    config = written(tmp_path, name)
    monkeypatch.setattr(slices, "SLICE_BYTES", 4000)
    found = cut(tmp_path, config)
    path = tmp_path / "in" / name
    content = path.read_bytes()
    path.write_bytes(content[:-2] + b"xx")
    os.utime(path, ns=(1, 1))
    for unit in found:
        (failure,) = read_unit(config, tmp_path, unit)
        assert failure.reason == "changed-while-reading"  # type: ignore[union-attr]


def test_files_that_lines_do_not_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that fails as a whole does so once."""
    monkeypatch.setattr(slices, "SLICE_BYTES", 10)
    for content in (b"\n" * 100, b"\xef\xbb\xbf" + b" \n" * 100, b'{"text": "one line"}' + b" " * 50):
        (tmp_path / "x.jsonl").write_bytes(content)
        config = source("jsonl", "x.jsonl")
        assert len(cut(tmp_path, config)) == 1
    (tmp_path / "x.jsonl").write_bytes(b"\n" * 100)
    assert reasons(read(tmp_path, config)) == {"x.jsonl": "empty-file"}


def test_a_table_without_the_text_fails_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_BYTES", 100)
    pq.write_table(pa.table({"body": ["x"] * 100}), tmp_path / "x.parquet", row_group_size=10)
    assert reasons(read(tmp_path, source("parquet", "x.parquet"))) == {"x.parquet": "missing-field"}


def test_an_archive_with_a_wrong_checksum_is_read_in_no_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = written(tmp_path, "x.zim")
    path = tmp_path / "in" / "x.zim"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(slices, "SLICE_BYTES", 4000)
    assert reasons(read(tmp_path, config)) == {"x.zim": "corrupt-archive"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<text", "<!-- </page><page> --><text"),
        ("Texte", "<![CDATA[</page> <page>]]>"),
        ("<mediawiki ", '<?xml version="1.0" encoding="iso-8859-1"?><mediawiki '),
        ("</siteinfo>", ""),
    ],
)
def test_xml_that_mediawiki_does_not_write_is_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    content = dump(*(page(n, f"P{n}") for n in range(30)))
    assert before in content
    monkeypatch.setattr(slices, "SLICE_BYTES", 1000)
    path = tmp_path / "x.xml"
    config = source("dump", "x.xml")
    path.write_text(content)
    assert len(cut(tmp_path, config)) > 3
    path.write_text(content.replace(before, after, 1))
    assert len(cut(tmp_path, config)) == 1
    path.write_text(content, encoding="utf-16")
    assert len(cut(tmp_path, config)) == 1
    assert len(pages(read(tmp_path, config))) == 30


def test_a_cut_off_dump_fails_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_BYTES", 1000)
    content = opening() + "".join(page(n, f"P{n}") for n in range(30))
    (tmp_path / "x.xml").write_text(content)
    items = read(tmp_path, source("dump", "x.xml"))
    assert len(pages(items)) == 30
    assert list(reasons(items).values()) == ["truncated-xml"]


def test_cutting_and_reading_take_no_memory(tmp_path: Path) -> None:
    record = json.dumps({"id": "r", "text": words(1, 400)}).encode() + b"\n"
    (tmp_path / "x.jsonl").write_bytes(record * (40_000_000 // len(record)))
    config = source("jsonl", "x.jsonl")
    (file,) = listed(tmp_path, config)
    tracemalloc.start()
    assert len(units(config, tmp_path, file)) == 3
    assert sum(1 for _ in read_file(config, tmp_path, file)) == 40_000_000 // len(record)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000
