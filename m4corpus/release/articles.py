"""Article records as M4-RAG publishes them, one JSON Lines file for each benchmark: made on request from the crawl.

Each record has two fields more than M4-RAG's: ``revision`` and ``licence``, without which the text of Wikipedia may not
be passed on.
"""

from __future__ import annotations

import heapq
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from m4corpus.crawl.directory import CrawlDirectory
from m4corpus.errors import UserError
from m4corpus.release.benchmarks import published
from m4corpus.release.layout import ARTICLES, ReleaseFile
from m4corpus.release.rights import Rights
from m4corpus.release.secrets import found_in
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.atomic import fresh_directory
from m4corpus.storage.digests import canonical_json, file_digest
from m4corpus.storage.parts import read_batches

#: Files of a crawl's export that are published.
_NAMES = ("articles", "question_article", "question_images", "images")
_FACTS = ("id", "revision", "licence")


def write_articles(crawls: list[CrawlDirectory], root: Path) -> tuple[list[ReleaseFile], dict[str, Any]]:
    """Write ``m4rag/<benchmark>/articles-<sha8>.jsonl`` and the mappings beside it, by the benchmark's published name.

    Raises :class:`UserError` when the snapshot was not built from one crawl, or the crawl is gone; when an article has
    no licence or revision; when a line holds a secret.
    """
    from m4corpus.crawl.export import export

    if len(crawls) != 1:
        raise UserError(
            f"M4-RAG's own layout is made from the one crawl behind a snapshot, and there are {len(crawls)} here",
            "Build it from a recipe with a crawl section, in the work directory that holds the crawl.",
        )
    crawl = crawls[0].path
    target = fresh_directory(root / ARTICLES)
    done: list[ReleaseFile] = []
    rights = Rights()
    with tempfile.TemporaryDirectory(prefix=".m4rag-", dir=root.parent) as scratch:
        for plan in export(crawl, Path(scratch)):
            _name_rights(Path(scratch) / plan / "articles.jsonl", crawl, plan, rights)
            for name in _NAMES:
                path = Path(scratch) / plan / f"{name}.jsonl"
                if path.is_file() and (name == "articles" or path.stat().st_size):
                    done.append(_taken(path, target / published(plan), root))
    rights.refuse()
    return done, {}


def _name_rights(path: Path, crawl: Path, plan: str, rights: Rights) -> None:
    """Give each article its revision and licence. Articles and pages are both sorted by id, so one walk does it."""
    facts = _facts(crawl)
    fact = next(facts, None)
    changed = path.with_suffix(".named")
    with path.open("rb") as stream, changed.open("wb") as out:
        for line in stream:
            record = json.loads(line)
            while fact is not None and fact[0] < record["id"]:
                fact = next(facts, None)
            if fact is None or fact[0] != record["id"]:
                raise AssertionError(f"the crawl has an article of {record['id']} and no page")
            named = {"revision": fact[1], "licence": fact[2]}
            rights.add(
                {"id": [record["id"]], "source": [f"crawl of {plan}"], "url": [record["url"]],
                 "revision": [fact[1]], "licence": [fact[2]]}
            )  # fmt: skip
            out.write(canonical_json({**record, **named}) + b"\n")
    changed.replace(path)


def _facts(crawl: Path) -> Iterator[tuple[str, str, str]]:
    """Id, revision and licence of every page of a crawl, by id."""

    def rows(path: Path) -> Iterator[tuple[str, str, str]]:
        for batch in read_batches(path, list(_FACTS), batch_size=1024):
            yield from zip(*(batch.column(name).to_pylist() for name in _FACTS), strict=True)

    return heapq.merge(*(rows(crawl / part.path) for part in Artifact.open(crawl).parts()))


def _taken(path: Path, folder: Path, root: Path) -> ReleaseFile:
    lines = 0
    with path.open("rb") as stream:
        for line in stream:
            lines += 1
            if secret := found_in(line):
                raise UserError(f"{path.name}, line {lines}, holds {secret}", "Leave the page out of the crawl.")
    sha256 = file_digest(path)
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"{path.stem}-{sha256[:8]}.jsonl"
    path.replace(final)
    size = final.stat().st_size
    return ReleaseFile(final.relative_to(root).as_posix(), ARTICLES, "", lines, size, sha256, "")
