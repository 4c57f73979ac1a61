from __future__ import annotations

import asyncio
import time
from itertools import pairwise

from hostile import Hostile, after, answer, hasty

from m4corpus.crawl.client import Client
from m4corpus.crawl.client.pace import LONGEST_SPACING, Pace
from m4corpus.crawl.config import CrawlConfig, PolitenessConfig
from m4corpus.crawl.messages import Request

#: Seconds by which a server under load may look at its clock too late.
SLACK = 0.1


def ask(config: CrawlConfig, urls: list[str]) -> None:
    async def main() -> None:
        async with Client(config) as client:
            await asyncio.gather(*(client.get(Request("page", url)) for url in urls))

    asyncio.run(main())


def span(*servers: Hostile) -> float:
    """Seconds from the first request to the last."""
    times = [seen.at for server in servers for seen in server.seen]
    return max(times) - min(times)


def test_no_more_requests_at_once_than_allowed() -> None:
    with Hostile() as server:
        urls = [server.on(f"/{number}", after(0.05, answer())) for number in range(12)]
        ask(hasty(concurrency=3), urls)
        assert len(server.seen) == 12
        assert server.most_at_once == 3


def test_requests_to_a_host_start_no_faster_than_its_rate() -> None:
    with Hostile() as server:
        urls = [server.on(f"/{number}", answer()) for number in range(8)]
        ask(hasty(per_second=10), urls)
        assert 0.7 - SLACK < span(server) < 3


def test_tries_and_hops_count_as_requests() -> None:
    with Hostile() as server:
        server.on("/", answer(status=503), answer("", 302, Location="/next"))
        server.on("/next", answer())
        ask(hasty(per_second=5, backoff=0.001), [server.url("/")])
        assert len(server.seen) == 3
        assert span(server) > 0.4 - SLACK


def test_all_hosts_together_keep_the_overall_rate() -> None:
    with Hostile() as one, Hostile(host="127.0.0.2") as two:
        urls = [server.on(f"/{number}", answer()) for number in range(5) for server in (one, two)]
        ask(hasty(allow=("127.0.0.0/8",), total_per_second=20), urls)
        assert span(one, two) > 0.45 - SLACK
        assert (len(one.seen), len(two.seen)) == (5, 5)


def test_a_busy_host_does_not_hold_up_another() -> None:
    with Hostile() as slow, Hostile(host="127.0.0.2") as quick:
        urls = [slow.on(f"/{number}", after(0.3, answer())) for number in range(4)]
        urls += [quick.on(f"/{number}", answer()) for number in range(4)]
        ask(hasty(allow=("127.0.0.0/8",), concurrency=1), urls)
        assert max(seen.at for seen in quick.seen) < sorted(seen.at for seen in slow.seen)[1]


def test_starts_are_spaced_evenly_never_in_bursts() -> None:
    async def main() -> list[float]:
        pace = Pace(PolitenessConfig(concurrency=8, per_second=25, total_per_second=1000))
        starts = []

        async def start() -> None:
            async with pace.turn("host.test"):
                starts.append(time.monotonic())

        await start()
        await asyncio.sleep(0.2)  # time gone by is no credit
        await asyncio.gather(*(start() for _ in range(5)))
        return starts

    starts = asyncio.run(main())
    # The turn's own clock was read a moment before.
    assert all(later - earlier > 0.035 for earlier, later in pairwise(starts))


def test_a_crawl_delay_spaces_the_requests_that_follow() -> None:
    async def main() -> list[float]:
        pace = Pace(PolitenessConfig(per_second=1000, total_per_second=1000))
        starts = []
        for _ in range(3):
            async with pace.turn("slow.test"):
                starts.append(time.monotonic())
            pace.slow("slow.test", 0.2)
            pace.slow("slow.test", 0.1)
        async with pace.turn("other.test"):
            starts.append(time.monotonic())
        return starts

    first, second, third, other = asyncio.run(main())
    assert second - first >= 0.19
    assert third - second >= 0.19
    assert other - third < 0.1


def test_a_crawl_delay_is_honoured_within_reason() -> None:
    pace = Pace(PolitenessConfig())
    pace.slow("slow.test", 86400)
    assert pace._host("slow.test").spacing == LONGEST_SPACING
