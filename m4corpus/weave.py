"""Rows that an earlier build left and rows that are computed, put into one part in the order of the input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from m4corpus.accounts import Accounts
from m4corpus.ledger import KEPT, Entry, noted
from m4corpus.reuse import Plan
from m4corpus.storage.parts import Buffered, read_batches

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    Weights = Callable[[pa.RecordBatch], NDArray[np.int64]]


class Weaver:
    """Takes the ledger rows of what a step computes, in order, and puts those of the donor between them.

    To be called with each entry before the entry's outputs go to ``rows``, and told when there are no more.
    """

    def __init__(self, plan: Plan, accounts: Accounts, rows: Buffered[Any], weights: Weights | None) -> None:
        self._plan = plan
        self._accounts = accounts
        self._rows = rows
        self._weights = weights
        self._outputs = Outputs(plan.donor.path) if plan.donor is not None else None
        self._computed = iter(np.flatnonzero(plan.origins < 0).tolist())
        self._place = 0
        #: What was noted of the inputs that were reused.
        self.facts: Counter[str] = Counter()

    def __call__(self, entry: Entry) -> None:
        """Take the row of the next input that was computed."""
        place = next(self._computed, None)
        if place is None:
            raise AssertionError(f"a ledger row too many: {entry.id}")
        self._reuse(place)
        entry.input = self._plan.digest(place)
        self._accounts(entry)
        self._place = place + 1

    def finish(self) -> None:
        """Take over what comes after the last input that was computed."""
        if next(self._computed, None) is None:
            self._reuse(self._plan.rows)

    def _reuse(self, until: int) -> None:
        """Take over the inputs from the present place."""
        origins = self._plan.origins[self._place : until]
        if not len(origins):
            return
        # Runs of rows that are neighbours at the donor as well.
        breaks = np.flatnonzero(np.diff(origins) != 1) + 1
        for start, end in pairwise([0, *breaks.tolist(), len(origins)]):
            self._copy(self._place + start, int(origins[start]), end - start)
        self._place = until

    def _copy(self, place: int, origin: int, count: int) -> None:
        import pyarrow as pa

        donor, carried = self._plan.donor, self._plan.carried
        if donor is None or self._outputs is None:
            raise AssertionError("rows to reuse without a donor")
        entries = donor.ledger.slice(origin, count)
        values = [self._plan.digest(row) for row in range(place, place + count)]
        entries = _with(entries, "input", pa.array(values, pa.binary()))
        if carried is not None and "locator" in carried.schema.names:
            entries = _with(entries, "locator", carried.column("locator").slice(place, count))
        self._accounts.extend(entries)
        self.facts += facts_of(entries)
        # For each output the input it came from, for what is handed on.
        owners = np.repeat(np.arange(place, place + count), np.diff(donor.starts[origin : origin + count + 1]))
        done = 0
        for batch in self._outputs.between(int(donor.starts[origin]), int(donor.starts[origin + count])):
            if carried is not None:
                batch = _handed_on(batch, carried, owners[done : done + batch.num_rows])
            done += batch.num_rows
            self._rows.extend(batch, self._weights(batch) if self._weights else None)


def facts_of(entries: pa.RecordBatch) -> Counter[str]:
    """What was noted of the kept inputs, summed."""
    import pyarrow.compute as pc

    wanted = pc.and_(pc.equal(entries.column("outcome"), KEPT), pc.not_equal(entries.column("detail"), ""))
    total: Counter[str] = Counter()
    for detail in entries.filter(wanted).column("detail").to_pylist():
        total.update(noted(detail))
    return total


class Outputs:
    """The rows of a donor's part, read once from beginning to end."""

    def __init__(self, part: Path) -> None:
        self._batches = read_batches(part, batch_size=1024)
        self._batch: pa.RecordBatch | None = None
        self._first = 0

    def between(self, start: int, end: int) -> Iterator[pa.RecordBatch]:
        """Rows ``start`` to ``end``; ranges asked for ascend."""
        while start < end:
            if self._batch is None:
                self._batch = next(self._batches)
            after = self._first + self._batch.num_rows
            if start < after:
                yield self._batch.slice(start - self._first, min(end, after) - start)
                start = min(end, after)
            if start >= after:
                self._first, self._batch = after, None


def _handed_on(batch: pa.RecordBatch, carried: pa.RecordBatch, owners: NDArray[np.int64]) -> pa.RecordBatch:
    """Outputs with what their inputs hand on as it is now."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for name in carried.schema.names:
        if name in batch.schema.names:
            values = carried.column(name).take(pa.array(owners))
            batch = _with(batch, name, pc.if_else(pc.equal(values, ""), batch.column(name), values))
    return batch


def _with(batch: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    place = batch.schema.get_field_index(name)
    return batch.set_column(place, batch.schema.field(place), values)
