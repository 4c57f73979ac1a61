"""The read stage: files of every source become pages, partitioned by a stable hash of their id and sorted by it."""

from __future__ import annotations

import heapq
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from m4corpus.accounts import Accounts
from m4corpus.datatrove import PipelineStep
from m4corpus.images import ImageStore
from m4corpus.ledger import DROPPED, KEPT, Entry
from m4corpus.progress import Progress
from m4corpus.records import Page, schema, to_batch, weight, weights
from m4corpus.reuse import Forecast
from m4corpus.sources import hub
from m4corpus.sources.config import CRAWLED, ReadConfig
from m4corpus.sources.earlier import (
    DUPLICATE,
    FAILURE,
    OLDER,
    Earlier,
    EarlierPart,
    EarlierRows,
    file_key,
    forecast,
    stamped,
    unstamped,
)
from m4corpus.sources.hints import check_language
from m4corpus.sources.inventory import inventory
from m4corpus.sources.locate import locate
from m4corpus.sources.pictures import kept
from m4corpus.sources.pins import pins
from m4corpus.sources.readers import IMAGES, TRANSIENT, Failure, Unit, read_unit, require_packages, units, unpackers
from m4corpus.stage import Phase, Stage, StageContext
from m4corpus.storage.artifact import Artifact, Completion
from m4corpus.storage.atomic import fresh_directory, sync_tree, write_json
from m4corpus.storage.digests import digest_of, partition_of
from m4corpus.storage.parts import Buffered, PartWriter, part_name
from m4corpus.storage.sorting import RunSorter, merged, order

if TYPE_CHECKING:
    import pyarrow as pa

_REVISION = re.compile(r"[0-9]{1,20}")


class ReadStage(Stage):
    """Reads every source of a recipe.

    ``base`` is the directory that relative paths start from, ``limit`` the number of inputs of a trial.
    """

    name: ClassVar[str] = "read"
    version: ClassVar[int] = 2
    needs: ClassVar[tuple[str, ...]] = ()
    config: ReadConfig

    def __init__(self, config: ReadConfig, base: Path, cache: Path, limit: int | None = None) -> None:
        super().__init__(config)
        self.limit = limit
        versions = require_packages(config)
        for source in config.sources:
            check_language(source)
        self.base = base
        #: Every input file with the digest of its content, in a fixed order.
        self.files = inventory(config, base, cache)
        self._versions = {**versions, **unpackers(self.files)}

    def config_dict(self) -> dict[str, Any]:
        """The configuration less the paths: where the files lie does not matter, what is in them does."""
        config = super().config_dict()
        for source in config["sources"]:
            del source["path"]
        return {**config, "limit": self.limit}

    def resources(self) -> dict[str, str]:
        """One digest over names and contents of all input files, the commit of each data set of the Hub, and the
        versions of packages that formats are read and files unpacked with."""
        commits = {f"hub:{name}": commit for name, commit in self._commits().items()}
        return {"inputs": self._inputs, **commits, **self._versions}

    @cached_property
    def _inputs(self) -> str:
        return digest_of([[f.source, f.path, f.sha256, f.problem] for f in self.files])

    def info(self, context: StageContext) -> dict[str, Any]:
        """How much was read, and how many inputs changed under the reader: an artifact with any is not used again."""
        scattered = [Completion.read(context.completion("scatter", rank)) for rank in range(context.partitions)]
        transient = sum(completion.info["transient"] for completion in scattered)
        info: dict[str, Any] = {
            "files": len(self.files),
            "bytes": sum(f.size for f in self.files),
            "transient": transient,
            "sources": pins(self.config, self.files),
        }
        if commits := self._commits():
            info["hub"] = commits
        if conditioned := self._conditioned():
            info["conditioned_on_answers"] = conditioned
        return info

    def _conditioned(self) -> list[str]:
        """Benchmarks whose right answers were among what the crawls that are read searched for."""
        crawled = [locate(source, self.base).root for source in self.config.sources if source.format in CRAWLED]
        return sorted({plan for crawl in crawled for plan in Artifact.open(crawl).info["conditioned_on_answers"]})

    def _commits(self) -> dict[str, str]:
        """``OWNER/NAME@COMMIT`` by source, of those that are on the Hub."""
        return {f.source: hub.commit(f.native) for f in self.files if hub.is_address(f.native)}

    def takes(self, donor: Artifact) -> bool:
        """Not for a trial, which stops amid a file."""
        return self.limit is None

    def forecast(self, context: StageContext) -> Forecast | None:
        """By the digests of the files."""
        if context.donor is None:
            return None
        return forecast(context.donor, self.files, self._images(context))

    def _images(self, context: StageContext) -> ImageStore | None:
        """Where images are put, if a source has any."""
        pictured = any(source.format in IMAGES for source in self.config.sources)
        return ImageStore.beside(context.cache) if pictured else None

    def from_inputs(self, resource: str) -> bool:
        """Files are what it reads."""
        return resource == "inputs" or resource.startswith("hub:")

    def phases(self, context: StageContext) -> list[Phase]:
        """Scatter: each task reads the files that hash to it, or its share of one that can be cut. Gather: each part
        merges what was scattered to it with what an earlier artifact has of the files that were not read."""
        tasks = context.partitions
        earlier = None
        if context.donor is not None:
            earlier = Earlier.of(context.donor, self.files, self._images(context))
        _decided(context, earlier)
        files = self.files if earlier is None else earlier.changed
        if self.limit is None:
            work = [unit for f in files for unit in units(self.config.source(f.source), self.base, f)]
        else:  # one task's, who reads but the beginning of a file
            work = [Unit(f) for f in files]
        scatter = Scatter(context, self.config, self.base, work, self.limit)
        gather = Gather(context, [source.name for source in self.config.sources], earlier.parts if earlier else None)
        size = sum(f.size for f in files)
        return [
            Phase("scatter", [scatter], tasks, size, "bytes"),
            Phase("gather", [gather], tasks, tasks, "parts"),
        ]


