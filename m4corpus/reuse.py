"""What an earlier artifact of a stage still holds of the one that is being built.

An artifact whose stage, version, configuration and resources are the same is a *donor*, whatever it was made from. Its
ledger remembers each input by a digest (``input``), so part n of the new input is compared with part n of the ledger:
an input that is there again became the same rows, which are copied and not computed. Files of a donor are checked
against their recorded digests first; one that differs is as if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from m4corpus.storage.artifact import Artifact
from m4corpus.storage.digests import file_digest
from m4corpus.storage.parts import PartInfo, read_batches
from m4corpus.storage.rowdigests import SIZE, row_digests

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

#: Columns that stages hand on as they are, where they are not empty, and on which nothing else they do depends: where a
#: page was found, which revision it is and when it was fetched. An input that differs in nothing else is known again,
#: and what it became gets the new values.
CARRIED = ("locator", "revision", "fetched_at")
#: Bytes of the digest of the carried columns, behind the digest of the others.
_TAIL = 8
_WIDTH = SIZE + _TAIL
#: Most bytes of rows that are kept from comparing them for computing them.
_KEPT = 16 << 20
#: For each id of a batch, what else decides about it.
Besides = Callable[[Sequence[str]], list[bytes] | None]


@dataclass(frozen=True)
class Forecast:
    """What a run would find of its inputs at a donor: as many as were there before (``reused``), are ``new``, have the
    name of another (``changed``), or are there no more (``gone``). Counts are of ``unit``."""

    unit: str
    reused: int
    new: int
    changed: int
    gone: int

    def __str__(self) -> str:
        return f"{self.unit}: {self.new:,} new, {self.changed:,} changed, {self.gone:,} gone, {self.reused:,} reused"


@dataclass(frozen=True)
class DonorPart:
    """A part of a donor, found sound: its rows, and the ledger rows they came from."""

    path: Path
    info: PartInfo
    ledger_path: Path
    ledger_info: PartInfo
    ledger: pa.RecordBatch

    @cached_property
    def starts(self) -> Rows:
        """For each ledger row the place of its first output among the part's rows; the number of rows at the end."""
        counts = np.asarray(self.ledger.column("outputs")).astype(np.int64)
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])

    @cached_property
    def inputs(self) -> NDArray[np.uint8] | None:
        """The digests of the inputs, one a row; None when they were not recorded."""
        content = b"".join(self.ledger.column("input").to_pylist())
        if len(content) != _WIDTH * self.ledger.num_rows:
            return None
        return _matrix(content)


@dataclass(frozen=True)
class Donor:
    """An artifact that rows may be taken from, by part."""

    directory: Path
    parts: list[PartInfo]
    ledger: list[PartInfo]
    schema: Callable[[], pa.Schema]

    @classmethod
    def of(cls, artifact: Artifact, schema: Callable[[], pa.Schema]) -> Donor:
        """The parts and ledger of an artifact with as many of one as of the other, whose rows are of that schema."""
        return cls(artifact.directory, artifact.parts(), artifact.ledger(), schema)

    def part(self, rank: int) -> DonorPart | None:
        """Part ``rank``, or None when its files are not what the manifest says, have other columns, or say nothing
        about inputs."""
        if rank >= len(self.parts) or rank >= len(self.ledger):
            return None
        info, ledger_info = self.parts[rank], self.ledger[rank]
        ledger = sound_ledger(self.directory, ledger_info)
        if ledger is None or not sound_rows(self.directory, info, self.schema()):
            return None
        part = DonorPart(self.directory / info.path, info, self.directory / ledger_info.path, ledger_info, ledger)
        return part if part.inputs is not None and part.starts[-1] == info.rows else None


def sound(directory: Path, info: PartInfo) -> bool:
    """Whether a file is byte for byte what was recorded."""
    path = directory / info.path
    try:
        return path.stat().st_size == info.size and file_digest(path) == info.sha256
    except OSError:
        return False


def sound_rows(directory: Path, info: PartInfo, schema: pa.Schema) -> bool:
    """Whether a part is what was recorded and has the columns of ``schema``; one of an earlier version may not."""
    import pyarrow.parquet as pq

    return sound(directory, info) and bool(pq.read_schema(directory / info.path).equals(schema))


def sound_ledger(directory: Path, info: PartInfo) -> pa.RecordBatch | None:
    """The rows of a ledger part; None when the file is not what was recorded, or an earlier version wrote it."""
    import pyarrow as pa

    from m4corpus.ledger import schema

    if not sound(directory, info):
        return None
    wanted = schema()
    batches = list(read_batches(directory / info.path, batch_size=1 << 16))
    if any(not batch.schema.equals(wanted) for batch in batches):
        return None
    return pa.concat_batches(batches) if batches else pa.RecordBatch.from_pylist([], schema=wanted)


@dataclass(frozen=True)
class Plan:
    """Of each row of an input part: its digest, and the ledger row of the donor that is about the same (or -1)."""

    origins: Rows
    digests: bytes
    carried: pa.RecordBatch | None
    donor: DonorPart | None
    #: Whether the donor's part is the very part that would be built.
    whole: bool
    #: The rows whose origin is -1, in order; None where they have to be read again.
    fresh: list[pa.RecordBatch] | None = None

    @property
    def rows(self) -> int:
        """Rows of the input part."""
        return len(self.origins)

    @property
    def reused(self) -> int:
        """Rows that need not be computed."""
        return int(np.count_nonzero(self.origins >= 0))

    def digest(self, row: int) -> bytes:
        """What the ledger keeps of an input."""
        return self.digests[row * _WIDTH : (row + 1) * _WIDTH]


