"""Articles whose revisions are known: no search finds them and no wiki is asked which revision is theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from m4corpus.crawl.config import RevisionsConfig
from m4corpus.crawl.mediawiki.api import address
from m4corpus.crawl.mediawiki.records import Pin
from m4corpus.crawl.questions import cells
from m4corpus.crawl.questions.questionset import Collected
from m4corpus.crawl.questions.tables import read_rows
from m4corpus.ledger import Fail

#: Digits of the largest number of a page or revision that is read.
_DIGITS = 12


def load(config: RevisionsConfig, base: Path) -> Collected:
    """The articles in the order of the table; of two rows for one page the first counts."""
    collected = Collected()
    known: set[tuple[str, int]] = set()
    for file in collected.take("revisions", config.path, base):
        for place, row in read_rows(file, ["edition", "pageid", "revision", "title"], ["timestamp"]):
            try:
                if isinstance(row, Fail):
                    raise row
                pin = _pin(row)
                if (pin.edition, pin.pageid) in known:
                    raise Fail("repeated-id", f"{pin.edition}:{pin.pageid}")
            except Fail as fault:
                collected.reject(place, fault)
            else:
                known.add((pin.edition, pin.pageid))
                collected.pins.append(pin)
    return collected


def _pin(row: dict[str, Any]) -> Pin:
    # As it was written down: ids of articles are made from it.
    edition = address("{edition}", cells.text(row, "edition"))
    title = cells.text(row, "title")
    if not title:
        raise Fail("empty-title")
    return Pin(edition, _number(row, "pageid"), title, _number(row, "revision"), cells.text(row, "timestamp"))


def _number(row: dict[str, Any], name: str) -> int:
    text = cells.text(row, name)
    if not (text.isascii() and text.isdecimal()) or len(text) > _DIGITS or not int(text):
        raise Fail("bad-field", f"{name}={text[:40]!r}")
    return int(text)
