"""The read stage: files of every source become pages, partitioned by a stable hash of their id and sorted by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from m4corpus import ledger
from m4corpus.datatrove import PipelineStep
from m4corpus.ledger import DROPPED, KEPT, Counts, Entry
from m4corpus.progress import Progress
from m4corpus.records import Page, schema, to_batch
from m4corpus.sources.config import ReadConfig
from m4corpus.sources.inventory import SourceFile, inventory
from m4corpus.sources.readers import Failure, read_file
from m4corpus.stage import Phase, Stage, StageContext, check_accounts
from m4corpus.storage.artifact import Completion
from m4corpus.storage.atomic import fresh_directory
from m4corpus.storage.digests import digest_of, partition_of
from m4corpus.storage.parts import Buffered, PartWriter, part_name, read_batches
from m4corpus.storage.sorting import RunSorter, merged


class ReadStage(Stage):
    """Reads every source of a recipe. ``base`` is the directory that relative paths start from."""

    name: ClassVar[str] = "read"
    needs: ClassVar[tuple[str, ...]] = ()
    config: ReadConfig

    def __init__(self, config: ReadConfig, base: Path, cache: Path) -> None:
        super().__init__(config)
        self.base = base
        #: Every input file with the digest of its content, in a fixed order.
        self.files = inventory(config, base, cache)

    def config_dict(self) -> dict[str, Any]:
        """The configuration less the paths: where the files lie does not matter, what is in them does."""
        config = super().config_dict()
        for source in config["sources"]:
            del source["path"]
        return config

    def resources(self) -> dict[str, str]:
        """One digest over names and contents of all input files."""
        return {"inputs": digest_of([[f.source, f.path, f.sha256] for f in self.files])}

    def info(self, context: StageContext) -> dict[str, Any]:
        """What was read, by source."""
        return {"files": len(self.files), "bytes": sum(f.size for f in self.files)}

    def phases(self, context: StageContext) -> list[Phase]:
        """Scatter: each task reads the files that hash to it. Gather: each part merges what was scattered to it."""
        tasks = context.partitions
        scatter = Scatter(context, self.config, self.base, self.files)
        gather = Gather(context)
        size = sum(f.size for f in self.files)
        return [
            Phase("scatter", [scatter], tasks, size, "bytes"),
            Phase("gather", [gather], tasks, tasks, "parts"),
        ]


class Scatter(PipelineStep):
    """Reads files and spills their pages, sorted, to the bucket of the part they belong to."""

    name = "scatter"

    def __init__(self, context: StageContext, config: ReadConfig, base: Path, files: list[SourceFile]) -> None:
        super().__init__()
        self.context = context
        self.config = config
        self.base = base
        self.files = files

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Page]:
        """Yields nothing: pages and failures go to ``work/scatter/task-<rank>/``."""
        directory = fresh_directory(_scattered(self.context) / f"task-{rank:05d}")
        progress = Progress(self.context.progress("scatter"), rank)
        pages, failures = RunSorter(directory), FailureSpill(directory)
        left = _share(self.config.limit, rank, world_size)
        for file in self.files:
            if partition_of(f"{file.source}\0{file.path}", world_size) != rank:
                continue
            for item in read_file(self.config.source(file.source), self.base, file):
                if left == 0:
                    break
                left -= 1
                bucket = partition_of(item.id, world_size)
                if isinstance(item, Failure):
                    failures.add(bucket, item.entry())
                else:
                    pages.add(bucket, item)
            progress.advance(file.size)
        pages.flush()
        failures.flush()
        progress.flush()
        Completion().write(self.context.completion("scatter", rank))
        yield from ()


class FailureSpill:
    """Ledger rows of failed inputs, by bucket; rows are small, so each bucket of a task is one file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._entries: dict[int, list[Entry]] = {}

    def add(self, bucket: int, entry: Entry) -> None:
        """Take one row."""
        self._entries.setdefault(bucket, []).append(entry)

    def flush(self) -> None:
        """Write the rows of every bucket."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        for bucket, entries in sorted(self._entries.items()):
            path = self._directory / f"{bucket:05d}" / "failed.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_batches([ledger.to_batch(entries)]), path)


class Gather(PipelineStep):
    """Merges what every task scattered to one part; of pages with one id, the first by locator is kept."""

    name = "gather"

    def __init__(self, context: StageContext) -> None:
        super().__init__()
        self.context = context

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Page]:
        """Writes part ``rank`` and its ledger; yields nothing."""
        root, bucket = self.context.directory, f"task-*/{rank:05d}"
        runs = sorted(p for p in _scattered(self.context).glob(f"{bucket}/*.parquet") if p.name != "failed.parquet")
        scratch = fresh_directory(self.context.scratch / "merge" / f"{rank:05d}")
        counts = Counts()
        with (
            PartWriter(root / part_name(rank), schema(Page), root) as parts,
            PartWriter(root / "ledger" / part_name(rank), ledger.schema(), root) as accounts,
        ):
            pages: Buffered[Page] = Buffered(parts, to_batch)
            entries = Buffered(accounts, ledger.to_batch)
            inputs = 0
            previous: Page | None = None
            for page in merged(runs, scratch):
                inputs += 1
                if previous is not None and page.id == previous.id:
                    entry = Entry(page.id, page.locator, DROPPED, "duplicate-id", f"kept={previous.locator}", 0)
                else:
                    entry = Entry(page.id, page.locator, KEPT, "", "", 1)
                    pages.append(page, len(page.content))
                    previous = page
                counts.add(entry)
                entries.append(entry)
            for entry in self._failures(bucket):
                inputs += 1
                counts.add(entry)
                entries.append(entry)
            pages.flush()
            entries.flush()
        check_accounts(f"read part {rank}", counts, inputs, parts.info.rows)
        Completion([parts.info], [accounts.info], counts).write(self.context.completion("gather", rank))
        progress = Progress(self.context.progress("gather"), rank)
        progress.advance()
        progress.flush()
        yield from ()

    def _failures(self, bucket: str) -> list[Entry]:
        rows = [
            Entry(**row)
            for path in _scattered(self.context).glob(f"{bucket}/failed.parquet")
            for batch in read_batches(path)
            for row in batch.to_pylist()
        ]
        return sorted(rows, key=lambda entry: (entry.id, entry.locator, entry.slug))


def _scattered(context: StageContext) -> Path:
    return context.scratch / "scattered"


def _share(limit: int | None, rank: int, tasks: int) -> int:
    """How many inputs a task may take of a trial's ``limit``; -1 means all."""
    return -1 if limit is None else limit // tasks + (rank < limit % tasks)
