"""Which benchmark's questions reached a document: one configuration of the published data set for each of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from m4corpus.crawl.directory import QUESTIONS, CrawlDirectory, crawls
from m4corpus.errors import UserError
from m4corpus.identify.labels import UNDETERMINED
from m4corpus.storage.artifact import Artifact

#: Stem of files of documents that no question reached, and of everything that is not a document.
NO_SET = "part"
#: What joins the names of sets that share documents. Names of sets have no capitals, so that it is in none of them.
AND = "_AND_"
#: Names that the configurations of every data set have, or that Hub and `datasets` give a meaning of their own. Labels
#: of languages hold a capital, but for ``und``.
RESERVED = frozenset({"all", "chunks", "vectors", "documents", "default", NO_SET, UNDETERMINED})
#: What is added to the name of a set that is reserved.
_SET = "_SET"
#: Letters of a joined name, beyond which no file could be called by it.
_LONGEST = 180


def published(name: str) -> str:
    """What a set of questions is called in a data set: as it is, or ``all_SET`` where the name is reserved."""
    return name + _SET if name in RESERVED else name


def crawls_of(workdir: Path, manifest: dict[str, Any]) -> list[CrawlDirectory]:
    """The crawls a snapshot was built from, those that are still there as they were."""
    logical = {pin["logical"] for pin in manifest.get("crawls", {}).values()}
    found = [crawl for crawl in crawls(workdir / manifest["recipe"]["name"]) if crawl.finished]
    return [crawl for crawl in found if Artifact.open(crawl.path).logical in logical]


class Sets:
    """The sets of questions that reached each document, by their published names; kept in a database beside the
    release, since a large crawl reaches more than memory should hold."""

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
                name = published(question["plan"])
                names.add(name)
                rows = [(id, name) for id in question["article_ids"]]
                self._database.executemany("INSERT OR IGNORE INTO reached VALUES (?, ?)", rows)
        self.names = sorted(names)

    def stems(self, ids: Iterable[str]) -> Iterator[str]:
        """For each document the stem of the files it belongs into: its sets, joined.

        Raises :class:`UserError` where that would be longer than a file's name may be.
        """
        if not self.names:
            yield from (NO_SET for _ in ids)
            return
        query = "SELECT plan FROM reached WHERE id = ? ORDER BY plan"
        for id in ids:
            reached = [plan for (plan,) in self._database.execute(query, (id,))]
            stem = AND.join(reached) or NO_SET
            if len(stem) > _LONGEST:
                raise UserError(
                    f"document {id} was reached by {len(reached)} sets of questions, whose names are too long together "
                    "for the name of a file",
                    "Give the sets of your own queries shorter names, and crawl again: what was fetched is kept.",
                )
            yield stem


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
