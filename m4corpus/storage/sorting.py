"""External sort of pages by id: sorted runs of bounded size on disk, merged with bounded fan-in.

Memory stays flat however large the corpus: writing holds :data:`RUN_CHARACTERS` of text, merging one small row group
of at most :data:`FAN_IN` runs.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path

from m4corpus.records import Page, from_batches, schema, to_batch, weight
from m4corpus.storage.parts import read_batches

#: Characters of text held in memory before they are written as sorted runs.
RUN_CHARACTERS = 32_000_000
#: Rows or characters of one row group of a run, the unit held for each run while merging.
GROUP_ROWS, GROUP_CHARACTERS = 64, 250_000
#: Most runs merged at once.
FAN_IN = 32


def order(page: Page) -> tuple[str, str, str]:
    """Sort key: the id, then where the page was found, so that equal ids have an order too."""
    return page.id, page.source, page.locator


class RunSorter:
    """Distributes pages over buckets; writes each bucket's as sorted runs ``<directory>/<bucket>/<n>.parquet``."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._buckets: dict[int, list[Page]] = {}
        self._characters = 0
        self._written = 0

    def add(self, bucket: int, page: Page) -> None:
        """Take one page; spills everything held once it exceeds the memory bound."""
        self._buckets.setdefault(bucket, []).append(page)
        self._characters += weight(page) + 500
        if self._characters >= RUN_CHARACTERS:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        for bucket, pages in sorted(self._buckets.items()):
            path = self._directory / f"{bucket:05d}" / f"{self._written:06d}.parquet"
            _write_run(path, sorted(pages, key=order))
        self._written += 1
        self._buckets, self._characters = {}, 0


def merged(runs: list[Path], scratch: Path) -> Iterator[Page]:
    """Pages of all runs in order. Intermediate runs go to ``scratch``; inputs are left as they are."""
    level = 0
    while len(runs) > FAN_IN:
        groups = [runs[i : i + FAN_IN] for i in range(0, len(runs), FAN_IN)]
        paths = [scratch / f"level-{level}" / f"{i:06d}.parquet" for i in range(len(groups))]
        for path, group in zip(paths, groups, strict=True):
            _write_run(path, _merge(group))
        runs, level = paths, level + 1
    yield from _merge(runs)


def _merge(runs: list[Path]) -> Iterator[Page]:
    streams = [from_batches(Page, read_batches(run, batch_size=GROUP_ROWS)) for run in runs]
    return heapq.merge(*streams, key=order)


def _write_run(path: Path, pages: Iterable[Page]) -> None:
    """Scratch data without a digest: an interrupted task starts its runs anew."""
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, schema(Page), compression="lz4", write_statistics=False) as writer:
        group: list[Page] = []
        characters = 0
        for page in pages:
            group.append(page)
            characters += weight(page)
            if len(group) >= GROUP_ROWS or characters >= GROUP_CHARACTERS:
                writer.write_batch(to_batch(group))
                group, characters = [], 0
        if group:
            writer.write_batch(to_batch(group))
