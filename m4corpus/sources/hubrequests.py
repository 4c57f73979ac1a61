"""Requests to the Hub, made again where they failed for a moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from m4corpus.errors import EnvironmentFailure

T = TypeVar("T")

#: How often a request is made again, and seconds before the first time; each wait is twice the one before.
RETRIES, WAIT = 5, 1.0


def retried(call: Callable[[], T]) -> T:
    """What ``call`` returns, tried again while the Hub cannot be reached, is overloaded or fails."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    for attempt in range(RETRIES):
        wait = WAIT * 2**attempt
        try:
            return call()
        except httpx2.TransportError:
            pass
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status not in (408, 429) and status < 500:
                raise
            after = error.response.headers.get("retry-after", "")
            wait = min(float(after), 300.0) if after.isdecimal() else wait
        time.sleep(wait)
    return call()


def unreachable(error: Exception) -> EnvironmentFailure:
    """What to raise when the Hub stays away."""
    return EnvironmentFailure(
        f"the Hub cannot be reached: {first_line(error)}", "What was read is kept: run again to resume."
    )


def first_line(error: Exception) -> str:
    """What an error says, in one line."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


def timeout() -> int:
    """Seconds to wait for an answer to begin or go on."""
    from huggingface_hub import constants

    return constants.HF_HUB_DOWNLOAD_TIMEOUT
