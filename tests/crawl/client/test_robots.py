from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import hostile
import pytest
from hostile import Hostile, answer, hasty, redirect

from m4corpus.crawl.client import Client, Robots
from m4corpus.crawl.client.robots import PARSED
from m4corpus.crawl.messages import Failed, Request, Response

DENY = "User-agent: *\nDisallow: /private\n"


@pytest.fixture
def server() -> Iterator[Hostile]:
    with Hostile() as running:
        yield running


def verdicts(server: Hostile, *paths: str) -> list[str]:
    """What becomes of each path, asked for at once: ``ok`` or the slug."""

    async def main() -> list[str]:
        async with Client(hasty(read_timeout=0.2)) as client:
            robots = Robots(client.get, slow=client.slow)

            async def verdict(path: str) -> str:
                try:
                    await robots.check(server.url(path))
                except Failed as failed:
                    return failed.slug
                return "ok"

            return list(await asyncio.gather(*(verdict(path) for path in paths)))

    return asyncio.run(main())


def refusal(server: Hostile, path: str = "/") -> Failed:
    async def main() -> None:
        async with Client(hasty(read_timeout=0.2)) as client:
            await Robots(client.get).check(server.url(path))

    with pytest.raises(Failed) as caught:
        asyncio.run(main())
    return caught.value


def test_rules_are_fetched_once_and_obeyed(server: Hostile) -> None:
    server.on("/robots.txt", answer(DENY, type="text/plain"))
    assert verdicts(server, "/private/x", "/public", "/private") == ["robots-denied", "ok", "robots-denied"]
    assert [seen.path for seen in server.seen] == ["/robots.txt"]
    failed = refusal(server, "/private")
    assert (failed.detail, failed.transient) == (server.url("/robots.txt"), False)


def test_rules_for_this_crawler_precede_those_for_all(server: Hostile) -> None:
    rules = "User-agent: *\nDisallow: /\n\nUser-Agent: otherbot\nUser-agent: M4corpus # us\nDisallow: /a\nAllow: /a/b\n"
    server.on("/robots.txt", answer(rules))
    assert verdicts(server, "/", "/a", "/a/b", "/c") == ["ok", "robots-denied", "ok", "ok"]


def test_rules_for_others_are_theirs(server: Hostile) -> None:
    server.on("/robots.txt", answer("User-agent: otherbot\nDisallow: /\nUser-agent:\nDisallow: /x\n"))
    assert verdicts(server, "/", "/x") == ["ok", "ok"]


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_site_without_rules_is_open(server: Hostile, status: int) -> None:
    server.on("/robots.txt", answer(DENY, status))
    assert verdicts(server, "/private") == ["ok"]


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        (answer(status=500), "http-status status=500"),
        (answer(status=429), "rate-limited status=429"),
        (hostile.reset, "connection closed without a response"),
        (hostile.after(5, b""), "timeout read"),
        (hostile.CUT_SHORT, "truncated-body"),
    ],
    ids=["500", "429", "reset", "silence", "half"],
)
def test_a_site_that_cannot_say_is_closed_for_now(server: Hostile, bad: hostile.Behaviour, detail: str) -> None:
    server.on("/robots.txt", bad)
    failed = refusal(server)
    assert (failed.slug, failed.detail, failed.transient) == ("robots-unreachable", detail, True)


def test_a_site_whose_rules_are_a_bomb_is_closed(server: Hostile) -> None:
    server.on("/robots.txt", hostile.bomb(50))
    failed = refusal(server)
    assert (failed.slug, failed.detail, failed.transient) == ("robots-unreachable", "too-large bytes>1000000", False)


def test_rules_may_be_elsewhere(server: Hostile) -> None:
    server.on("/robots.txt", redirect("/rules/robots.txt", 301))
    server.on("/rules/robots.txt", answer(DENY))
    assert verdicts(server, "/private") == ["robots-denied"]


def test_rules_that_redirect_without_end_are_none(server: Hostile) -> None:
    server.on("/robots.txt", redirect("/robots.txt"))
    assert verdicts(server, "/private") == ["ok"]


def test_the_first_half_megabyte_is_read_to_its_last_whole_line(server: Hostile) -> None:
    line = b"Disallow: /yes\n"
    start = b"User-agent: *\n"
    filler = b"#" * (PARSED - len(start) - len(line) - len(b"\n") - len(b"Disallow: /"))
    cut = start + line + filler + b"\n" + b"Disallow: /no-more\n" + b"Disallow: /never\n"
    assert cut[:PARSED].endswith(b"\nDisallow: /")
    server.on("/robots.txt", answer(cut))
    assert verdicts(server, "/yes", "/no-more", "/never", "/") == ["robots-denied", "ok", "ok", "ok"]


def test_a_robots_txt_made_to_take_long_does_not(server: Hostile) -> None:
    agents = "".join(f"User-agent: bot{number}\n" for number in range(10_000)) * 2
    rules = "".join(f"Disallow: /{number}*a*b*c*d\n" for number in range(7_000))
    server.on("/robots.txt", answer(agents + "User-agent: *\n" + rules))
    start = time.process_time()
    assert verdicts(server, "/6999" + "abc" * 500 + "d", "/x") == ["robots-denied", "ok"]
    assert time.process_time() - start < 5


def test_bytes_that_are_no_text_are_no_rules(server: Hostile) -> None:
    server.on("/robots.txt", answer(b"\xef\xbb\xbfUser-agent: *\nDisallow: /a\n\xff\xfe\x00junk\n<html>: /b\n"))
    assert verdicts(server, "/a", "/b") == ["robots-denied", "ok"]


def test_a_crawl_delay_slows_the_client_down(server: Hostile) -> None:
    server.on("/robots.txt", answer("User-agent: *\nCrawl-delay: 0.4\n"))
    server.on("/1", answer())
    server.on("/2", answer())

    async def main() -> None:
        async with Client(hasty()) as client:
            await Robots(client.get, slow=client.slow).check(server.url("/1"))
            await asyncio.gather(*(client.get(Request("page", server.url(path))) for path in ("/1", "/2")))

    asyncio.run(main())
    first, second, third = sorted(seen.at for seen in server.seen)
    assert min(second - first, third - second) > 0.3


def test_redirect_targets_are_checked_too(server: Hostile) -> None:
    server.on("/robots.txt", answer(DENY))
    server.on("/public", redirect("/private/page"))
    kept: list[Request] = []

    async def main() -> None:
        async with Client(hasty()) as client:

            async def get(request: Request) -> Response:
                return await client.get(request, sink=lambda request, _1, _2: kept.append(request))

            robots = Robots(get)
            await robots.check(server.url("/public"))
            await client.get(Request("page", server.url("/public"), robots=True), allowed=robots.check)

    with pytest.raises(Failed, match="robots-denied"):
        asyncio.run(main())
    assert server.count("/private/page") == 0
    assert [(request.kind, request.url) for request in kept] == [("robots", server.url("/robots.txt"))]


def test_a_replay_decides_from_the_stored_rules() -> None:
    asked: list[Request] = []

    async def archive(request: Request) -> Response:
        asked.append(request)
        return Response(request.url, 200, (), DENY.encode(), "2025-01-01T00:00:00Z")

    async def main() -> None:
        robots = Robots(archive)
        await robots.check("https://example.org/public?q=1#x")
        await robots.check("https://example.org:8443/public")
        with pytest.raises(Failed, match="robots-denied"):
            await robots.check("https://example.org/private")

    asyncio.run(main())
    assert asked == [
        Request("robots", "https://example.org/robots.txt"),
        Request("robots", "https://example.org:8443/robots.txt"),
    ]
