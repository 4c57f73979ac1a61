"""Reading a frontier out of the archive: what a killed crawl had stored but not yet noted, or all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from m4corpus.crawl.archive import Archive, Place
from m4corpus.crawl.capture import Capture
from m4corpus.crawl.client.judging import check
from m4corpus.crawl.frontier import DONE, FAILED, Frontier, Row
from m4corpus.crawl.messages import Failed, Judge, Retry


def recover(archive: Archive, frontier: Frontier, judges: Mapping[str, Judge], max_bytes: int) -> int:
    """Note in the frontier every request the archive settles behind what the frontier knows; how many those are.

    A response counts as the client would have it: ``judges`` are asked by kind of request, bodies of more than
    ``max_bytes`` decoded and media types that were not asked for do not pass. The last word on a request holds, but an
    answer is never replaced. Commits at the end.
    """
    adopted, last = 0, None
    for last, capture in archive.scan(frontier.settled):
        known = frontier.seen(capture.key)
        if known and (known.state == DONE or (known.place and last <= known.place)):
            continue
        row = _settled(capture, last, judges.get(capture.kind), max_bytes)
        if row:
            frontier.put(row)
            adopted += 1
    if last:
        frontier.settle(last)
    frontier.commit()
    return adopted


def _settled(capture: Capture, place: Place, judge: Judge | None, max_bytes: int) -> Row | None:
    """The row that a record makes of its request, None where the request is still to be answered."""
    row = Row(capture.key, capture.kind, capture.url, FAILED, 1, place=place)
    response, failed = capture.response, capture.failed
    if response:
        try:
            check(response, capture.accept, judge, max_bytes)
        except Retry:
            return None
        except Failed as verdict:
            failed = verdict
        row = replace(row, status=response.status, fetched_at=response.fetched_at)
        if not failed:
            return replace(row, state=DONE, bytes=len(response.body))
    if not failed:
        return None
    return replace(row, slug=failed.slug, detail=failed.detail, transient=failed.transient)
