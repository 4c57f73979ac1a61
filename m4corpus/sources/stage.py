"""The read stage: files of every source become pages, partitioned by a stable hash of their id and sorted by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from m4corpus.accounts import Accounts
from m4corpus.datatrove import PipelineStep
from m4corpus.ledger import DROPPED, KEPT, Entry
from m4corpus.progress import Progress
from m4corpus.records import Page, schema, to_batch
from m4corpus.sources.config import ReadConfig
from m4corpus.sources.inventory import SourceFile, inventory
from m4corpus.sources.readers import TRANSIENT, Failure, read_file
from m4corpus.stage import Phase, Stage, StageContext
from m4corpus.storage.artifact import Completion
from m4corpus.storage.atomic import fresh_directory
from m4corpus.storage.digests import digest_of, partition_of
from m4corpus.storage.parts import Buffered, PartWriter, part_name
from m4corpus.storage.sorting import RunSorter, merged

#: Media type of a page that only carries a failure to the ledger.
FAILURE = "application/x-m4corpus-failure"


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
        return {"inputs": digest_of([[f.source, f.path, f.sha256, f.problem] for f in self.files])}

    def info(self, context: StageContext) -> dict[str, Any]:
        """How much was read, and how many inputs changed under the reader: an artifact with any is not used again."""
        failed = Counter[str]()
        for rank in range(context.partitions):
            failed.update(Completion.read(context.completion("gather", rank)).counts.failed)
        known_before = sum(file.problem in TRANSIENT for file in self.files)
        transient = sum(failed[reason] for reason in TRANSIENT) - known_before
        return {"files": len(self.files), "bytes": sum(f.size for f in self.files), "transient": transient}

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
        pages = RunSorter(directory)
        left = _share(self.config.limit, rank, world_size)
        for file in self.files:
            if partition_of(f"{file.source}\0{file.path}", world_size) != rank:
                continue
            for item in read_file(self.config.source(file.source), self.base, file):
                if left == 0:
                    break
                left -= 1
                page = _carrying(item) if isinstance(item, Failure) else item
                pages.add(partition_of(page.id, world_size), page)
            progress.advance(file.size)
        pages.flush()
        progress.flush()
        Completion().write(self.context.completion("scatter", rank))
        yield from ()


class Gather(PipelineStep):
    """Merges what every task scattered to one part; of pages with one id, the first by locator is kept."""

    name = "gather"

    def __init__(self, context: StageContext) -> None:
        super().__init__()
        self.context = context

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Page]:
        """Writes part ``rank`` and its ledger; yields nothing."""
        root = self.context.directory
        runs = sorted(_scattered(self.context).glob(f"task-*/{rank:05d}/*.parquet"))
        scratch = fresh_directory(self.context.scratch / "merge" / f"{rank:05d}")
        inputs = 0
        with PartWriter(root / part_name(rank), schema(Page), root) as part, Accounts(root, rank) as accounts:
            pages: Buffered[Page] = Buffered(part, to_batch)
            kept: Page | None = None
            for page in merged(runs, scratch):
                inputs += 1
                if page.media_type == FAILURE:
                    accounts(Entry(page.id, page.locator, **page.metadata, outputs=0))
                elif kept is not None and page.id == kept.id:
                    accounts(Entry(page.id, page.locator, DROPPED, "duplicate-id", f"kept={kept.locator}", 0))
                else:
                    accounts(Entry(page.id, page.locator, KEPT, "", "", 1))
                    pages.append(page, len(page.content))
                    kept = page
            pages.flush()
        accounts.check(f"read part {rank}", inputs, part.info.rows)
        Completion([part.info], [accounts.info], accounts.counts).write(self.context.completion("gather", rank))
        progress = Progress(self.context.progress("gather"), rank)
        progress.advance()
        progress.flush()
        yield from ()


def _carrying(failure: Failure) -> Page:
    """A failure in the form of a page, so that it is sorted into its part's ledger like everything else."""
    entry = failure.entry()
    verdict = {"outcome": entry.outcome, "slug": entry.slug, "detail": entry.detail}
    return Page(entry.id, "", entry.locator, FAILURE, "", metadata=verdict)


def _scattered(context: StageContext) -> Path:
    return context.scratch / "scattered"


def _share(limit: int | None, rank: int, tasks: int) -> int:
    """How many inputs a task may take of a trial's ``limit``; -1 means all."""
    return -1 if limit is None else limit // tasks + (rank < limit % tasks)