class Scatter(PipelineStep):
    """Reads files and spills their pages, sorted, to the bucket of the part they belong to."""

    name = "scatter"

    def __init__(
        self, context: StageContext, config: ReadConfig, base: Path, units: list[Unit], limit: int | None
    ) -> None:
        super().__init__()
        self.context = context
        self.config = config
        self.base = base
        self.units = units
        self.limit = limit

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Page]:
        """Yields nothing: pages and failures go to ``work/scatter/task-<rank>/``."""
        directory = fresh_directory(_scattered(self.context) / f"task-{rank:05d}")
        progress = Progress(self.context.progress("scatter"), rank)
        pages, images = RunSorter(directory), ImageStore.beside(self.context.cache)
        transient = 0
        for unit, item in islice(self._items(rank, world_size, progress), self.limit):
            page = _carrying(item, unit.file.source) if isinstance(item, Failure) else kept(item, images)
            pages.add(partition_of(page.id, world_size), stamped(page, file_key(unit.file)))
            transient += isinstance(item, Failure) and item.reason in TRANSIENT and not unit.file.problem
        pages.flush()
        sync_tree(directory)
        progress.flush()
        Completion(info={"transient": transient}).write(self.context.completion("scatter", rank))
        yield from ()

    def _items(self, rank: int, world_size: int, progress: Progress) -> Iterator[tuple[Unit, Page | Failure]]:
        """What the units of a task hold. A trial is one task's: it takes files in the order of a hash, so that a few
        inputs come from all over the sources."""
        if self.limit is None:
            mine = [unit for unit in self.units if (_hash(unit, world_size) + unit.number) % world_size == rank]
        else:
            mine = sorted(self.units, key=lambda unit: (_hash(unit, 1 << 32), unit.number)) if rank == 0 else []
        for unit in mine:
            for item in read_unit(self.config.source(unit.file.source), self.base, unit):
                yield unit, item
            progress.advance(unit.size)


