"""The same step done by m4corpus and by a reference library: on one core, in one process, over the same input.

Each comparison hands both sides what a finished run left in its artifacts. m4corpus does its whole step, with its
limits, ledger, digests and files; the reference does only its own.
"""

from __future__ import annotations

import copy
import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from runs import batches

from m4corpus.ledger import Counts, Verdict
from m4corpus.pipeline import Pipeline
from m4corpus.records import Page, from_batches
from m4corpus.stage import Stage, StageContext
from m4corpus.stages import build
from m4corpus.storage.artifact import Completion

#: Neighbours asked for in the search comparison.
NEIGHBOURS = 10
#: Fewest seconds a search is repeated for, because one pass over a small index is too short to time.
SEARCH_SECONDS = 1.0


@dataclass(frozen=True)
class Comparison:
    """Rates in ``unit`` per second; ``ours_yield`` and ``reference_yield`` say what each side made of the input."""

    step: str
    reference: str
    unit: str
    count: int
    ours: float
    theirs: float
    ours_yield: str
    reference_yield: str

    @property
    def ratio(self) -> float:
        """How many times as fast as the reference m4corpus is."""
        return self.ours / self.theirs


def compare(pipeline: Pipeline, scratch: Path, pages: int) -> Iterator[Comparison]:
    """Every comparison over the artifacts of a finished run; cleaning takes at most ``pages`` pages."""
    artifacts = {artifact.stage: artifact.directory for artifact in pipeline.status()}
    yield from compare_cleaning(pipeline, artifacts["read"], pages)
    yield compare_dedup(pipeline, artifacts, scratch)
    yield from compare_index(pipeline, artifacts, scratch)


