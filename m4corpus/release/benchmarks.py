"""Which benchmark's questions reached a document: one configuration of the published data set for each of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from m4corpus.crawl.directory import QUESTIONS, CrawlDirectory, crawls
from m4corpus.storage.artifact import Artifact

#: Stem of files of documents that no question reached, and of everything that is not a document.
NO_SET = "part"
#: What joins the names of sets that share documents.
AND = "_and_"


def crawls_of(workdir: Path, manifest: dict[str, Any]) -> list[CrawlDirectory]:
    """The crawls a snapshot was built from, those that are still there as they were."""
    logical = {pin["logical"] for pin in manifest.get("crawls", {}).values()}
    found = [crawl for crawl in crawls(workdir / manifest["recipe"]["name"]) if crawl.finished]
    return [crawl for crawl in found if Artifact.open(crawl.path).logical in logical]


class Sets:
    """The sets of questions that reached each document, kept in a database beside the release: a large crawl reaches
    more than memory should hold."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        #: Every set there is.
        self.names: list[str] = []

    def fill(self, questions: Path) -> None:
        """Take in a crawl's ``questions.jsonl``."""
        names = set(self.names)
        with questions.open("rb") as stream:
            for line in stream:
                question = json.loads(line)
                names.add(question["plan"])
                rows = [(id, question["plan"]) for id in question["article_ids"]]
                self._database.executemany("INSERT OR IGNORE INTO reached VALUES (?, ?)", rows)
        self.names = sorted(names)

    def stems(self, ids: Iterable[str]) -> Iterator[str]:
        """For each document the stem of the files it belongs into: its sets, joined."""
        if not self.names:
            yield from (NO_SET for _ in ids)
            return
        query = "SELECT plan FROM reached WHERE id = ? ORDER BY plan"
        for id in ids:
            yield AND.join(plan for (plan,) in self._database.execute(query, (id,))) or NO_SET


@contextmanager
def sets(found: list[CrawlDirectory], scratch: Path) -> Iterator[Sets]:
    """The sets of some crawls. ``scratch`` is a file that is made and removed."""
    scratch.unlink(missing_ok=True)
    scratch.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(scratch, isolation_level=None)
    try:
        for pragma in ("journal_mode=OFF", "synchronous=OFF"):
            database.execute(f"PRAGMA {pragma}")
        database.execute("BEGIN")
        database.execute("CREATE TABLE reached (id TEXT, plan TEXT, PRIMARY KEY (id, plan)) WITHOUT ROWID")
        known = Sets(database)
        for crawl in found:
            known.fill(crawl.path / QUESTIONS)
        yield known
    finally:
        database.close()
        scratch.unlink(missing_ok=True)


def members(stem: str) -> list[str]:
    """The sets a file of that stem belongs to."""
    return [] if stem == NO_SET else stem.split(AND)