class Gather(PipelineStep):
    """Merges what every task scattered to one part; of pages with one id, one is kept.

    That is the first by locator, or a newer revision that the same source has of it.
    """

    name = "gather"

    def __init__(self, context: StageContext, sources: list[str], earlier: list[EarlierPart] | None) -> None:
        super().__init__()
        self.context = context
        self.sources = sources
        self.earlier = earlier

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Writes part ``rank`` and its ledger; yields nothing."""
        root = self.context.directory
        runs = sorted(_scattered(self.context).glob(f"task-*/{rank:05d}/*.parquet"))
        fresh = merged(runs, fresh_directory(self.context.scratch / "merge" / f"{rank:05d}"))
        with PartWriter(root / part_name(rank), schema(Page), root) as part, Accounts(root, rank) as accounts:
            gathered = Gathered(part, accounts)
            if self.earlier is None:
                gathered.add(fresh)
            else:
                self._join(gathered, fresh, EarlierRows(self.earlier[rank], self.sources))
            gathered.flush()
        accounts.check(f"read part {rank}", gathered.inputs, part.info.rows)
        reused = {"reused": gathered.reused, "computed": gathered.inputs - gathered.reused}
        self.context.log("gather", "reuse", rank, reused)
        Completion([part.info], [accounts.info], accounts.counts).write(self.context.completion("gather", rank))
        progress = Progress(self.context.progress("gather"), rank)
        progress.advance()
        progress.flush()
        yield from ()

    def _join(self, gathered: Gathered, fresh: Iterator[Page], earlier: EarlierRows) -> None:
        """Put the pages that were read between those that are there, in the order of their ids."""
        for id, pages in groupby(fresh, key=attrgetter("id")):
            for run in earlier.before(id):
                gathered.take_over(*run)
            same = earlier.of(id)
            gathered.reused += len(same)
            gathered.add(heapq.merge(pages, same, key=order))
        for run in earlier.rest():
            gathered.take_over(*run)


class Gathered:
    """The pages of a part and its ledger, as they come in the order of their ids."""

    def __init__(self, part: PartWriter, accounts: Accounts) -> None:
        self._pages: Buffered[Page] = Buffered(part, to_batch)
        self._accounts = accounts
        self.inputs = 0
        self.reused = 0

    def add(self, pages: Iterable[Page]) -> None:
        """Take pages and failures, all there are with the ids they have."""
        kept: Page | None = None
        for page in pages:
            self.inputs += 1
            if kept is not None and page.id != kept.id:
                self._keep(kept)
                kept = None
            if page.media_type == FAILURE:
                key = unstamped(page)
                self._accounts(Entry(page.id, page.locator, **page.metadata, outputs=0, input=key))
            elif kept is None:
                kept = page
            elif _newer(page, kept):
                self._accounts(_older(kept, page))
                kept = page
            elif _newer(kept, page):
                self._accounts(_older(page, kept))
            else:
                said = f"kept={kept.locator}"
                self._accounts(Entry(page.id, page.locator, DROPPED, DUPLICATE, said, 0, unstamped(page)))
        if kept is not None:
            self._keep(kept)

    def take_over(self, entries: pa.RecordBatch, pages: list[pa.RecordBatch]) -> None:
        """Take rows of a ledger and the pages they are about, with ids that no other page has."""
        self.inputs += entries.num_rows
        self.reused += entries.num_rows
        self._accounts.extend(entries)
        for batch in pages:
            self._pages.extend(batch, weights(batch))

    def flush(self) -> None:
        """Write what is pending."""
        self._pages.flush()

    def _keep(self, page: Page) -> None:
        self._accounts(Entry(page.id, page.locator, KEPT, "", "", 1, unstamped(page)))
        self._pages.append(page, weight(page))


def _newer(page: Page, other: Page) -> bool:
    """Whether both come from one source, with revisions that are numbers, and that of ``page`` is the higher."""
    return (
        page.source == other.source
        and _REVISION.fullmatch(page.revision) is not None
        and _REVISION.fullmatch(other.revision) is not None
        and int(page.revision) > int(other.revision)
    )


def _older(page: Page, newer: Page) -> Entry:
    detail = f"revision={page.revision} newer={newer.revision} at {newer.locator}"
    return Entry(page.id, page.locator, DROPPED, OLDER, detail, 0, unstamped(page))


def _carrying(failure: Failure, source: str) -> Page:
    """A failure in the form of a page, so that it is sorted into its part's ledger like everything else."""
    entry = failure.entry()
    verdict = {"outcome": entry.outcome, "slug": entry.slug, "detail": entry.detail}
    return Page(entry.id, source, entry.locator, FAILURE, "", metadata=verdict)


def _decided(context: StageContext, earlier: Earlier | None) -> None:
    """Note which files are not read, and drop what an interrupted run scattered that had decided otherwise."""
    note = context.scratch / "not-read.json"
    decision = digest_of(sorted(key.hex() for key in earlier.keys)) if earlier else ""
    if not note.is_file() or json.loads(note.read_bytes()) != decision:
        # What was gathered has the same rows either way, but the failures that passed are counted by what scatters.
        for old in (*(context.completion(name, 0).parent for name in ("scatter", "gather")), _scattered(context)):
            shutil.rmtree(old, ignore_errors=True)
        write_json(note, decision)


def _scattered(context: StageContext) -> Path:
    return context.scratch / "scattered"


def _hash(unit: Unit, buckets: int) -> int:
    """Where a unit's file falls among ``buckets``."""
    return partition_of(f"{unit.file.source}\0{unit.file.path}", buckets)
