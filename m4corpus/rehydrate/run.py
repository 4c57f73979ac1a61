"""Bring a release's texts back: fetch the recorded revisions, run the recorded recipe over them, compare.

::

    <workdir>/datasets/<name>@<version>/
      revisions.jsonl      what is fetched: edition, page, revision, title, when it was saved
      recipe.yaml          its crawl fetches them; everything else is as the release has it
      documents.jsonl      every document that was asked for, and what became of it
      report.json          the same in numbers, by language; written last
    <workdir>/<name>-rehydrated/         the crawl and the artifacts of that recipe

A run that was interrupted goes on where it stopped, since crawl and stages do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from m4corpus.crawl.directory import crawls
from m4corpus.crawl.program import Watch
from m4corpus.crawl.questions import QuestionSet
from m4corpus.crawl.questions.estimate import Estimate, estimate
from m4corpus.crawl.run import Crawl, CrawlResult
from m4corpus.crawl.status import may_pass
from m4corpus.errors import IntegrityError, UserError
from m4corpus.ledger import Fail
from m4corpus.pipeline import Pipeline, Reporter
from m4corpus.recipe import plain
from m4corpus.rehydrate.compare import STAGES, compare, notes
from m4corpus.rehydrate.found import Found, pin_of, rows
from m4corpus.rehydrate.rebuilt import RECIPE, Rebuilt
from m4corpus.rehydrate.records import DIFFERS, FAILED, GONE, LEFT_OUT, NOT, OUTCOMES, Records
from m4corpus.release.reference import DATASETS
from m4corpus.snapshot.carried import carry
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.atomic import replacing, write_json
from m4corpus.storage.digests import canonical_json
from m4corpus.storage.lock import locked

REPORT, LISTED = "report.json", "documents.jsonl"
Report = Callable[[str, int, int], None]


def _silent(what: str, done: int, total: int) -> None:
    """Hears how far it is, and says nothing."""


def _announced(asked: Estimate) -> str:
    hosts = ", ".join(f"{number:,} from {host}" for host, number in asked.hosts.items())
    return f"{asked.requests.expected:,} revisions: {hosts}"


@dataclass(frozen=True)
class Result:
    """What became of a release's documents; ``report`` is what stands in ``report.json``."""

    folder: Path
    recipe: Path
    report: dict[str, Any]

    def number(self, *outcomes: str) -> int:
        """Documents with one of these outcomes."""
        return sum(self.report["documents"].get(outcome, 0) for outcome in outcomes)

    @property
    def missing(self) -> int:
        """Documents that were asked for and did not come back at all."""
        return self.number(GONE, FAILED, NOT)

    @property
    def differing(self) -> int:
        """Documents that came back otherwise than they were recorded."""
        return self.number(DIFFERS)


