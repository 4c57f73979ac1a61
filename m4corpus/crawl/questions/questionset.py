"""The questions of a crawl, what of the tables is not asked, and which bytes they were read from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from m4corpus.crawl.mediawiki.records import Pin
from m4corpus.crawl.questions.asking import Question
from m4corpus.crawl.questions.records import Rejected
from m4corpus.crawl.questions.tables import TableFile, table_files
from m4corpus.ledger import Fail


@dataclass(frozen=True)
class QuestionSet:
    """``questions`` in the order they are numbered in, and ``pins``, the articles that nobody need ask for. ``inputs``
    holds the SHA-256 of every table by what it is for (``worldcuisines.dishes``); ``origins`` the name of the file, or
    its data set with the commit."""

    questions: tuple[Question, ...]
    rejected: tuple[Rejected, ...] = ()
    inputs: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    pins: tuple[Pin, ...] = ()


@dataclass
class Collected:
    """A question set being put together."""

    questions: list[Question] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    inputs: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    pins: list[Pin] = field(default_factory=list)

    def reject(self, id: str, fault: Fail) -> None:
        """Note what is not asked."""
        self.rejected.append(Rejected(id, fault.slug, fault.detail))

    def take(self, role: str, spec: str, base: Path) -> list[TableFile]:
        """The files of a table, entered under ``role``."""
        files = table_files(spec, base)
        for number, file in enumerate(files):
            name = f"{role}.{number}" if len(files) > 1 else role
            self.inputs[name] = file.digest
            self.origins[name] = file.name
        return files
