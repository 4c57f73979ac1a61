"""What a read stage takes over from an earlier one, where that is not all of a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rebuilds import Corpus, column
from tiny_images import png

from m4corpus.accounts import Accounts
from m4corpus.ledger import FAILED, KEPT, Entry
from m4corpus.pipeline import RunResult
from m4corpus.records import Page, schema, to_batch
from m4corpus.sources.earlier import EarlierPart, EarlierRows
from m4corpus.storage.parts import PartWriter, part_name

pytestmark = pytest.mark.usefixtures("executor_here")


def test_what_has_one_id_comes_in_the_order_it_was_read_in(tmp_path: Path) -> None:
    # The ledger has the page, which was found first, behind the failure.
    page = Page("s:kite", "s", "a.jsonl:1", "text/plain", "A kite.")
    with PartWriter(tmp_path / part_name(0), schema(Page), tmp_path) as part, Accounts(tmp_path, 0) as accounts:
        accounts(Entry(page.id, "a.jsonl:7", FAILED, "bad-record", "", 0, b"k" * 16))
        accounts(Entry(page.id, page.locator, KEPT, "", "", 1, b"k" * 16))
        part.write(to_batch([page]))
    earlier = EarlierPart(tmp_path / part_name(0), tmp_path / "ledger" / part_name(0), np.array([True, True]))
    assert [page.locator for page in EarlierRows(earlier, ["s"]).of("s:kite")] == ["a.jsonl:1", "a.jsonl:7"]


def test_an_image_that_is_gone_is_read_again(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, {"read": {"sources": [{"name": "s", "format": "images", "path": "pictures"}]}})
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        (tmp_path / "pictures" / f"{number}.png").write_bytes(png(4, 4, (number, 0, 0)))
    pages = _read(corpus).stages[0].directory
    images = sorted((tmp_path / "work" / "images").rglob("*"))
    gone = [path for path in images if path.is_file() and path.name == dict(column(pages, "metadata")[0])["image"]]
    gone[0].unlink()
    (tmp_path / "pictures" / "3.png").write_bytes(png(4, 4, (3, 0, 0)))
    forecast = corpus.pipeline().plan()[0].forecast
    assert forecast is not None
    assert forecast.reused == 2
    read = _read(corpus).stages[0]
    assert (read.reused, read.computed) == (2, 2)
    assert gone[0].is_file()


def _read(corpus: Corpus) -> RunResult:
    return corpus.pipeline().run(last="read", executor="here")
