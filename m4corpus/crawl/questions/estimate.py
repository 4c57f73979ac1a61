"""What a crawl will ask and how long that takes, before anything is asked: the dry run.

What depends on answers (how many pages a search finds, which editions a dish has a page in) is given as a least, a most
and an expected number, whose assumption is spelled out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any
from urllib.parse import urlsplit

from m4corpus.crawl.config import CrawlConfig
from m4corpus.crawl.questions.asking import Question
from m4corpus.crawl.questions.names import PIVOT, NameQuestion
from m4corpus.crawl.questions.own import TitleQuestion
from m4corpus.crawl.questions.plain import SearchQuestion
from m4corpus.crawl.questions.questionset import QuestionSet

#: Share of WorldCuisines' dishes that have a title in one of the 23 editions beside English, averaged over them:
#: measured on the table of dish names the benchmark comes with (2,414 dishes; from 0.3 % in Sardinian to 66 %).
LINKED_SHARE = 0.22
#: Pages that no earlier search found, per result asked for: the articles the paper reports (223,468 and 306,794) over
#: the results its code asks for (93,000 searches of 10, 249,000 of 5).
NEW_SHARE = {"worldcuisines": 0.24, "cvqa": 0.25}
#: The same for queries nothing is known of.
_NEW_SHARE = 0.25
#: Share of the results asked for that a search fills. An assumption: small editions know few dishes.
FILLED_SHARE = 0.6
#: Seconds a request takes where nothing slows it down. An assumption, for one request after another.
SECONDS = 0.4
#: Pages pinned in one request.
BATCH = 50
#: Language links of the top hits that the reference asks for one by one.
_REFERENCE_LINKED = 3


@dataclass(frozen=True, slots=True)
class Range:
    """A number that is at least ``least``, at most ``most``."""

    least: int
    expected: int
    most: int

    def __add__(self, other: Range) -> Range:
        return Range(self.least + other.least, self.expected + other.expected, self.most + other.most)


@dataclass(frozen=True, slots=True)
class Count:
    """Requests of one kind, or another number of the plan; ``assumption`` explains the expected one, empty where all
    three are the same."""

    kind: str
    number: Range
    assumption: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """What M4-RAG's scripts would ask for the same questions: one request after another, nothing remembered.

    ``hours`` at :data:`SECONDS` a request; ``same_rate_hours`` at this crawl's rate for all hosts together.
    """

    requests: Range
    searches: Range
    pages: Range
    langlinks: Range
    hours: float
    same_rate_hours: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """The dry run. ``questions`` by plan; ``hosts`` the expected requests to each host, most first; ``hours`` at the
    configured rates, for the least, the expected and the most requests; ``bound`` says what sets the expected hours."""

    questions: dict[str, int]
    rejected: int
    counts: tuple[Count, ...]
    hosts: dict[str, int]
    hours: tuple[float, float, float]
    bound: str
    reference: Reference

    @property
    def requests(self) -> Range:
        """All requests together."""
        return sum((count.number for count in self.counts), Range(0, 0, 0))

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {**asdict(self), "requests": asdict(self.requests)}


class _Tally:
    """Requests by kind and host: least, expected, most. Halves are kept until the end."""

    def __init__(self) -> None:
        self.numbers: dict[str, dict[str, list[float]]] = {}

    def add(self, kind: str, host: str, least: float, expected: float, most: float) -> None:
        entry = self.numbers.setdefault(kind, {}).setdefault(host, [0.0, 0.0, 0.0])
        for at, number in enumerate((least, expected, most)):
            entry[at] += number

    def kind(self, kind: str) -> Range:
        columns = [sum(column) for column in zip(*self.numbers.get(kind, {}).values(), strict=True)] or [0, 0, 0]
        return Range(*(round(column) for column in columns))

    def hosts(self, at: int) -> dict[str, float]:
        totals: Counter[str] = Counter()
        for by_host in self.numbers.values():
            for host, entry in by_host.items():
                totals[host] += entry[at]  # type: ignore[assignment]
        return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))


def estimate(config: CrawlConfig, questions: QuestionSet) -> Estimate:
    """The dry run of a crawl; equal requests are counted once, as they are sent once."""
    tally = _Tally()
    pages = _searches(config, questions.questions, tally)
    _pages(config, pages, tally)
    for edition, known in Counter(pin.edition for pin in questions.pins).items():
        tally.add(*_rendering(config, edition), known, known, known)
    _images(config, questions.questions, tally)
    for site in config.sites:
        host = urlsplit(site.start[0]).netloc
        tally.add("page", host, len(site.start), site.max_pages, site.max_pages)
    counts = [_count(kind, tally.kind(kind)) for kind in tally.numbers]
    hours = [_hours(config, tally, at) for at in range(3)]
    return Estimate(
        dict(Counter(question.plan for question in questions.questions)),
        len(questions.rejected),
        tuple(counts),
        {host: round(number) for host, number in tally.hosts(1).items()},
        (hours[0][0], hours[1][0], hours[2][0]),
        hours[1][1],
        _reference(config, questions.questions),
    )


_ASSUMPTIONS = {
    "search": f"expected: a top hit has a title in another edition in {LINKED_SHARE:.0%} of cases, and an edition "
    "without one is searched for the name; least: one search a name and edition; most: a title for every hit",
    "langlinks": "expected: one request a name; least: nothing is found; most: one request for every top hit",
    "pin": f"{BATCH} pages a request (one with as_of), for as many pages as are rendered",
    "parse": f"expected: {NEW_SHARE['worldcuisines']:.0%} of the results asked for (CVQA: {NEW_SHARE['cvqa']:.0%}) are "
    "pages that no other search finds, as in the paper; least: nothing is found; most: every result is another page",
    "image-search": "one for every text that is searched for, titles in other editions as above",
    "image": "expected: half of the images that are kept are new, which is a guess",
    "page": "expected: a site has as many pages as may be taken",
}
_ASSUMPTIONS["revision"] = _ASSUMPTIONS["parse"]


def _count(kind: str, number: Range) -> Count:
    certain = number.least == number.expected == number.most
    return Count(kind, number, "" if certain else _ASSUMPTIONS.get(kind, ""))


def _searches(config: CrawlConfig, questions: Iterable[Question], tally: _Tally) -> dict[str, list[float]]:
    """Counts what asks for pages; returns the pages of each edition."""
    asked: set[tuple[str, str]] = set()
    titles: dict[str, int] = {}
    pages: dict[str, list[float]] = {}

    def search(question: Question, edition: str, least: float, expected: float, most: float) -> None:
        tally.add("search", _wiki(config, edition), least, expected, most)
        share = NEW_SHARE.get(question.plan, _NEW_SHARE)
        _add(pages, edition, 0, expected * question.results * share, most * question.results)

    for question in questions:
        if isinstance(question, TitleQuestion):
            for edition in dict.fromkeys(query.edition for query in question.queries):
                named = sum(query.edition == edition for query in question.queries)
                titles[edition] = titles.get(edition, 0) + ceil(named / BATCH)
                _add(pages, edition, 0, named, named)
            continue
        new = [query for query in question.queries if (query.edition, query.text) not in asked]
        asked.update((query.edition, query.text) for query in new)
        for query in new:
            search(question, query.edition, 1, 1, 1)
        if isinstance(question, NameQuestion) and new:
            hits = question.linked * sum(query.edition == PIVOT for query in question.queries)
            tally.add("langlinks", _wiki(config, PIVOT), 0, 1, hits)
            for edition in question.editions:
                if edition != PIVOT:
                    search(question, edition, 1, _per_edition(hits), hits)
    for edition, number in titles.items():
        tally.add("title", _wiki(config, edition), number, number, number)
    return pages


def _per_edition(hits: int) -> float:
    """Searches of one edition for one name: a title for each linked hit, the name itself where none is."""
    return hits * LINKED_SHARE + (1 - LINKED_SHARE) ** hits


def _pages(config: CrawlConfig, pages: dict[str, list[float]], tally: _Tally) -> None:
    batch = 1 if config.wiki.as_of else BATCH
    for edition, (least, expected, most) in pages.items():
        host = _wiki(config, edition)
        tally.add("pin", host, ceil(least / batch), ceil(expected / batch), ceil(most / batch))
        tally.add(*_rendering(config, edition), least, expected, most)


def _rendering(config: CrawlConfig, edition: str) -> tuple[str, str]:
    """The kind of request that fetches an article, and the host it goes to."""
    if config.wiki.html == "parsoid":
        return "revision", urlsplit(config.wiki.rest.replace("{edition}", edition)).netloc
    return "parse", _wiki(config, edition)


def _images(config: CrawlConfig, questions: Iterable[Question], tally: _Tally) -> None:
    if config.images is None:
        return
    host = urlsplit(config.images.api).netloc
    texts: set[str] = set()
    linked = [0.0, 0.0]
    for question in questions:
        texts.update(query.text for query in question.queries)
        if isinstance(question, NameQuestion):
            hits = question.linked * sum(query.edition == PIVOT for query in question.queries)
            others = sum(edition != PIVOT for edition in question.editions)
            linked[0] += hits * LINKED_SHARE * others
            linked[1] += hits * others
    least, expected, most = len(texts), len(texts) + linked[0], len(texts) + linked[1]
    tally.add("image-search", host, least, expected, most)
    if config.images.download:
        keep = config.images.keep
        tally.add("image", "upload.wikimedia.org", 0, expected * keep / 2, most * keep)


def _hours(config: CrawlConfig, tally: _Tally, at: int) -> tuple[float, str]:
    """Hours, and what sets them: the busiest host, or the rate of all together."""
    hosts = tally.hosts(at)
    manners = config.politeness
    total = sum(hosts.values()) / manners.total_per_second
    host = next(iter(hosts), "")
    rate = min(manners.per_second, manners.concurrency / SECONDS)
    slowest = hosts.get(host, 0) / rate
    if slowest > total:
        return slowest / 3600, f"{host} at {rate:g} a second"
    return total / 3600, f"all hosts together at {manners.total_per_second:g} a second"


def _reference(config: CrawlConfig, questions: Iterable[Question]) -> Reference:
    """A name costs an English search, three requests for links, and for every edition a search; every result of every
    search is fetched again. CVQA and cuisines: their searches and every result."""
    searches, links, pages = Range(0, 0, 0), Range(0, 0, 0), [0.0, 0.0]
    for question in questions:
        if isinstance(question, TitleQuestion):
            known = Range(0, 0, 0)
            pages[0] += len(question.queries)
            pages[1] += len(question.queries)
        elif isinstance(question, NameQuestion):
            editions = len(question.editions)
            # English is an edition without a link: it is searched for the name once more.
            english = PIVOT in question.editions
            others = editions - english
            expected = 1 + english + others * _per_edition(_REFERENCE_LINKED)
            known = Range(1 + editions, round(expected), 1 + english + others * _REFERENCE_LINKED)
            links += Range(0, _REFERENCE_LINKED, _REFERENCE_LINKED)
        else:
            assert isinstance(question, SearchQuestion)
            known = Range(*[len(question.queries)] * 3)
        searches += known
        pages[0] += known.expected * question.results * FILLED_SHARE
        pages[1] += known.most * question.results
    fetched = Range(0, round(pages[0]), round(pages[1]))
    requests = searches + links + fetched
    hours = requests.expected * SECONDS / 3600
    return Reference(
        requests, searches, fetched, links, hours, requests.expected / config.politeness.total_per_second / 3600
    )


def _add(pages: dict[str, list[float]], edition: str, least: float, expected: float, most: float) -> None:
    entry = pages.setdefault(edition, [0.0, 0.0, 0.0])
    for at, number in enumerate((least, expected, most)):
        entry[at] += number


def _wiki(config: CrawlConfig, edition: str) -> str:
    return urlsplit(config.wiki.api.replace("{edition}", edition)).netloc
