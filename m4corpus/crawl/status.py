"""How a crawl goes, told from outside while it runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from m4corpus.crawl.directory import CrawlDirectory
from m4corpus.crawl.earlier import PINNED
from m4corpus.crawl.frontier import Frontier
from m4corpus.crawl.program import BATCH


@dataclass(frozen=True)
class CrawlStatus:
    """``requests`` by kind and state, ``failures`` by kind and reason; ``troubles`` are host, reason, how often and the
    seconds waited, of requests that were tried again.

    ``bytes`` is what came over the network, ``per_second`` the answers of the last five minutes, ``seconds_left`` an
    estimate from both, None where nothing moves or everything is done.
    """

    crawl: str
    finished: bool
    started: str
    fetched: str
    questions: tuple[int, int]
    pages: tuple[int, int]
    requests: dict[str, dict[str, int]]
    failures: dict[str, dict[str, int]]
    troubles: list[tuple[str, str, int, float]]
    bytes: int
    per_second: float
    seconds_left: float | None

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def status(crawl: CrawlDirectory, questions: int) -> CrawlStatus:
    """Reads the frontier of a crawl of so many ``questions``; the crawl may be running meanwhile."""
    with Frontier(crawl.frontier, read_only=True) as frontier:
        counts = frontier.counts()
        answered = frontier.number("answer")
        reached, pinned = frontier.number("reached"), frontier.number("pin")
        rendered = sum(sum(states.values()) for kind, states in counts.items() if kind in PINNED)
        asked = sum(sum(states.values()) for kind, states in counts.items() if kind in ("search", "langlinks", "title"))
        rate = frontier.rate()
        # What a question takes, and how many new pages it finds, is taken from those that are answered.
        waiting = questions - answered
        growth = questions / answered if answered else 1.0
        left = waiting * asked / max(answered, 1) + (reached * growth - pinned) / BATCH + (reached * growth - rendered)
        return CrawlStatus(
            crawl=crawl.path.name,
            finished=crawl.finished,
            started=frontier.meta("started"),
            fetched=frontier.meta("fetched"),
            questions=(answered, questions),
            pages=(rendered, reached),
            requests=counts,
            failures=frontier.errors(),
            troubles=frontier.troubles(),
            bytes=frontier.size(),
            per_second=rate,
            seconds_left=max(left, 0.0) / rate if rate and not crawl.finished else None,
        )
