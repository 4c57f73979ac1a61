"""Carrying out a recipe's crawl: fetching, resuming, and replaying it from its archive alone."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from m4corpus.crawl.archive import Archive
from m4corpus.crawl.assemble import assemble
from m4corpus.crawl.client import LAGGED, Client
from m4corpus.crawl.config import CrawlConfig
from m4corpus.crawl.directory import CrawlDirectory, Plan, crawls, current
from m4corpus.crawl.earlier import EarlierFirst
from m4corpus.crawl.fetcher import AsksNetwork, Counters, LiveFetcher, ReplayFetcher
from m4corpus.crawl.frontier import Frontier
from m4corpus.crawl.mediawiki.answers import judge
from m4corpus.crawl.messages import Judge
from m4corpus.crawl.program import Program, Watch
from m4corpus.crawl.questions import QuestionSet, load
from m4corpus.crawl.questions.estimate import Estimate, estimate
from m4corpus.errors import UserError
from m4corpus.recipe import Recipe
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.atomic import machine_refused
from m4corpus.storage.lock import locked

#: What decides, by kind of request, whether a stored response is an answer.
JUDGES: dict[str, Judge] = dict.fromkeys(LAGGED, judge)


@dataclass(frozen=True)
class CrawlResult:
    """A finished crawl. ``counters`` is empty and ``seconds`` 0 where there was nothing left to do."""

    crawl: CrawlDirectory
    artifact: Artifact
    counters: Counters = field(default_factory=Counters)
    seconds: float = 0.0


@dataclass(frozen=True)
class Replayed:
    """``logical`` is the digest of the pages the archive gives now, ``expected`` the one its crawl recorded."""

    crawl: CrawlDirectory
    logical: str
    expected: str

    @property
    def same(self) -> bool:
        """Whether the crawl was reproduced."""
        return self.logical == self.expected


class Crawl:
    """The crawl of one recipe. ``base`` is where its relative paths start."""

    def __init__(self, recipe: Recipe, base: Path, workdir: Path) -> None:
        if recipe.crawl is None:
            raise UserError(
                f"recipe {recipe.name} has no crawl section",
                "It has nothing to fetch; `m4corpus recipe keys` describes the section.",
            )
        self.recipe = recipe
        self.config: CrawlConfig = recipe.crawl
        self.root = workdir / recipe.name
        self.questions: QuestionSet = load(self.config, base)
        self.plan = Plan.of(self.config, self.questions.inputs)

    def estimate(self) -> Estimate:
        """What a crawl from nothing would ask, and how long that takes."""
        return estimate(self.config, self.questions)

    def run(self, watch: Watch, *, again: bool = False, retry: bool = False) -> CrawlResult:
        """Fetch what is still to be fetched, then write the pages.

        ``again`` begins a new crawl although the newest is finished: pages whose revision is still the same are taken
        from it. ``retry`` asks once more for what failed for reasons that may have passed.

        Raises ``UserError``, ``LockedError``, ``HostDown`` and ``EnvironmentFailure``; the same command resumes.
        """
        started = time.monotonic()
        with locked(self.root), _refusals():
            earlier = [crawl for crawl in crawls(self.root) if crawl.finished]
            crawl = current(self.root, self.plan, again=again)
            if crawl.finished and not retry:
                return CrawlResult(crawl, Artifact.open(crawl.path))
            # A crawl that is taken up again is not finished until it is written anew.
            (crawl.path / "manifest.json").unlink(missing_ok=True)
            before = [c for c in earlier if c.number < crawl.number and c.frontier.is_file()][-1:]
            artifact, counters = asyncio.run(self._live(crawl, before, watch, retry))
        return CrawlResult(crawl, artifact, counters, time.monotonic() - started)

    def replay(self, watch: Watch, number: int | None = None) -> Replayed:
        """Crawl again without the network, from the archive of crawl ``number`` or the newest.

        A crawl that was never finished, or of which only plan and archive are left, gets its pages this way.
        """
        crawl = self.find(number)
        if crawl.plan.fingerprint != self.plan.fingerprint:
            raise UserError(
                f"{crawl.path} asked other things than recipe {self.recipe.name} does now",
                "Restore the recipe and the tables it was crawled with.",
            )
        scratch = CrawlDirectory(crawl.path / "replay")
        with locked(self.root), _refusals():
            shutil.rmtree(scratch.path, ignore_errors=True)
            target = scratch if crawl.finished else crawl
            target.path.mkdir(exist_ok=True)
            self.plan.write(target.path / "plan.json")
            try:
                artifact = asyncio.run(self._replay(crawl, target, watch))
            finally:
                shutil.rmtree(scratch.path, ignore_errors=True)
            expected = Artifact.open(crawl.path).logical
        return Replayed(crawl, artifact.logical, expected)

    def find(self, number: int | None = None) -> CrawlDirectory:
        """Crawl ``number`` of the recipe, or the newest; raises ``UserError`` where there is none."""
        known = crawls(self.root)
        found = [crawl for crawl in known if number in (None, crawl.number)]
        if not found:
            what = f"crawl {number} of {self.recipe.name}" if number else f"a crawl of {self.recipe.name}"
            have = ", ".join(str(crawl.number) for crawl in known)
            raise UserError(
                f"no {what} in {self.root}", f"There are: {have}." if have else "Begin with `m4corpus crawl`."
            )
        return found[-1]

    async def _live(
        self, crawl: CrawlDirectory, before: list[CrawlDirectory], watch: Watch, retry: bool
    ) -> tuple[Artifact, Counters]:
        limit = self.config.politeness.max_bytes
        with ExitStack() as stack:
            archive = stack.enter_context(Archive(crawl.warc))
            frontier = stack.enter_context(Frontier(crawl.frontier))
            async with Client(self.config, events=frontier.trouble) as client:
                asks: AsksNetwork = client
                for other in before:
                    known = stack.enter_context(Frontier(other.frontier, read_only=True))
                    old = stack.enter_context(Archive(other.warc))
                    asks = EarlierFirst(client, ReplayFetcher(old, known, judges=JUDGES, max_bytes=limit))
                fetcher = LiveFetcher(asks, archive, frontier, judges=JUDGES, retry_failed=retry, max_bytes=limit)
                fetcher.recover()
                if not frontier.meta("started"):
                    frontier.set_meta("started", _now())
                program = Program(self.config, self.questions, fetcher, frontier, watch, retry=retry)
                await program.run()
            frontier.set_meta("fetched", _now())
            frontier.commit()
            replay = ReplayFetcher(archive, frontier, judges=JUDGES, max_bytes=limit)
            artifact = await self._assemble(crawl, replay, frontier, watch)
            return artifact, fetcher.counters

    async def _replay(self, crawl: CrawlDirectory, target: CrawlDirectory, watch: Watch) -> Artifact:
        limit = self.config.politeness.max_bytes
        with Archive(crawl.warc) as archive, Frontier(target.frontier) as frontier:
            fetcher = ReplayFetcher(archive, frontier, judges=JUDGES, max_bytes=limit)
            fetcher.recover()
            await Program(self.config, self.questions, fetcher, frontier, watch).run()
            if fetcher.missing:
                raise UserError(
                    f"{crawl.path} is not complete: {fetcher.missing} requests have no answer in its archive",
                    "`m4corpus crawl` with the same recipe goes on with it.",
                )
            return await self._assemble(target, fetcher, frontier, watch)

    async def _assemble(
        self, crawl: CrawlDirectory, fetcher: ReplayFetcher, frontier: Frontier, watch: Watch
    ) -> Artifact:
        return await assemble(crawl, self.config, self.questions, fetcher, frontier, self.recipe.partitions, watch)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def _refusals() -> Iterator[None]:
    """An operation the machine refuses ends in the user's form of the error."""
    try:
        yield
    except OSError as error:
        raise machine_refused(error) or error from error
