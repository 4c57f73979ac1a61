from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from m4corpus.crawl.client.patience import Patience, retry_after
from m4corpus.crawl.config import PolitenessConfig
from m4corpus.crawl.messages import Response


def response(**headers: str) -> Response:
    pairs = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Response("https://example.org/", 503, pairs, b"", "2025-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("0", 0), ("120", 120), (" 7 ", 7), ("-1", None), ("1.5", None), ("soon", None), ("", None), ("٣", None)],
)
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    assert retry_after(response(Retry_After=value)) == seconds


def test_a_number_without_end_is_a_long_time() -> None:
    assert retry_after(response(Retry_After="9" * 5000)) == float("inf")


def test_retry_after_as_a_date_is_read_by_the_clock_of_the_server() -> None:
    # The server's clock is years behind ours.
    headers = {"Date": "Wed, 21 Oct 2015 07:28:00 GMT"}
    assert retry_after(response(Retry_After="Wed, 21 Oct 2015 07:30:00 GMT", **headers)) == 120
    assert retry_after(response(Retry_After="Wed, 21 Oct 2015 07:00:00 GMT", **headers)) == 0


@pytest.mark.parametrize(
    "value", ["Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2025 00:00:00 +99999999999999999999"]
)
def test_a_date_no_clock_reaches_is_none(value: str) -> None:
    assert retry_after(response(Retry_After=value)) is None
    assert retry_after(response(Retry_After="Wed, 21 Oct 2015 07:30:00 GMT", Date=value)) == 0


def test_retry_after_as_a_date_without_the_servers_clock() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert 55 < (retry_after(response(Retry_After=soon)) or 0) <= 60


def test_backoff_doubles_is_jittered_and_bounded() -> None:
    patience = Patience(PolitenessConfig(backoff=1, max_wait=5))
    for attempt, longest in [(1, 1), (2, 2), (3, 4), (4, 5), (5000, 5)]:
        waits = [patience.backoff(attempt) for _ in range(300)]
        assert 0 <= min(waits) < longest * 0.2
        assert longest * 0.8 < max(waits) <= longest


def test_a_server_gets_at_least_the_time_it_asks_for() -> None:
    patience = Patience(PolitenessConfig(backoff=1, max_wait=5))
    assert patience.wait(1, 3) == 3
    assert patience.wait(1, 100) == 5
    assert patience.wait(1, None) <= 1
    assert patience.exceeded(5.1)
    assert not patience.exceeded(5)
    assert not patience.exceeded(None)
