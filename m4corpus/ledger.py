"""What became of every input: kept, dropped by a named rule, or failed for a reason.

A step says so by returning records (kept) or by raising :class:`Drop` or :class:`Fail`; the ledger writes one row an
input, in the order inputs arrive, and :class:`Counts` must add up before a part counts as complete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

    from m4corpus.storage.parts import PartInfo

KEPT, DROPPED, FAILED = "kept", "dropped", "failed"


class Verdict(Exception):
    """Why one input goes no further; ``slug`` is the rule or reason, ``detail`` deterministic evidence for it."""

    outcome: str

    def __init__(self, slug: str, detail: str = "") -> None:
        super().__init__(slug, detail)
        self.slug = slug
        # Evidence may quote half a surrogate pair, which no file can hold.
        self.detail = detail.encode("utf-8", "backslashreplace").decode()


class Drop(Verdict):
    """A declared rule rejects the input, e.g. ``Drop("min-chars", "chars=12 minimum=50")``."""

    outcome = DROPPED


class Fail(Verdict):
    """The input could not be processed and is quarantined, e.g. ``Fail("invalid-utf8", "byte 0xff at offset 17")``."""

    outcome = FAILED


@dataclass(slots=True)
class Entry:
    """One row of the ledger.

    ``outputs`` is how many records the input became (0 unless kept). The ``detail`` of a kept input counts what its
    step noted of it (:func:`noted`). ``input`` is a digest of all that decided the row, by which a later build knows
    the same input again; empty where nothing is to be known again.
    """

    id: str
    locator: str
    outcome: str
    slug: str
    detail: str
    outputs: int
    input: bytes = b""


@dataclass
class Counts:
    """Totals of a part, a stage or a run; ``inputs == kept + dropped + failed`` always holds when complete."""

    inputs: int = 0
    kept: int = 0
    outputs: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        """Count one ledger row."""
        self.inputs += 1
        self.outputs += entry.outputs
        if entry.outcome == KEPT:
            self.kept += 1
        elif entry.outcome == DROPPED:
            self.dropped[entry.slug] += 1
        else:
            self.failed[entry.slug] += 1

    def add_rows(self, rows: pa.RecordBatch) -> None:
        """Count ledger rows that are columns."""
        import pyarrow.compute as pc

        self.inputs += rows.num_rows
        self.outputs += pc.sum(rows.column("outputs")).as_py() or 0
        for outcome, slug in zip(rows.column("outcome").to_pylist(), rows.column("slug").to_pylist(), strict=True):
            if outcome == KEPT:
                self.kept += 1
            else:
                (self.dropped if outcome == DROPPED else self.failed)[slug] += 1

    def adds_up(self) -> bool:
        """Whether every input is accounted for exactly once."""
        return self.inputs == self.kept + self.dropped.total() + self.failed.total()

    def as_dict(self) -> dict[str, Any]:
        """JSON form, rules and reasons sorted by name."""
        return {
            "inputs": self.inputs,
            "kept": self.kept,
            "outputs": self.outputs,
            "dropped": dict(sorted(self.dropped.items())),
            "failed": dict(sorted(self.failed.items())),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Counts:
        """Inverse of :meth:`as_dict`."""
        return cls(data["inputs"], data["kept"], data["outputs"], Counter(data["dropped"]), Counter(data["failed"]))

    @classmethod
    def total(cls, parts: Iterable[Counts]) -> Counts:
        """Sum over parts."""
        result = cls()
        for part in parts:
            result.inputs += part.inputs
            result.kept += part.kept
            result.outputs += part.outputs
            result.dropped.update(part.dropped)
            result.failed.update(part.failed)
        return result


def note(counts: Mapping[str, int]) -> str:
    """The detail of a kept input of which something was counted: ``masked-email=2 truncated=1``."""
    return " ".join(f"{name}={count}" for name, count in sorted(counts.items()))


def noted(detail: str) -> Counter[str]:
    """Inverse of :func:`note`."""
    pairs = (item.rpartition("=") for item in detail.split())
    return Counter({name: int(count) for name, _, count in pairs})


def schema() -> pa.Schema:
    """Arrow schema of a ledger part."""
    import pyarrow as pa

    text = [pa.field(name, pa.string(), nullable=False) for name in ("id", "locator", "outcome", "slug", "detail")]
    return pa.schema(
        [*text, pa.field("outputs", pa.int32(), nullable=False), pa.field("input", pa.binary(), nullable=False)]
    )


def to_batch(entries: list[Entry]) -> pa.RecordBatch:
    """Columns of ledger rows."""
    import pyarrow as pa

    table_schema = schema()
    return pa.RecordBatch.from_arrays(
        [pa.array([getattr(e, f.name) for e in entries], type=f.type) for f in table_schema], schema=table_schema
    )


def entries(root: Path, parts: Iterable[PartInfo]) -> Iterator[Entry]:
    """The ledger rows of an artifact's ledger parts, in order; those of an earlier version lack ``input``."""
    from m4corpus.storage.parts import read_batches

    for part in parts:
        for batch in read_batches(root / part.path):
            for row in batch.to_pylist():
                yield Entry(**row)
