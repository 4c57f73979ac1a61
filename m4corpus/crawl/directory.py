"""Where crawls lie and which of them goes on: ``<workdir>/<recipe>/crawl-00001/``, a new number for every crawl.

::

    plan.json            what was asked: the recipe's crawl section and the digests of its tables; written first
    asked.jsonl          the questions that were read from these tables
    frontier.sqlite      what became of every request so far
    warc/*.warc.gz       every response as it came
    pages/*.parquet      the pages, once all is fetched
    ledger/*.parquet     what became of every query, page and address
    questions.jsonl      what each question asked and which pages it reached
    images.jsonl         images of Wikimedia Commons
    manifest.json        written last: its presence means the crawl is finished
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from m4corpus.crawl.config import MANNERS, CrawlConfig
from m4corpus.errors import IntegrityError, UserError
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.atomic import write_json
from m4corpus.storage.digests import digest_of

FRONTIER, WARC, QUESTIONS, IMAGES = "frontier.sqlite", "warc", "questions.jsonl", "images.jsonl"
ASKED = "asked.jsonl"
#: Raised when the same plan would ask other things.
VERSION = 1

_NAME = re.compile(r"crawl-(\d{5,})")


@dataclass(frozen=True)
class Plan:
    """What a crawl asks: its options, less manners, and the SHA-256 of every table its questions come from."""

    config: dict[str, Any]
    inputs: dict[str, str]

    @classmethod
    def of(cls, config: CrawlConfig, inputs: dict[str, str]) -> Plan:
        """The plan of a recipe's section."""
        options = {key: value for key, value in asdict(config).items() if key not in MANNERS}
        # What counts as an answer at all.
        options["limits"] = {"max_bytes": config.politeness.max_bytes, "redirects": config.politeness.redirects}
        # Where a table lies does not matter, what is in it does.
        for section, key in (("worldcuisines", "dishes"), ("worldcuisines", "locations"), ("cvqa", "questions")):
            if options[section]:
                options[section][key] = bool(options[section][key])
        if options["cvqa"]:
            options["cvqa"]["expansions"] = bool(options["cvqa"]["expansions"])
        for own in options["queries"]:
            del own["path"]
        # A plan without them is what it was before there were any.
        if options["revisions"]:
            del options["revisions"]["path"]
        else:
            del options["revisions"]
        return cls(options, dict(sorted(inputs.items())))

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the plan."""
        return digest_of({"version": VERSION, "config": self.config, "inputs": self.inputs})

    def write(self, path: Path) -> None:
        """Store the plan, atomically."""
        write_json(path, {"version": VERSION, "fingerprint": self.fingerprint, **asdict(self)})

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Inverse of :meth:`write`; raises :class:`IntegrityError` for an altered one."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            plan = cls(data["config"], data["inputs"])
            intact = data["version"] != VERSION or plan.fingerprint == data["fingerprint"]
        except (ValueError, TypeError, KeyError) as error:
            raise IntegrityError(f"{path} is no plan of a crawl: {error}") from None
        if not intact:
            raise IntegrityError(f"{path} was altered: it does not match its own fingerprint")
        if data["version"] != VERSION:
            raise UserError(f"{path} was written by another version of m4corpus", "Start anew: --again.")
        return plan


@dataclass(frozen=True)
class CrawlDirectory:
    """One crawl of a recipe."""

    path: Path

    @property
    def number(self) -> int:
        """Its place among the crawls of the recipe, from 1."""
        found = _NAME.fullmatch(self.path.name)
        return int(found[1]) if found else 0

    @property
    def finished(self) -> bool:
        """Whether everything was fetched and the pages are written."""
        return Artifact.exists(self.path)

    @property
    def frontier(self) -> Path:
        """The ledger of requests."""
        return self.path / FRONTIER

    @property
    def warc(self) -> Path:
        """The directory of the archive."""
        return self.path / WARC

    @property
    def plan(self) -> Plan:
        """What the crawl asks."""
        return Plan.read(self.path / "plan.json")


def crawls(root: Path) -> list[CrawlDirectory]:
    """The crawls below a recipe's directory, oldest first."""
    found = [CrawlDirectory(path) for path in root.glob("crawl-*") if _NAME.fullmatch(path.name)]
    return sorted((c for c in found if (c.path / "plan.json").is_file()), key=lambda crawl: crawl.number)


def newest_finished(root: Path) -> CrawlDirectory | None:
    """The latest crawl of a recipe that is finished."""
    return next((crawl for crawl in reversed(crawls(root)) if crawl.finished), None)


def current(root: Path, plan: Plan, *, again: bool) -> CrawlDirectory:
    """The crawl that carries out ``plan``: the newest one if it has that plan, else a new one.

    ``again`` begins a new crawl whatever the newest is. Raises :class:`UserError` when an unfinished crawl follows
    another plan.
    """
    known = crawls(root)
    newest = known[-1] if known else None
    if newest is not None and not again:
        changes = list(_changes(newest.plan, plan))
        if not changes:
            return newest
        if not newest.finished:
            raise UserError(
                f"{newest.path} is unfinished and asked other things ({'; '.join(changes)})",
                "Restore the recipe to finish it, or begin a new crawl with --again.",
            )
    crawl = CrawlDirectory(root / f"crawl-{(newest.number if newest else 0) + 1:05d}")
    crawl.path.mkdir(parents=True, exist_ok=True)
    plan.write(crawl.path / "plan.json")
    return crawl


def _changes(old: Plan, new: Plan) -> Iterator[str]:
    """Names of the sections and tables in which two plans differ."""
    for name in sorted(old.config.keys() | new.config.keys()):
        if old.config.get(name) != new.config.get(name):
            yield f"{name} changed"
    for name in sorted(old.inputs.keys() | new.inputs.keys()):
        if old.inputs.get(name) != new.inputs.get(name):
            yield f"table {name} changed"
