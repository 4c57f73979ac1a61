"""Questions of the benchmarks and queries of one's own: what is searched for, in which edition, and what came of it."""

from __future__ import annotations

from pathlib import Path

from m4corpus.crawl.config import CrawlConfig
from m4corpus.crawl.questions import cvqa, own, revisions, worldcuisines
from m4corpus.crawl.questions.asking import Question, Wikis
from m4corpus.crawl.questions.questionset import QuestionSet
from m4corpus.crawl.questions.records import Answer, Query, Rejected

__all__ = ["Answer", "Query", "Question", "QuestionSet", "Rejected", "Wikis", "load"]


def load(config: CrawlConfig, base: Path) -> QuestionSet:
    """All questions of a crawl: WorldCuisines', CVQA's, then each set of own queries; or the articles whose revisions
    are known. Paths are relative to ``base``.

    Raises :class:`m4corpus.errors.UserError` for a table that is missing or lacks a column; a bad row costs itself.
    """
    longest = config.wiki.longest_query
    parts = []
    if config.worldcuisines:
        parts.append(worldcuisines.load(config.worldcuisines, longest, base))
    if config.cvqa:
        parts.append(cvqa.load(config.cvqa, longest, base))
    parts += [own.load(queries, longest, base) for queries in config.queries]
    if config.revisions:
        parts.append(revisions.load(config.revisions, base))
    return QuestionSet(
        tuple(question for part in parts for question in part.questions),
        tuple(rejected for part in parts for rejected in part.rejected),
        {name: digest for part in parts for name, digest in part.inputs.items()},
        {name: origin for part in parts for name, origin in part.origins.items()},
        tuple(pin for part in parts for pin in part.pins),
    )