class Rehydration:
    """A release of ids to be brought back. ``manners`` are options of the crawl (``contact``, ``allow_private``,
    ``politeness``); ``limit`` takes some of the documents, the same ones every time."""

    def __init__(
        self, found: Found, workdir: Path, manners: dict[str, Any] | None = None, limit: int | None = None
    ) -> None:
        self.found = found
        self.workdir = workdir
        self.folder = workdir / DATASETS / found.name
        self.rebuilt = Rebuilt(found.release, manners or {})
        self._limit = limit

    @property
    def notes(self) -> list[str]:
        """What is to be known before anything is fetched: what is not as it was recorded, and what the release asks
        for."""
        return [plain(note) for note in self.rebuilt.notes]

    def estimate(self, report: Report = _silent) -> tuple[Estimate, dict[str, Counter[str]]]:
        """What fetching everything asks of which host and how long that takes; the documents by label and outcome,
        that of those to be fetched being empty. Asks no wiki."""
        with locked(self.folder), self._records(report) as records:
            return self._estimate(records), self._counts(records)

    def run(
        self,
        report: Report = _silent,
        watch: Watch = _silent,
        reporter: Reporter | None = None,
        *,
        workers: int = 1,
        again: bool = False,
    ) -> Result:
        """Fetch, build, compare. What failed in an earlier run for reasons that may have passed is asked for again;
        ``again`` begins a new crawl where an unfinished one asked for other documents.

        Raises what :meth:`m4corpus.crawl.run.Crawl.run` and :meth:`m4corpus.pipeline.Pipeline.run` raise.
        """
        with locked(self.folder), self._records(report) as records:
            self.rebuilt.refuse_missing(self.folder)
            recipe = self.rebuilt.write(self.folder, records.pins())
            told = [*self.notes, *self._carry()]
            for note in told:
                report(f"note: {note}", 0, 0)
            asked = self._estimate(records)
            if asked.requests.expected:
                report(_announced(asked), 0, 0)
                crawled = self._fetch(watch, again)
                stages = self._build(crawled, workers, reporter)
                told += compare(records, crawled.artifact, stages, self.rebuilt.wiki.html)
                told += [plain(note) for note in notes(self.found.release.snapshot, stages)]
            return Result(self.folder, recipe, self._write(records, told))

    def _carry(self) -> list[str]:
        """Put what post-processing learnt beside the recipe, from the release and from nowhere else: the place its
        manifest tells of is on another machine. What is to be said where the release has none."""
        if self.rebuilt.learnt is None:
            return []
        path, sha256 = self.rebuilt.learnt
        try:
            carry(
                self.folder,
                {"config": {"postprocess": {"file": path, "sha256": sha256}}},
                [self.found.directory / path],
            )
        except UserError:
            return [
                f"the release does not hold what post-processing of its vectors learnt: before `m4corpus run`, put the "
                f"file with the SHA-256 {sha256} at {path} beside {RECIPE}"
            ]
        return []

    def _estimate(self, records: Records) -> Estimate:
        config = self.rebuilt.recipe.crawl
        assert config is not None, "Rebuilt writes one"
        return estimate(config, QuestionSet((), pins=tuple(records.pins())))

    def _records(self, report: Report) -> Records:
        """Every document of the release, with the revision it takes."""
        self.folder.mkdir(parents=True, exist_ok=True)
        records = Records(self.folder / ".documents.sqlite")
        try:
            for recorded, row in rows(self.found, report):
                try:
                    records.add(recorded, pin_of(row, self.rebuilt.formats, self.rebuilt.wiki))
                except Fail as fault:
                    records.add(recorded, None, fault.slug, fault.detail)
            if self._limit is not None:
                records.keep(self._limit)
        except BaseException:
            records.__exit__()
            raise
        return records

    def _fetch(self, watch: Watch, again: bool) -> CrawlResult:
        crawl = Crawl(self.rebuilt.recipe, self.folder, self.workdir)
        known = crawls(crawl.root)
        try:
            same = bool(known) and known[-1].plan.fingerprint == crawl.plan.fingerprint
        except (IntegrityError, UserError):
            # Its own plan cannot be read, so it is not gone on with.
            if not again:
                raise
            same = False
        return crawl.run(watch, again=again and not same, retry=same and may_pass(known[-1]))

    def _build(self, crawled: CrawlResult, workers: int, reporter: Reporter | None) -> dict[str, Artifact]:
        if not crawled.artifact.counts.outputs:
            return {}
        pipeline = Pipeline(self.rebuilt.recipe, self.folder, self.workdir)
        done = pipeline.run(last=STAGES[-1], workers=workers, reporter=reporter)
        return {stage.stage: Artifact.open(stage.directory) for stage in done.stages}

    def _counts(self, records: Records) -> dict[str, Counter[str]]:
        """By label and outcome, languages that were not asked for among them."""
        counts = records.counts()
        for label, number in self.found.left_out.items():
            counts.setdefault(label, Counter())[LEFT_OUT] += number
        return dict(sorted(counts.items()))

    def _write(self, records: Records, told: Sequence[str]) -> dict[str, Any]:
        counts = self._counts(records)
        total: Counter[str] = sum(counts.values(), Counter())
        with replacing(self.folder / LISTED) as path, path.open("wb") as file:
            for row in records.listed():
                file.write(canonical_json(row) + b"\n")
        report = {
            "release": self.found.name,
            "digest": self.found.release.manifest["digest"],
            "recipe": self.rebuilt.recipe.name,
            "limit": self._limit,
            "documents": {outcome: total[outcome] for outcome in OUTCOMES},
            "languages": {label: {o: found[o] for o in OUTCOMES if found[o]} for label, found in counts.items()},
            "reasons": records.reasons(),
            "notes": list(told),
        }
        write_json(self.folder / REPORT, report)
        return report