def compare_cleaning(pipeline: Pipeline, read: Path, count: int) -> Iterator[Comparison]:
    """The clean step against trafilatura alone and against BeautifulSoup as M4-RAG uses it."""
    import trafilatura

    from m4corpus.clean.step import CleanStep

    pages = [page for page in from_batches(Page, batches(read)) if page.media_type == "text/html"]
    pages = pages[:: max(1, len(pages) // count)][:count]
    step = CleanStep(pipeline.recipe.clean)
    step.prepare()

    def ours(page: Page) -> str:
        return "".join(document.text for document in step.process(page))

    try:
        our_rate, our_text = _clean(ours, pages)
    finally:
        step.close()
    for name, function in (
        ("trafilatura alone", lambda page: trafilatura.extract(page.content) or ""),
        ("BeautifulSoup as in M4-RAG", lambda page: direct_children_text(page.content)),
    ):
        rate, text = _clean(function, pages)
        yield Comparison("clean", name, "pages", len(pages), our_rate, rate, f"{our_text:,} chars", f"{text:,} chars")


def _clean(function: Callable[[Page], str], pages: list[Page]) -> tuple[float, int]:
    """Pages a second, and characters of text obtained."""

    def text_of(page: Page) -> int:
        try:
            return len(function(page))
        except Verdict:
            return 0

    text_of(pages[0])
    started = time.perf_counter()
    characters = sum(text_of(page) for page in pages)
    return len(pages) / (time.perf_counter() - started), characters


def direct_children_text(content: str) -> str:
    """Text as M4-RAG's scripts take it from MediaWiki HTML, written anew from what they do.

    BeautifulSoup with Python's own parser; headings and paragraphs are looked for among the direct children of the
    content element alone, superscripts are thrown away and the rest goes through ``get_text``. Pages that are not
    MediaWiki's have no such element: the one with the most paragraphs as direct children stands in for it.
    """
    from bs4 import BeautifulSoup, Tag

    soup = BeautifulSoup(content, "html.parser")
    parents: dict[int, Tag] = {id(p.parent): p.parent for p in soup.find_all("p") if p.parent is not None}
    root = soup.find("div", class_="mw-parser-output") or max(
        parents.values(), key=lambda parent: len(parent.find_all("p", recursive=False)), default=soup
    )
    for element in root.find_all("sup"):
        element.decompose()
    blocks = root.find_all(re.compile(r"h[1-6]|p"), recursive=False)
    return "\n".join(text for block in blocks if (text := block.get_text().strip()))


def compare_dedup(pipeline: Pipeline, artifacts: dict[str, Path], scratch: Path) -> Comparison:
    """The dedup stage against datatrove's MinHash, both from the filter stage's files to files of their own."""
    started = time.perf_counter()
    inputs, kept = datatrove_minhash(artifacts["filter"], scratch / "datatrove")
    theirs = time.perf_counter() - started

    stage = build("dedup", pipeline.recipe, pipeline.base, scratch / "cache")
    seconds, counts = run_inline(stage, pipeline, artifacts, scratch / "dedup")
    return Comparison(
        "dedup", "datatrove MinHash", "documents", inputs, inputs / seconds, inputs / theirs,
        f"{counts.dropped.total():,} dropped", f"{inputs - kept:,} dropped",
    )  # fmt: skip


def datatrove_minhash(documents: Path, folder: Path) -> tuple[int, int]:
    """Documents read and kept by datatrove's four steps, one after the other with their defaults.

    Words are what stands between spaces: datatrove's own tokenizers need spaCy, and with it are many times slower.
    """
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter
    from datatrove.utils.word_tokenizers import WordTokenizer
    from loguru import logger

    class Words(WordTokenizer):
        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

        def sent_tokenize(self, text: str) -> list[str]:
            return [text]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(0, len(text))]

    config = MinhashConfig()
    signatures, buckets, removals, output = (str(folder / n) for n in ("signatures", "buckets", "removals", "output"))
    reader = ParquetReader(str(documents), glob_pattern="part-*.parquet", file_progress=False, doc_progress=False)
    logger.disable("datatrove")
    with redirect_stderr(io.StringIO()):
        _drain(MinhashDedupSignature(signatures, config, language=Words()).run(reader.run(), 0, 1))
        for rank in range(config.num_buckets):
            _drain(MinhashDedupBuckets(signatures, buckets, config=config).run(None, rank, config.num_buckets))
        _drain(MinhashDedupCluster(buckets, removals, config=config).run(None, 0, 1))
        kept = _drain(ParquetWriter(output).run(MinhashDedupFilter(removals).run(reader.run(), 0, 1)))
    logger.enable("datatrove")
    return sum(batch.num_rows for batch in batches(documents, ["id"])), kept


def compare_index(pipeline: Pipeline, artifacts: dict[str, Path], scratch: Path) -> Iterator[Comparison]:
    """Building and searching the index against one ``IndexFlatL2`` that holds everything."""
    import faiss

    from m4corpus.index.shards import ShardedIndex

    faiss.omp_set_num_threads(1)
    started = time.perf_counter()
    vectors = read_vectors(artifacts["embed"])
    flat = faiss.IndexFlatL2(vectors.shape[1])
    flat.add(vectors)
    scratch.mkdir(parents=True, exist_ok=True)
    faiss.write_index(flat, str(scratch / "flat.faiss"))
    theirs = time.perf_counter() - started

    stage = build("index", pipeline.recipe, pipeline.base, scratch / "cache")
    seconds, _ = run_inline(stage, pipeline, artifacts, scratch / "index")
    size = len(vectors)
    yield Comparison(
        "index: build", "IndexFlatL2", "vectors", size, size / seconds, size / theirs, "shards, rows", "vectors only"
    )

    queries = vectors[:: max(1, size // 256)][:256]
    index = ShardedIndex.open(artifacts["index"])
    our_rate = _searches(lambda: index.search(queries, NEIGHBOURS, None), len(queries))
    rate = _searches(lambda: flat.search(queries, NEIGHBOURS), len(queries))
    yield Comparison("index: search", "IndexFlatL2", "queries", size, our_rate, rate, "hits with chunks", "row numbers")


def read_vectors(artifact: Path) -> Any:
    """All vectors of an embed artifact as one float32 array."""
    column = [batch.column("vector") for batch in batches(artifact, ["vector"])]
    return np.concatenate([np.asarray(c.flatten(), dtype=np.float32).reshape(len(c), -1) for c in column])


def _searches(search: Callable[[], object], queries: int) -> float:
    """Queries a second."""
    search()
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < SEARCH_SECONDS:
        search()
        done += queries
    return done / (time.perf_counter() - started)


def run_inline(stage: Stage, pipeline: Pipeline, artifacts: dict[str, Path], directory: Path) -> tuple[float, Counts]:
    """Run a stage's tasks one after the other in this process; seconds, and totals of its ledger."""
    inputs = {need: artifacts[need] for need in stage.needs}
    context = StageContext(directory, inputs, pipeline.recipe.partitions, directory / "cache")
    context.scratch.mkdir(parents=True)
    started = time.perf_counter()
    completions: list[Completion] = []
    for phase in stage.phases(context):
        for rank in range(phase.tasks):
            # As datatrove does: every task starts from a fresh copy of the steps.
            data: Any = None
            for step in copy.deepcopy(phase.steps):
                data = step.run(data, rank, phase.tasks)
            _drain(data)
        completions = [Completion.read(context.completion(phase.name, rank)) for rank in range(phase.tasks)]
    return time.perf_counter() - started, Counts.total(completion.counts for completion in completions)


def _drain(data: Any) -> int:
    """Run a generator to its end (a step may also return None) and count what it yields."""
    return sum(1 for _ in data or ())
