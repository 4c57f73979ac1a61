"""Carrying out a recipe's crawl: fetching, resuming, and replaying it from its archive alone."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from m4corpus.crawl.archive import Archive
from m4corpus.crawl.assemble import assemble
from m4corpus.crawl.client import LAGGED, Client, user_agent
from m4corpus.crawl.config import CrawlConfig
from m4corpus.crawl.directory import ASKED, FRONTIER, IMAGES, QUESTIONS, CrawlDirectory, Plan, crawls, current
from m4corpus.crawl.earlier import EarlierFirst
from m4corpus.crawl.export import export_images
from m4corpus.crawl.fetcher import Counters, LiveFetcher, ReplayFetcher
from m4corpus.crawl.frontier import Frontier
from m4corpus.crawl.mediawiki.answers import judge
from m4corpus.crawl.messages import Judge
from m4corpus.crawl.program import Program, Watch
from m4corpus.crawl.questions import QuestionSet, load
from m4corpus.crawl.questions.estimate import Estimate, estimate
from m4corpus.crawl.questions.stored import store, stored
from m4corpus.errors import IntegrityError, UserError
from m4corpus.recipe import Recipe
from m4corpus.storage.artifact import MANIFEST, Artifact
from m4corpus.storage.atomic import fresh_directory, machine_refused
from m4corpus.storage.lock import locked
from m4corpus.storage.sqlite import remove

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
        self.base = base
        self.root = workdir / recipe.name

    @cached_property
    def questions(self) -> QuestionSet:
        """What is asked, from the tables the recipe names."""
        return load(self.config, self.base)

    @cached_property
    def plan(self) -> Plan:
        """What a crawl of the recipe asks now."""
        return Plan.of(self.config, self.questions.inputs)

    def estimate(self) -> Estimate:
        """What a crawl from nothing would ask, and how long that takes."""
        return estimate(self.config, self.questions)

    def run(self, watch: Watch, *, again: bool = False, retry: bool = False) -> CrawlResult:
        """Fetch what is still to be fetched, then write the pages.

        ``again`` begins a new crawl although the newest is finished: pages whose revision was fetched before are
        taken from the newest finished crawl that has them. ``retry`` asks once more for what failed for reasons that
        may have passed.

        Raises ``UserError``, ``LockedError``, ``HostDown`` and ``EnvironmentFailure``; the same command resumes.
        """
        started = time.monotonic()
        # Before anything is begun: a crawl that nobody may send stays in nobody's way.
        user_agent(self.config.contact)
        with locked(self.root), _refusals():
            earlier = [crawl for crawl in crawls(self.root) if crawl.finished]
            crawl = current(self.root, self.plan, again=again)
            if crawl.finished and not retry:
                return CrawlResult(crawl, Artifact.open(crawl.path))
            # A crawl that is taken up again is not finished until it is written anew.
            (crawl.path / MANIFEST).unlink(missing_ok=True)
            if not (crawl.path / ASKED).exists():
                store(self.questions, crawl.path / ASKED)
            before = [c for c in reversed(earlier) if c.number < crawl.number and c.frontier.is_file()]
            artifact, counters = asyncio.run(self._live(crawl, before, watch, retry))
        return CrawlResult(crawl, artifact, counters, time.monotonic() - started)

    def replay(self, watch: Watch, number: int | None = None) -> Replayed:
        """Crawl again without the network, from the archive of crawl ``number`` or the newest.

        A crawl that was never finished gets its pages this way, and so does one of which only plan and archive are
        left. The recipe's tables are only read where the crawl lacks the questions it took from them.
        """
        crawl = self.find(number)
        asked = crawl.path / ASKED
        questions = stored(asked) if asked.is_file() else self.questions
        plan = Plan.of(self.config, questions.inputs)
        if crawl.plan.fingerprint != plan.fingerprint:
            raise UserError(
                f"{crawl.path} asked other things than recipe {self.recipe.name} does now",
                "Restore the recipe it was crawled with"
                + ("." if asked.is_file() else f", and its tables: {ASKED} is missing."),
            )
        scratch = CrawlDirectory(crawl.path / "replay")
        with locked(self.root), _refusals():
            fresh_directory(scratch.path)
            plan.write(scratch.path / "plan.json")
            try:
                artifact = asyncio.run(self._replay(crawl, scratch, questions, watch))
                if not crawl.finished:
                    _move(scratch, crawl)
            finally:
                shutil.rmtree(scratch.path, ignore_errors=True)
            recorded = Artifact.open(crawl.path)
            damage = next(recorded.problems(), None)
            if damage:
                raise IntegrityError(damage, "Delete manifest.json beside it and replay again: it is made anew.")
        return Replayed(crawl, artifact.logical, recorded.logical)

    def export_images(self, crawl: CrawlDirectory, out: Path) -> dict[str, int]:
        """Write the images ``crawl`` fetched to ``<out>/images``; how many there are (``kept``), and by reason why
        others are not. Nothing is fetched."""
        limit = self.config.politeness.max_bytes
        with _refusals(), Archive(crawl.warc) as archive, Frontier(None) as frontier:
            fetcher = ReplayFetcher(archive, frontier, judges=JUDGES, max_bytes=limit)
            fetcher.recover()
            return dict(asyncio.run(export_images(crawl.path, out, fetcher)))

    def find(self, number: int | None = None) -> CrawlDirectory:
        """Crawl ``number`` of the recipe, or the newest; raises ``UserError`` where there is none."""
        known = crawls(self.root)
        found = [crawl for crawl in known if number in (None, crawl.number)]
        if not found:
            what = f"crawl {number} of {self.recipe.name}" if number else f"crawl of {self.recipe.name}"
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
                past: list[ReplayFetcher] = []
                for other in before:
                    known = stack.enter_context(Frontier(other.frontier, read_only=True))
                    old = stack.enter_context(Archive(other.warc))
                    past.append(ReplayFetcher(old, known, judges=JUDGES, max_bytes=limit))
                asks = EarlierFirst(client, past)
                fetcher = LiveFetcher(asks, archive, frontier, judges=JUDGES, retry_failed=retry, max_bytes=limit)
                fetcher.recover()
                if not frontier.meta("started"):
                    frontier.set_meta("started", _now())
                frontier.set_meta("questions", str(len(self.questions.questions)))
                if retry:
                    frontier.forget_facts()
                await Program(self.config, self.questions, fetcher, frontier, watch).run()
            frontier.set_meta("fetched", _now())
            frontier.commit()
            replay = ReplayFetcher(archive, frontier, judges=JUDGES, max_bytes=limit)
            partitions = self.recipe.partitions
            artifact = await assemble(crawl, self.config, self.questions, replay, frontier, partitions, watch)
            # What was taken from earlier crawls was not sent.
            taken = sum(one.counters.reused for one in past)
            fetcher.counters.fetched -= taken
            fetcher.counters.reused += taken
            return artifact, fetcher.counters

    async def _replay(
        self, crawl: CrawlDirectory, target: CrawlDirectory, questions: QuestionSet, watch: Watch
    ) -> Artifact:
        limit = self.config.politeness.max_bytes
        with Archive(crawl.warc) as archive, Frontier(target.frontier) as frontier:
            fetcher = ReplayFetcher(archive, frontier, judges=JUDGES, max_bytes=limit)
            fetcher.recover()
            frontier.set_meta("questions", str(len(questions.questions)))
            await Program(self.config, questions, fetcher, frontier, watch).run()
            if fetcher.missing:
                lacks = f"{fetcher.missing} requests have no answer in its archive"
                if crawl.finished:
                    raise IntegrityError(f"{crawl.path} is damaged: {lacks}", "Restore its warc files from a copy.")
                raise UserError(
                    f"{crawl.path} is not complete: {lacks}", "`m4corpus crawl` with the same recipe goes on with it."
                )
            partitions = self.recipe.partitions
            if crawl.finished:
                partitions = Artifact.open(crawl.path).manifest["config"]["partitions"]
            return await assemble(target, self.config, questions, fetcher, frontier, partitions, watch)


def _move(scratch: CrawlDirectory, crawl: CrawlDirectory) -> None:
    """Give a crawl the outputs that its replay made, the manifest last."""
    remove(crawl.frontier)
    for name in (FRONTIER, "pages", "ledger", QUESTIONS, IMAGES, MANIFEST):
        shutil.rmtree(crawl.path / name, ignore_errors=True)
        os.replace(scratch.path / name, crawl.path / name)  # noqa: PTH105  (over a file that is there)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextmanager
def _refusals() -> Iterator[None]:
    """An operation the machine refuses ends in the user's form of the error."""
    try:
        yield
    except OSError as error:
        raise machine_refused(error) or error from error
