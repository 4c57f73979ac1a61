"""How long to wait before asking again."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from m4corpus.crawl.config import PolitenessConfig
from m4corpus.crawl.messages import Response


def retry_after(response: Response) -> float | None:
    """Seconds that ``Retry-After`` asks to wait, given as such or as a date; None where it is missing or unreadable.

    A date is read against the server's own clock where the response shows it.
    """
    value = response.header("Retry-After").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    until = _date(value)
    if until is None:
        return None
    now = _date(response.header("Date")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the latter for a year or an offset of twenty digits
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


class Patience:
    """Exponential back-off with full jitter: many clients that were turned away together come back apart."""

    def __init__(self, config: PolitenessConfig) -> None:
        self._config = config
        self._random = random.Random()

    def backoff(self, attempt: int) -> float:
        """Seconds to wait after attempt number ``attempt`` (from 1) failed."""
        longest = min(self._config.max_wait, self._config.backoff * 2 ** min(attempt - 1, 64))
        return self._random.uniform(0, longest)

    def wait(self, attempt: int, asked: float | None) -> float:
        """Likewise where the server asked for ``asked`` seconds: it gets at least these, up to ``max_wait``."""
        return min(self._config.max_wait, max(asked or 0.0, self.backoff(attempt)))

    def exceeded(self, asked: float | None) -> bool:
        """Whether a server asks for more than anybody will wait."""
        return asked is not None and asked > self._config.max_wait
