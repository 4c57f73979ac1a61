"""The clean stage as a pipeline step."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import check_size, clean_page
from m4corpus.clean.guard import CAUSES, Guard, Limits
from m4corpus.records import Document, Page
from m4corpus.steps import Step


class CleanStep(Step):
    """``Page`` in, ``Document`` out; a page that cannot be cleaned within its limits fails with the reason."""

    name = "clean"
    #: What a page may cost: another machine, or this one less busy with its memory, may give another verdict.
    again = CAUSES

    def __init__(self, config: CleanConfig | None = None) -> None:
        super().__init__()
        self.config = config or CleanConfig()
        self._guard: Guard[Page, Document] | None = None

    def prepare(self) -> None:
        """Load the parsers here, so that every child forked from this process has it already."""
        import ftfy  # noqa: F401
        import mwparserfromhell  # noqa: F401
        import trafilatura  # noqa: F401

        limits = Limits(self.config.time_limit_s, self.config.stall_limit_s, self.config.memory_mib)
        self._guard = Guard(partial(clean_page, config=self.config), limits)

    def close(self) -> None:
        """End the child process."""
        if self._guard is not None:
            self._guard.close()
            self._guard = None

    def process(self, record: Page) -> Iterable[Document]:
        """The one document a page becomes."""
        if self._guard is None:
            raise RuntimeError("CleanStep.process before prepare")
        check_size(record, self.config)
        return [self._guard(record)]
