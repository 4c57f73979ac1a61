"""What makes a response an answer: decided alike when it comes in and when it is read from the archive."""

from __future__ import annotations

from collections.abc import Collection

from m4corpus.crawl.client.body import content
from m4corpus.crawl.messages import Failed, Judge, Response, Retry
from m4corpus.sources.http import content_type

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({408, 500, 502, 503, 504})


def check(response: Response, accept: Collection[str], judge: Judge | None, max_bytes: int) -> None:
    """Return for an answer: status 200, a media type of ``accept``, at most ``max_bytes`` decoded, passed by ``judge``.

    Raises ``Failed``, or ``Retry`` for what settles nothing: a redirect, or a server that cannot answer now.
    """
    status = response.status
    if status == 429:
        raise Retry("rate-limited", "status=429")
    if status in REDIRECTS or status in _BUSY:
        raise Retry("http-status", f"status={status}")
    if status != 200:
        raise Failed("http-status", f"status={status}")
    media, _ = content_type(response.header("Content-Type"))
    if accept and media not in accept:
        raise Failed("content-type", media or "none")
    content(response, max_bytes)
    if judge:
        judge(response)
