"""The index stage: the chunks and vectors of each part become shards that can be searched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from m4corpus import ledger
from m4corpus.accounts import Accounts
from m4corpus.datatrove import PipelineStep
from m4corpus.embed.stored import pack, unpack
from m4corpus.errors import IntegrityError
from m4corpus.index.config import IndexConfig
from m4corpus.index.earlier import EarlierShard, EarlierShards
from m4corpus.index.writer import GROUP_ROWS, ShardWriter, shard_name
from m4corpus.ledger import FAILED, KEPT
from m4corpus.progress import Progress
from m4corpus.reuse import Forecast
from m4corpus.stage import Phase, Stage, StageContext
from m4corpus.storage.artifact import Artifact, Completion
from m4corpus.storage.parts import ROWS_PER_GROUP, PartInfo, read_batches
from m4corpus.storage.rowdigests import row_digests

if TYPE_CHECKING:
    import pyarrow as pa

PHASE = "index"
#: Rows dealt with at a time: whole row groups of a shard.
STEP = 4 * GROUP_ROWS
REBUILD = "Run again with: --from embed."
SURPLUS = "more vectors than its manifest says"


@dataclass(frozen=True)
class Part:
    """What a task reads: chunks, their vectors, and the ledger that says which chunks have none."""

    chunks: Path
    vectors: Path
    ledger: Path
    rows: int


class IndexStage(Stage):
    """Indexes every embedded chunk. A part without any yields no shard."""

    name: ClassVar[str] = "index"
    needs: ClassVar[tuple[str, ...]] = ("chunk", "embed")
    config: IndexConfig

    def phases(self, context: StageContext) -> list[Phase]:
        """One phase, a task for each part."""
        builder = self._builder(context)
        return [Phase(PHASE, [builder], len(builder.parts), sum(part.rows for part in builder.parts), "chunks")]

    def forecast(self, context: StageContext) -> Forecast | None:
        """By reading chunks and vectors, as far as a shard of the donor has the same."""
        builder = self._builder(context)
        if builder.earlier is None:
            return None
        reused = new = changed = gone = 0
        for rank in range(len(builder.parts)):
            now, before = len(builder.starts(rank)), len(builder.earlier.part(rank, self.config.shard_rows))
            same = len(builder.same(rank))
            reused += same
            new += max(now - before, 0)
            changed += min(now, before) - same
            gone += max(before - now, 0)
        return Forecast("shards", reused, new, changed, gone)

    def _builder(self, context: StageContext) -> ShardBuilder:
        chunks, vectors = (Artifact.open(context.inputs[need]) for need in self.needs)
        infos = list(zip(chunks.parts(), vectors.parts(), vectors.ledger(), strict=True))
        parts = [
            Part(chunks.directory / c.path, vectors.directory / v.path, vectors.directory / entries.path, v.rows)
            for c, v, entries in infos
        ]
        dimension, encoder = vectors.info["identity"]["dimension"], vectors.info["fingerprint"]
        earlier = EarlierShards.of(context.donor, dimension, encoder) if context.donor is not None else None
        return ShardBuilder(context, parts, self.config.shard_rows, dimension, encoder, earlier)

    def info(self, context: StageContext) -> dict[str, Any]:
        """What kind of index it is, how large, and of which encoder's vectors."""
        embed = Artifact.open(context.inputs["embed"])
        done = [Completion.read(context.completion(PHASE, rank)) for rank in range(len(embed.parts()))]
        return {
            "kind": self.config.kind,
            "metric": self.config.metric,
            "dimension": embed.info["identity"]["dimension"],
            "encoder": embed.info["fingerprint"],
            "rows": sum(completion.counts.outputs for completion in done),
            "shards": sum(completion.info["shards"] for completion in done),
        }


