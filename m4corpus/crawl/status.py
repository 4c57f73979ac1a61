"""How a crawl goes, told from outside while it runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from m4corpus.crawl.directory import CrawlDirectory
from m4corpus.crawl.earlier import PINNED
from m4corpus.crawl.frontier import DONE, FAILED, Frontier
from m4corpus.crawl.program import BATCH


@dataclass(frozen=True)
class CrawlStatus:
    """``requests`` by kind and state, ``failures`` by kind and reason; ``troubles`` are host, reason, how often and the
    seconds waited, of requests that were tried again.

    ``pages`` are those fetched, or failed to be, and those that searches found so far, redirects among them. ``bytes``
    is the size of all answers, ``per_second`` the answers of the last five minutes. ``seconds_left`` is an estimate of
    what questions still take, None where nothing moves, no question was answered yet, or none has anything left.
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


def may_pass(crawl: CrawlDirectory) -> bool:
    """Whether requests failed that may do better another time."""
    # Of a crawl that was copied from elsewhere, the frontier may be missing.
    if not crawl.frontier.is_file():
        return False
    with Frontier(crawl.frontier, read_only=True) as frontier:
        return any(row.transient for row in frontier.failures())


def status(crawl: CrawlDirectory) -> CrawlStatus:
    """Reads the frontier of a crawl, which may be running meanwhile."""
    with Frontier(crawl.frontier, read_only=True) as frontier:
        questions = int(frontier.meta("questions") or 0)
        counts = frontier.counts()
        answered = frontier.number("answer")
        reached, pinned = frontier.number("reached"), frontier.number("pin")
        rendered = sum(counts[kind].get(state, 0) for kind in counts.keys() & PINNED for state in (DONE, FAILED))
        asked = sum(sum(states.values()) for kind, states in counts.items() if kind in ("search", "langlinks", "title"))
        rate = frontier.rate()
        # What a question takes, and how many new pages it finds, is taken from those that are answered.
        waiting = questions - answered
        growth = questions / answered if answered else float(not questions)
        batch = 1 if crawl.plan.config["wiki"]["as_of"] else BATCH
        left = waiting * asked / max(answered, 1) + (reached * growth - pinned) / batch + (reached * growth - rendered)
        known = (answered > 0 or not questions) and left > 0 and not crawl.finished
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
            seconds_left=left / rate if rate and known else None,
        )
