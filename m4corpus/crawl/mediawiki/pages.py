"""Pages by number or title: which revision is theirs, where redirects lead, what is missing. Nothing here fetches."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from m4corpus.crawl.mediawiki.answers import Answer, reading
from m4corpus.crawl.mediawiki.api import BATCH, numbers, query_of, request
from m4corpus.crawl.mediawiki.records import Pin
from m4corpus.crawl.messages import Request
from m4corpus.ledger import Drop, Fail, Verdict

#: Characters of percent-encoded titles in one request: servers refuse addresses beyond some 8,000.
_TITLES_LENGTH = 4000
_REVISIONS: Mapping[str, str | int] = {"action": "query", "prop": "info|revisions", "rvprop": "ids|timestamp"}


@dataclass(frozen=True, slots=True)
class Row:
    """A page as the wiki lists it; ``revision`` is 0 where the answer has none, because none is old enough."""

    pageid: int
    title: str
    redirect: bool
    revision: int = 0
    timestamp: str = ""

    def pin(self, edition: str, redirected_from: str = "") -> Pin:
        """The page at its revision."""
        return Pin(edition, self.pageid, self.title, self.revision, self.timestamp, redirected_from)


@dataclass(frozen=True, slots=True)
class Lead:
    """Where a title leads: to a page, or nowhere and why; ``redirected_from`` is the redirect's title if it is one."""

    end: Row | Verdict
    redirected_from: str = ""


def pages(api: str, pageids: Iterable[int], *, as_of: str = "") -> Request:
    """Newest revisions of up to :data:`BATCH` pages; those of an earlier time must be asked for one page at a time."""
    then: dict[str, str | int] = {"rvlimit": 1, "rvdir": "older", "rvstart": as_of} if as_of else {}
    return request("pin", api, {**_REVISIONS, "pageids": numbers(pageids), **then})


def titles(api: str, names: Iterable[str]) -> Request:
    """Newest revisions of the pages with these titles, or of those they redirect to."""
    parameters = {**_REVISIONS, "titles": "|".join(names), "redirects": 1, "converttitles": 1}
    return request("title", api, parameters)


def rows(answer: Answer) -> dict[int, Row | Verdict]:
    """Pages of an answer to :func:`pages`, by id."""
    with reading():
        return {int(page["pageid"]): _row(page) for page in query_of(answer).get("pages", [])}


def leads(answer: Answer, asked: Iterable[str]) -> dict[str, Lead]:
    """Where each title asked for leads, in an answer to :func:`titles`."""
    with reading():
        query = query_of(answer)
        web = _Web(
            spelling={step["from"]: step["to"] for key in ("converted", "normalized") for step in query.get(key, [])},
            redirects={step["from"]: step for step in query.get("redirects", [])},
            elsewhere={str(step["title"]) for step in query.get("interwiki", [])},
            rows={str(page["title"]): _row(page) for page in query.get("pages", []) if "title" in page},
        )
        return {name: web.follow(name) for name in asked}


def askable(title: str) -> str:
    """``title`` as a request may hold it among others: composed (NFC), without the fragment, which wikis take off too.

    Raises ``Drop("invalid-title")`` where nothing is left, or where it holds what separates titles or ends lines.
    """
    title = unicodedata.normalize("NFC", title).partition("#")[0].strip()
    if not title:
        raise Drop("invalid-title", "empty")
    if any(char == "|" or unicodedata.category(char) in ("Cc", "Cs") for char in title):
        raise Drop("invalid-title", title)
    return title


def batches(pageids: Collection[int]) -> list[list[int]]:
    """Page ids without repetition, ascending, in lists a request can hold."""
    ordered = sorted(set(pageids))
    return [ordered[start : start + BATCH] for start in range(0, len(ordered), BATCH)]


def title_batches(names: Collection[str]) -> list[list[str]]:
    """Titles likewise; percent-encoded they are long, so that the lists are bounded in characters as well."""
    made: list[list[str]] = []
    length = 0
    for name in sorted(set(names)):
        own = len(quote(name, safe="")) + len("%7C")
        if not made or len(made[-1]) == BATCH or length + own > _TITLES_LENGTH:
            made.append([])
            length = 0
        made[-1].append(name)
        length += own
    return made


@dataclass(frozen=True, slots=True)
class _Web:
    """Everything an answer says of how titles lead to pages."""

    spelling: Mapping[str, str]
    redirects: Mapping[str, Mapping[str, Any]]
    elsewhere: Collection[str]
    rows: Mapping[str, Row | Verdict]

    def follow(self, name: str) -> Lead:
        # Titles are normalized, then converted to another script; that is all a wiki does to them.
        start = self.spelling.get(name, name)
        start = here = self.spelling.get(start, start)
        seen = {here}
        while here in self.redirects:
            step = self.redirects[here]
            here = str(step["to"])
            if step.get("tointerwiki"):
                return Lead(Drop("interwiki", here), start)
            if here in seen:
                return Lead(Drop("redirect-loop", start), start)
            seen.add(here)
        if here in self.elsewhere:
            return Lead(Drop("interwiki", here))
        return Lead(self.rows.get(here, Fail("unanswered", name)), start if here != start else "")


def _row(page: Mapping[str, Any]) -> Row | Verdict:
    named = str(page.get("title") or f"pageid={page.get('pageid')}")
    for mark, rule in (("invalid", "invalid-title"), ("special", "special-page"), ("missing", "missing-page")):
        if page.get(mark):
            return Drop(rule, named)
    row = Row(int(page["pageid"]), str(page["title"]), bool(page.get("redirect")))
    if not page.get("revisions"):
        return row
    revision = page["revisions"][0]
    return replace(row, revision=int(revision["revid"]), timestamp=str(revision["timestamp"]))