def compare(path: Path, columns: list[str] | None, carried: Sequence[str], besides: Besides,
            donor: DonorPart | None, again: Collection[str] = ()) -> Plan:  # fmt: skip
    """Read an input part and find its rows in the ledger of a donor, less those that failed for a reason ``again``."""
    theirs = donor.inputs if donor is not None else None
    passing = _passing(donor.ledger, again) if donor is not None else np.zeros(0, np.bool_)
    fresh = Fresh(theirs[~passing]) if theirs is not None else None
    digests, kept = [], []
    for batch in read_batches(path, columns, batch_size=1024):
        handed = [name for name in carried if name in batch.schema.names]
        these = _digests(batch, handed, besides)
        digests += these
        if fresh is not None:
            fresh.add(batch, _matrix(b"".join(these)))
            if handed:
                kept.append(batch.select(handed))
    found = b"".join(digests)
    if theirs is None or fresh is None:
        return Plan(np.full(len(digests), -1, np.int64), found, None, donor, whole=False)
    ours = _matrix(found)
    origins = _origins(ours, theirs)
    known = np.flatnonzero(origins >= 0)
    origins[known[passing[origins[known]]]] = -1
    whole = np.array_equal(ours, theirs) and not passing.any()
    return Plan(origins, found, _joined(kept), donor, whole, fresh.of(np.flatnonzero(origins < 0)))


class Fresh:
    """The rows of an input part that a donor does not know, kept from the first reading as long as they are few."""

    def __init__(self, known: NDArray[np.uint8]) -> None:
        self._known = _keys(known)
        self._batches: list[pa.RecordBatch] = []
        self._places: list[Rows] = []
        self._seen = self._bytes = 0

    def add(self, batch: pa.RecordBatch, digests: NDArray[np.uint8]) -> None:
        """Look through the next rows."""
        import pyarrow.compute as pc

        wanted = pc.invert(pc.is_in(_keys(digests), value_set=self._known))
        self._places.append(self._seen + np.flatnonzero(wanted))
        self._seen += batch.num_rows
        if self._bytes <= _KEPT:
            rows = batch.filter(wanted)
            self._bytes += rows.nbytes
            self._batches.append(rows)

    def of(self, places: Rows) -> list[pa.RecordBatch] | None:
        """The rows at ``places``, if these are the ones that were kept."""
        few = self._bytes <= _KEPT and np.array_equal(np.concatenate([np.zeros(0, np.int64), *self._places]), places)
        return self._batches if few else None


def _passing(ledger: pa.RecordBatch, again: Collection[str]) -> NDArray[np.bool_]:
    """Which rows of a ledger are of inputs that failed for a reason ``again``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    reasons = pa.array(sorted(again), pa.string())
    return np.asarray(pc.is_in(ledger.column("slug"), value_set=reasons)).astype(np.bool_)


def forecast(
    parts: Sequence[Path], columns: list[str] | None, carried: Sequence[str], donor: Donor, unit: str
) -> Forecast:
    """What :func:`compare` would find, over all parts, where nothing else decides about a record."""
    reused = new = changed = gone = 0
    for rank, path in enumerate(parts):
        part = donor.part(rank)
        plan = compare(path, columns, carried, lambda _: None, part)
        ids = [id for batch in read_batches(path, ["id"], batch_size=1 << 16) for id in batch.column(0).to_pylist()]
        before = set(part.ledger.column("id").to_pylist()) if part else set()
        again = sum(id in before for id in ids)
        reused += plan.reused
        changed += again - plan.reused
        new += len(ids) - again
        gone += len(before) - again
    return Forecast(unit, reused, new, changed, gone)


def _digests(batch: pa.RecordBatch, handed: list[str], besides: Besides) -> list[bytes]:
    import pyarrow as pa
    import pyarrow.compute as pc

    names = [name for name in batch.schema.names if name not in handed]
    arrays = [batch.column(name) for name in names]
    # Where the input has no value, a step may have found one elsewhere.
    arrays += [pc.not_equal(batch.column(name), "") for name in handed]
    rest = pa.RecordBatch.from_arrays(arrays, [*names, *handed])
    ids = batch.column("id").to_pylist()
    heads = row_digests(rest, besides(ids))
    tails = row_digests(batch.select(handed), size=_TAIL) if handed else [bytes(_TAIL)] * len(heads)
    return [head + tail for head, tail in zip(heads, tails, strict=True)]


def _origins(ours: NDArray[np.uint8], theirs: NDArray[np.uint8]) -> Rows:
    """Place of each of our digests among theirs, ascending, or -1."""
    import pyarrow.compute as pc

    places = pc.index_in(_keys(ours), value_set=_keys(theirs))
    origins = np.asarray(places.fill_null(-1)).astype(np.int64)
    # Both parts are sorted alike, so what is in both ascends in both; anything else is computed.
    before = np.maximum.accumulate(np.concatenate([[-1], origins[:-1]])) if len(origins) else origins
    origins[origins <= before] = -1
    return origins


def _matrix(digests: bytes) -> NDArray[np.uint8]:
    """Digests of inputs, one a row."""
    return np.frombuffer(digests, np.uint8).reshape(-1, _WIDTH)


def _keys(digests: NDArray[np.uint8]) -> pa.Array:
    import pyarrow as pa

    content = np.ascontiguousarray(digests[:, :SIZE]).tobytes()
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(SIZE), len(digests), [None, pa.py_buffer(content)])


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch | None:
    import pyarrow as pa

    return pa.concat_batches(batches) if batches else None
