"""Which rows of a donor are taken, and which are not."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest

from m4corpus.accounts import Accounts
from m4corpus.ledger import FAILED, KEPT, Entry
from m4corpus.records import Page, from_batches, schema, to_batch
from m4corpus.reuse import Donor, compare
from m4corpus.storage.parts import PartWriter, part_name

PAGES = [Page(f"s:{n}", "s", f"{n}.txt", "text/plain", f"Page {n}.") for n in range(3)]


@pytest.fixture
def donor(tmp_path: Path) -> Donor:
    """Of three pages the first and the last were kept, and the second failed."""
    with PartWriter(tmp_path / part_name(0), schema(Page), tmp_path) as part:
        part.write(to_batch(PAGES))
    plan = compare(tmp_path / part_name(0), None, (), lambda _: None, None)
    made = tmp_path / "made"
    with PartWriter(made / part_name(0), schema(Page), made) as rows, Accounts(made, 0) as accounts:
        for n, page in enumerate(PAGES):
            outcome, slug = (FAILED, "image-missing") if n == 1 else (KEPT, "")
            accounts(Entry(page.id, page.locator, outcome, slug, "", int(n != 1), plan.digest(n)))
        rows.write(to_batch([PAGES[0], PAGES[2]]))
    return Donor(made, [rows.info], [accounts.info], partial(schema, Page))


def test_what_failed_for_a_passing_reason_is_tried_again(donor: Donor, tmp_path: Path) -> None:
    inputs, part = tmp_path / part_name(0), donor.part(0)
    again = compare(inputs, None, (), lambda _: None, part, frozenset({"image-missing"}))
    assert again.origins.tolist() == [0, -1, 2]
    assert not again.whole
    other = compare(inputs, None, (), lambda _: None, part, frozenset({"image-damaged"}))
    assert other.origins.tolist() == [0, 1, 2]
    assert other.whole


def test_a_part_with_other_columns_is_not_there(donor: Donor) -> None:
    assert donor.part(0) is not None
    later = schema(Page).append(pa.field("mood", pa.string(), nullable=False))
    assert Donor(donor.directory, donor.parts, donor.ledger, lambda: later).part(0) is None


def test_an_empty_part_of_a_donor_knows_nothing(tmp_path: Path) -> None:
    made = tmp_path / "made"
    with PartWriter(made / part_name(0), schema(Page), made) as rows, Accounts(made, 0) as accounts:
        pass
    with PartWriter(tmp_path / part_name(0), schema(Page), tmp_path) as part:
        part.write(to_batch(PAGES))
    donor = Donor(made, [rows.info], [accounts.info], partial(schema, Page)).part(0)
    assert donor is not None
    plan = compare(tmp_path / part_name(0), None, (), lambda _: None, donor, frozenset({"image-missing"}))
    assert plan.origins.tolist() == [-1, -1, -1]
    empty = compare(made / part_name(0), None, (), lambda _: None, donor)
    assert (empty.rows, empty.whole) == (0, True)


def test_new_rows_are_kept_from_comparing_unless_they_are_many(
    donor: Donor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = [Page(f"s:{n}", "s", f"{n}.txt", "text/plain", f"Page {n}{' anew' * (n == 2)}.") for n in range(5)]
    with PartWriter(tmp_path / "new.parquet", schema(Page), tmp_path) as part:
        part.write(to_batch(news[:1]))
        part.write(to_batch(news[1:]))
    earlier = donor.part(0)
    plan = compare(tmp_path / "new.parquet", None, (), lambda _: None, earlier, frozenset({"image-missing"}))
    assert plan.origins.tolist() == [0, -1, -1, -1, -1]
    assert list(from_batches(Page, plan.fresh or [])) == news[1:]
    monkeypatch.setattr("m4corpus.reuse._KEPT", 0)
    again = compare(tmp_path / "new.parquet", None, (), lambda _: None, earlier, frozenset({"image-missing"}))
    assert again.fresh is None
    assert again.origins.tolist() == plan.origins.tolist()


def test_rows_in_another_order_are_read_again(donor: Donor, tmp_path: Path) -> None:
    with PartWriter(tmp_path / "turned.parquet", schema(Page), tmp_path) as part:
        part.write(to_batch(PAGES[::-1]))
    plan = compare(tmp_path / "turned.parquet", None, (), lambda _: None, donor.part(0))
    # What the donor knows is not always what can be taken from it.
    assert plan.origins.tolist() == [2, -1, -1]
    assert plan.fresh is None
