"""Extractors of main text that m4corpus is compared with, and how their texts are scored."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.ledger import Fail
from m4corpus.records import Page

#: Text of a page of HTML, empty where the extractor finds none.
Extract = Callable[[str], str]


@dataclass(frozen=True)
class Gold:
    """A page, and what must and what must not be in its text."""

    html: str
    wanted: Sequence[str]
    unwanted: Sequence[str]


@dataclass(frozen=True)
class Score:
    """Snippets found and missed that are wanted, snippets found that are not, and pages a second of processor time."""

    found: int
    missed: int
    extra: int
    rate: float

    @property
    def precision(self) -> float:
        """Share of wanted ones among the snippets found."""
        return self.found / max(1, self.found + self.extra)

    @property
    def recall(self) -> float:
        """Share found of the wanted snippets."""
        return self.found / max(1, self.found + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return 2 * self.found / max(1, 2 * self.found + self.missed + self.extra)


def score(extract: Extract, pages: Mapping[str, Gold], repeats: int) -> Score:
    """Score on all ``pages``, at the speed of the fastest of ``repeats`` runs; white space is one space throughout."""
    texts: dict[str, str] = {}
    fastest = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        texts = {name: extract(page.html) for name, page in pages.items()}
        fastest = min(fastest, time.process_time() - started)
    found = missed = extra = 0
    for name, page in pages.items():
        text = one_line(texts[name])
        hits = sum(one_line(snippet) in text for snippet in page.wanted)
        found += hits
        missed += len(page.wanted) - hits
        extra += sum(one_line(snippet) in text for snippet in page.unwanted)
    return Score(found, missed, extra, len(pages) / fastest)


def one_line(text: str) -> str:
    """``text`` with every run of white space one space."""
    return " ".join(text.split())


def extractors() -> dict[str, Extract]:
    """Everything that is compared, by name; libraries that are not installed are left out."""
    named: dict[str, Extract] = {"m4corpus": _ours(CleanConfig()), "m4corpus, no captions": _ours(_uncaptioned())}
    for add in (_trafilatura, _resiliparse, _readability):
        try:
            named |= add()
        except ImportError as error:
            logging.warning("%s is not installed", error.name)
    return named


def _uncaptioned() -> CleanConfig:
    return CleanConfig(captions=False)


def _ours(config: CleanConfig) -> Extract:
    def extract(html: str) -> str:
        try:
            return clean_page(Page("1", "benchmark", "page.html", "text/html", html), config).text
        except Fail:
            return ""

    return extract


def _trafilatura() -> dict[str, Extract]:
    from trafilatura import extract

    def with_options(**options: Any) -> Extract:
        return lambda html: extract(html, **options) or ""

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    return {
        "trafilatura": with_options(),
        "trafilatura, no comments": with_options(include_comments=False),
        "trafilatura, no comments, precision": with_options(include_comments=False, favor_precision=True),
        "trafilatura, no comments, recall": with_options(include_comments=False, favor_recall=True),
        "trafilatura, no comments, fast": with_options(include_comments=False, fast=True),
    }


def _resiliparse() -> dict[str, Extract]:
    extract_plain_text = import_module("resiliparse.extract.html2text").extract_plain_text
    parse = import_module("resiliparse.parse.html").HTMLTree.parse

    def extract(html: str) -> str:
        return str(extract_plain_text(parse(html), main_content=True, alt_texts=False, links=False))

    return {"Resiliparse": extract}


def _readability() -> dict[str, Extract]:
    from lxml import html as lxml_html

    document = import_module("readability").Document
    logging.getLogger("readability").setLevel(logging.CRITICAL)

    def extract(html: str) -> str:
        try:
            return str(lxml_html.fromstring(document(html).summary(html_partial=True)).text_content())
        except Exception:
            # It raises whatever its parts do; a page without text is one it cannot read.
            return ""

    return {"readability-lxml": extract}
