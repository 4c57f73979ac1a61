"""Rows given as columns make the same part as the same rows given as objects."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from m4corpus.records import Page, schema, to_batch, weight, weights
from m4corpus.storage import atomic, parts
from m4corpus.storage.atomic import link_or_copy
from m4corpus.storage.parts import Buffered, PartWriter


def pages(count: int) -> list[Page]:
    return [Page(f"p{n:04d}", "s", "l", "m", "é" * (n * 37 % 101), metadata={"k": "v" * (n % 5)}) for n in range(count)]


@pytest.mark.parametrize("cuts", [[], [1], [10, 11, 60], [64, 128]])
def test_row_groups_are_cut_alike(tmp_path: Path, cuts: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "ROWS_PER_GROUP", 16)
    monkeypatch.setattr(parts, "CHARACTERS_PER_GROUP", 500)
    all_pages = pages(150)
    edges = [0, *cuts, len(all_pages)]
    written = []
    for name in ("objects", "mixed"):
        with PartWriter(tmp_path / name, schema(Page), tmp_path) as part:
            rows: Buffered[Page] = Buffered(part, to_batch)
            for turn, (start, end) in enumerate(pairwise(edges)):
                if name == "mixed" and turn % 2 == 0:
                    batch = to_batch(all_pages)
                    rows.extend(batch.slice(start, end - start), weights(batch)[start:end])
                else:
                    for page in all_pages[start:end]:
                        rows.append(page, weight(page))
            rows.flush()
        written.append((part.info.sha256, part.info.logical, part.info.rows))
    assert written[0] == written[1]


def test_weights_are_those_of_the_objects() -> None:
    some = pages(20)
    batch = to_batch(some)
    assert weights(batch).tolist() == [weight(page) for page in some]
    assert weights(batch.slice(7, 5)).tolist() == [weight(page) for page in some[7:12]]
    assert weights(batch.slice(0, 0)).dtype == np.int64


def test_a_finished_file_gets_a_second_name(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"content")
    for _ in range(2):
        link_or_copy(tmp_path / "one", tmp_path / "folder" / "two")
        assert (tmp_path / "one").samefile(tmp_path / "folder" / "two")
    assert [p.name for p in (tmp_path / "folder").iterdir()] == ["two"]


def test_it_is_copied_where_there_are_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(source: Path, target: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(atomic.os, "link", refuses)
    (tmp_path / "one").write_bytes(b"content")
    link_or_copy(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two").read_bytes() == b"content"
    assert os.stat(tmp_path / "two").st_nlink == 1  # noqa: PTH116