class ShardBuilder(PipelineStep):
    """Writes the shards of one part, holding one shard's vectors at a time."""

    name = "build shards"

    def __init__(
        self,
        context: StageContext,
        parts: list[Part],
        shard_rows: int,
        dimension: int,
        encoder: str,
        earlier: EarlierShards | None = None,
    ) -> None:
        super().__init__()
        self.context = context
        self.parts = parts
        self.shard_rows = shard_rows
        self.dimension = dimension
        self.encoder = encoder
        self.earlier = earlier

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Writes the shards and the ledger of part ``rank``; yields nothing."""
        root, part = self.context.directory, self.parts[rank]
        progress = Progress(self.context.progress(PHASE), rank)
        files: list[PartInfo] = []
        starts, same = self.starts(rank), self.same(rank)
        read = not same or len(same) < len(starts)
        rows, skipped = _Rows(aligned(part) if read else iter(())), 0
        with Accounts(root, rank) as accounts:
            for number, start in enumerate(starts):
                size = min(self.shard_rows, part.rows - start)
                if number in same:
                    files += same[number].taken(root)
                    accounts.extend(same[number].entries)
                    progress.advance(size)
                    skipped += size
                else:
                    rows.skip(skipped)
                    skipped = 0
                    files += self._written(root / shard_name(rank, number), part, size, rows, accounts, progress)
        if read and (rows.skip(skipped) or rows.take(1) is not None):
            raise IntegrityError(f"{part.vectors}: {SURPLUS}", REBUILD)
        progress.flush()
        accounts.check(f"{PHASE} part {rank}", part.rows, part.rows)
        reused = sum(shard.entries.num_rows for shard in same.values())
        self.context.log(PHASE, "reuse", rank, {"reused": reused, "computed": part.rows - reused, "shards": len(same)})
        completion = Completion(files, [accounts.info], accounts.counts, {"shards": len(starts)})
        completion.write(self.context.completion(PHASE, rank))
        yield from ()

    def starts(self, rank: int) -> range:
        """The first row of each shard of a part."""
        return range(0, self.parts[rank].rows, self.shard_rows)

    def same(self, rank: int) -> dict[int, EarlierShard]:
        """The shards of a part that an earlier index has with the very same rows, by number."""
        part, starts = self.parts[rank], self.starts(rank)
        before = self.earlier.part(rank, self.shard_rows) if self.earlier is not None else {}
        rows, place, same = _Rows(aligned(part)), 0, {}
        for number, shard in before.items():
            size = shard.entries.num_rows
            if number >= len(starts) or size != min(self.shard_rows, part.rows - starts[number]):
                continue
            rows.skip(starts[number] - place)
            known, found = shard.inputs, 0
            # No further than to the first row that differs, as the part then has to be read once more.
            while found < size and (batch := rows.take(min(size - found, STEP))) is not None:
                place = starts[number] + found + len(batch)
                if row_digests(batch) != known[found : found + len(batch)]:
                    break
                found += len(batch)
            if found == size and shard.sound():
                same[number] = shard
        # Who takes over every shard does not read the part again, so that its end is to be seen here.
        if same and len(same) == len(starts) and rows.take(1) is not None:
            raise IntegrityError(f"{part.vectors}: {SURPLUS}", REBUILD)
        return same

    def _written(
        self, directory: Path, part: Part, size: int, rows: _Rows, accounts: Accounts, progress: Progress
    ) -> list[PartInfo]:
        """The files of a shard of the next ``size`` rows."""
        with ShardWriter(directory, self.context.directory, size, self.dimension, self.encoder) as shard:
            while shard.room:
                batch = rows.take(min(shard.room, STEP))
                if batch is None:
                    raise IntegrityError(f"{part.vectors}: fewer vectors than its manifest says", REBUILD)
                shard.add(batch)
                accounts.extend(_entries(batch))
                progress.advance(len(batch))
        return shard.parts


def _entries(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Ledger rows of chunks that are indexed."""
    import pyarrow as pa

    count, empty = len(rows), pa.array([""] * len(rows))
    columns = [rows.column("id"), empty, pa.array([KEPT] * count), empty, empty,
               pa.array([1] * count, pa.int32()), pa.array(row_digests(rows), pa.binary())]  # fmt: skip
    return pa.RecordBatch.from_arrays(columns, schema=ledger.schema())


def aligned(part: Part) -> Iterator[pa.RecordBatch]:
    """Chunks with a column ``vector`` besides their own, in order.

    Raises:
        IntegrityError: a chunk is neither embedded nor in the embed stage's ledger as failed, or the order differs.
    """
    import pyarrow as pa

    chunks = _Rows(_embedded(part))
    for batch in read_batches(part.vectors, ["chunk_id", "vector"], batch_size=ROWS_PER_GROUP):
        rows = chunks.take(len(batch))
        if rows is None or not rows.column("id").equals(batch.column("chunk_id")):
            raise IntegrityError(f"{part.vectors} does not hold the vectors of {part.chunks}, row by row", REBUILD)
        vectors = pack(unpack(batch.column("vector")))
        yield rows.append_column(pa.field("vector", vectors.type, nullable=False), vectors)
    if chunks.take(1) is not None:
        raise IntegrityError(f"{part.vectors} lacks vectors for chunks of {part.chunks}", REBUILD)


def _embedded(part: Part) -> Iterator[pa.RecordBatch]:
    """Chunks less those the embed stage's ledger records as failed."""
    import pyarrow as pa
    import pyarrow.compute as pc

    failed: list[str] = []
    for batch in read_batches(part.ledger, ["id", "outcome"], batch_size=ROWS_PER_GROUP):
        failed += batch.filter(pc.equal(batch.column("outcome"), FAILED)).column("id").to_pylist()
    without = pa.array(failed, type=pa.string())
    for batch in read_batches(part.chunks, batch_size=ROWS_PER_GROUP):
        yield batch.filter(pc.invert(pc.is_in(batch.column("id"), without))) if failed else batch


class _Rows:
    """Hands out rows of a stream of batches in numbers of the taker's choosing."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._pending: list[pa.RecordBatch] = []

    def skip(self, count: int) -> bool:
        """Pass over rows; whether there were too few."""
        while count and self.take(step := min(count, STEP)) is not None:
            count -= step
        return count > 0

    def take(self, count: int) -> pa.RecordBatch | None:
        """The next ``count`` rows; None when fewer are left."""
        import pyarrow as pa

        have = sum(len(batch) for batch in self._pending)
        while have < count:
            batch = next(self._batches, None)
            if batch is None:
                return None
            self._pending.append(batch)
            have += len(batch)
        *whole, last = self._pending
        cut = len(last) - (have - count)
        self._pending = [last.slice(cut)] if have > count else []
        return pa.concat_batches([*whole, last.slice(0, cut)]) if whole else last.slice(0, cut)
