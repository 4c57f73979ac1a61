from __future__ import annotations

import bz2
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dump_work import dump, multistream, page, revision
from sources_work import listed, pages, read, reasons, source

from m4corpus.sources import slices
from m4corpus.sources.config import ReadConfig
from m4corpus.sources.readers import Failure, read_file, units
from m4corpus.sources.stage import ReadStage
from m4corpus.stage import StageContext

NAME = "frwiki-20260101-pages-articles-multistream.xml.bz2"


def texts(count: int) -> Iterator[str]:
    rng = random.Random(5)
    for number in range(count):
        words = " ".join(f"{rng.getrandbits(60):x}" for _ in range(60))
        redirect = "P1" if number % 7 == 3 else ""
        yield page(number, f"P{number}", revision(f"<page> {words} <page>"), redirect=redirect)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    data, index = multistream(list(texts(100)), 6)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / NAME).write_bytes(data)
    (tmp_path / "in" / NAME.replace(".xml", "-index.txt")).write_bytes(bz2.compress(index.encode()))
    return tmp_path


def starts(base: Path) -> list[int]:
    config = source("dump")
    (file,) = listed(base, config)
    return [unit.part.start if unit.part else 0 for unit in units(config, base, file)]


def test_slices_begin_where_the_index_says_that_streams_do(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert starts(written) == [0]
    monkeypatch.setattr(slices, "SLICE_BYTES", 9000)
    found = starts(written)
    assert len(found) > 4
    _, index = multistream(list(texts(100)), 6)
    assert set(found[1:]) <= {int(line.partition(":")[0]) for line in index.splitlines()}
    (file,) = listed(written, source("dump"))
    assert sum(unit.size for unit in units(source("dump"), written, file)) == file.size


def test_a_sliced_dump_reads_as_the_whole(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = read(written, source("dump"))
    assert len(whole) == 100
    assert len(reasons(whole)) == 14
    for size in (1, 3000, 20_000):
        monkeypatch.setattr(slices, "SLICE_BYTES", size)
        assert read(written, source("dump")) == whole


def run_stage(base: Path, directory: Path, *, backwards: bool = False) -> dict[str, bytes]:
    """Bytes of the parts and ledgers that the read stage writes."""
    stage = ReadStage(ReadConfig(sources=[source("dump")]), base, base / "cache")
    context = StageContext(directory, {}, 4, base / "cache")
    directory.mkdir()
    for phase in stage.phases(context):
        ranks = range(phase.tasks)
        for rank in reversed(ranks) if backwards else ranks:
            for step in phase.steps:
                assert list(step.run(None, rank, phase.tasks)) == []
    return {
        p.relative_to(directory).as_posix(): p.read_bytes()
        for p in directory.rglob("part-*.parquet")
        if "work" not in p.relative_to(directory).parts
    }


def test_neither_slices_nor_the_order_of_tasks_leave_a_trace(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run_stage(written, written / "whole")
    assert len(whole) == 8
    monkeypatch.setattr(slices, "SLICE_BYTES", 5000)
    assert run_stage(written, written / "sliced") == whole
    assert run_stage(written, written / "backwards", backwards=True) == whole
    directories = sorted((written / "sliced" / "work" / "scattered").glob("task-*"))
    assert sum(any(task.iterdir()) for task in directories) == 4


def damaged(base: Path, change: Any) -> list[Any]:
    path = base / "in" / NAME
    path.write_bytes(change(path.read_bytes()))
    return read(base, source("dump"))


def test_damage_costs_the_rest_of_its_slice_and_no_other(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_BYTES", 9000)
    cut = starts(written)
    items = damaged(written, lambda data: data[: cut[2] - 400] + b"\0" * 8 + data[cut[2] - 392 :])
    (fault,) = [item for item in items if isinstance(item, Failure) and item.outcome == "failed"]
    assert (fault.id, fault.reason) == (f"s:{NAME}@{cut[1]}", "corrupt-archive")
    assert {"P0", "P98"} <= {found.title for found in pages(items)}
    assert 60 < len(items) < 100


def test_a_cut_off_dump_fails_once_and_keeps_what_is_whole(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_BYTES", 9000)
    items = damaged(written, lambda data: data[:-900])
    (fault,) = [item for item in items if isinstance(item, Failure) and item.outcome == "failed"]
    assert fault.reason == "truncated-archive"
    assert len(items) > 80


def test_a_file_that_changed_is_noticed(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_BYTES", 9000)
    config = source("dump")
    (file,) = listed(written, config)
    path = written / "in" / NAME
    path.write_bytes(path.read_bytes()[:-20] + b"x" * 20)
    assert "changed-while-reading" in reasons(list(read_file(config, written, file))).values()


@pytest.mark.parametrize("streams", [1, 30])
def test_streams_cut_anywhere_are_read_in_one_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, streams: int
) -> None:
    """As pbzip2 writes them: the streams know nothing of pages."""
    monkeypatch.setattr(slices, "SLICE_BYTES", 4000)
    content = dump(*texts(60)).encode()
    step = -(-len(content) // streams)
    (tmp_path / "in").mkdir()
    data = b"".join(bz2.compress(content[i : i + step]) for i in range(0, len(content), step))
    (tmp_path / "in" / NAME).write_bytes(data)
    assert starts(tmp_path) == [0]
    assert len(read(tmp_path, source("dump"))) == 60
