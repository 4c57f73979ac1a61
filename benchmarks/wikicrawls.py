"""Crawls of the tests' MediaWiki wikis, each in a process of its own, and what they cost client and server."""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from measure import MemorySampler
from wikiquestions import names_of


@dataclass(frozen=True)
class Work:
    """What the crawling process says of itself: seconds by the wall and of processor time, peak resident memory in
    bytes, and what it found as pairs of a query and the id of a page."""

    seconds: float
    cpu: float
    peak: int
    found: frozenset[tuple[str, str]]

    @property
    def pages(self) -> int:
        """Different pages."""
        return len({id for _, id in self.found})


@dataclass(frozen=True)
class Crawled:
    """A crawl. ``requests`` is what the wikis were sent, ``again`` how many of these asked for the HTML of a page that
    had been given before; ``php`` is the processor time the wikis took, in seconds."""

    crawler: str
    work: Work = field(repr=False)
    requests: int
    again: int
    php: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.work.seconds

    @property
    def ceiling(self) -> float:
        """Requests a second that the wikis could answer if they had all cores for themselves."""
        return (os.cpu_count() or 1) * self.requests / self.php if self.php else 0.0

    def share(self, seconds: float) -> str:
        """Processor time as a share of what all cores had to give meanwhile."""
        return f"{seconds / self.work.seconds / (os.cpu_count() or 1):.0%}"


def observed(wikis: Any, crawler: str, function: Callable[..., Work], *arguments: Any) -> Crawled:
    """Run one of the functions below in a new process."""
    wikis.forget_hits()
    before = _php_seconds()
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        work = pool.submit(function, *arguments).result()
    hits = wikis.hits()
    parsed = [hit.target for hit in hits if "action=parse" in hit.target and hit.status == 200]
    return Crawled(crawler, work, len(hits), len(parsed) - len(set(parsed)), _php_seconds() - before)


def _php_seconds() -> float:
    processes = psutil.Process().children(recursive=True)
    times = [process.cpu_times() for process in processes if process.name().startswith("php")]
    return float(sum(used.user + used.system for used in times))


def fetch(recipe: Path, workdir: Path) -> Work:
    """``m4corpus crawl``."""
    return _ours(recipe, workdir, lambda crawl: crawl.run(_quiet))


def replay(recipe: Path, workdir: Path) -> Work:
    """``m4corpus crawl replay``; the pages are those of the crawl, which it gives again or fails."""

    def again(crawl: Any) -> Any:
        if not crawl.replay(_quiet).same:
            raise RuntimeError("the replay gives other pages than the crawl")
        return crawl.run(_quiet)

    return _ours(recipe, workdir, again)


def _ours(recipe: Path, workdir: Path, act: Callable[[Any], Any]) -> Work:
    from runs import batches

    from m4corpus.crawl.run import Crawl
    from m4corpus.recipe import load

    def work() -> Any:
        return act(Crawl(load(recipe), recipe.parent, workdir)).artifact.directory

    directory, seconds, cpu, peak = _measured(work)
    pages = {id for batch in batches(directory / "pages", ["id"]) for id in batch.column("id").to_pylist()}
    with (directory / "questions.jsonl").open(encoding="utf-8") as lines:
        questions = [json.loads(line) for line in lines]
    found = {(q["queries"][0]["text"], id) for q in questions for id in q["article_ids"]}
    assert pages == {id for _, id in found}
    return Work(seconds, cpu, peak, frozenset(found))


def reference(recipe: Path, rate: float) -> Work:
    """The reference's loop over the questions of a recipe, in its order."""
    from reference_crawl import ReferenceCrawl

    from m4corpus.recipe import load

    config, names = load(recipe).crawl, names_of(recipe)
    assert config is not None
    assert config.worldcuisines is not None
    with tempfile.TemporaryDirectory() as folder:
        crawl = ReferenceCrawl(config.wiki.api, config.worldcuisines.editions, Path(folder) / "articles.jsonl", rate)
        _, seconds, cpu, peak = _measured(lambda: crawl.run(names))
    return Work(seconds, cpu, peak, frozenset(crawl.found))


def _measured(work: Callable[[], Any]) -> tuple[Any, float, float, int]:
    with MemorySampler(os.getpid()) as memory:
        cpu, start = time.process_time(), time.perf_counter()
        value = work()
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        time.sleep(0.1)  # for one sample more
    return value, seconds, cpu, memory.process


def _quiet(step: str, done: int, total: int) -> None:
    pass
