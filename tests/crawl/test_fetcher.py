"""Fetchers: asked of the network once, answered by the archive ever after."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from crawl_store_work import JUDGES, Site, config, judge, outcome, request

from m4corpus.crawl.archive import Archive
from m4corpus.crawl.client import Client, HostDown
from m4corpus.crawl.database import BATCH
from m4corpus.crawl.fetcher import Counters, LiveFetcher, ReplayFetcher
from m4corpus.crawl.frontier import Frontier
from m4corpus.crawl.messages import Failed, Judge, Request, Response
from m4corpus.errors import IntegrityError

Work = Callable[[LiveFetcher], Awaitable[object]]


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


def run(directory: Path, work: Work, *, retry_failed: bool = False) -> Counters:
    """One run of a crawl; how its requests were answered."""

    async def live() -> Counters:
        async with Client(config(), events=frontier.trouble) as client:
            fetcher = LiveFetcher(client, archive, frontier, judges=JUDGES, retry_failed=retry_failed)
            fetcher.recover()
            await work(fetcher)
            return fetcher.counters

    with Archive(directory / "warc") as archive, Frontier(directory / "frontier.sqlite") as frontier:
        return asyncio.run(live())


def replay(directory: Path, work: Callable[[ReplayFetcher], Awaitable[object]], *, alone: bool = True) -> Counters:
    """The same from the archive, without its frontier or with it."""
    with Archive(directory / "warc") as archive, Frontier(None if alone else directory / "frontier.sqlite") as frontier:
        fetcher = ReplayFetcher(archive, frontier, judges=JUDGES)
        fetcher.recover()
        asyncio.run(work(fetcher))  # type: ignore[arg-type]
        return fetcher.counters


def failure(directory: Path, asked: Request, **options: bool) -> tuple[str, str, bool]:
    """How a request fails."""
    caught: list[Failed] = []

    async def work(fetcher: LiveFetcher) -> None:
        with pytest.raises(Failed) as info:
            await fetcher.get(asked, judge)
        caught.append(info.value)

    run(directory, work, **options)
    return caught[0].slug, caught[0].detail, caught[0].transient


def test_what_is_stored_is_never_asked_for_again(site: Site, tmp_path: Path) -> None:
    wanted = [request(site.url(f"/{sort}/{i}")) for i in range(5) for sort in ("page", "zipped", "chunked", "moved")]
    outcomes: list[list[list[str]]] = []

    async def work(fetcher: LiveFetcher) -> None:
        outcomes.append([outcome(await fetcher.get(asked, judge)) for asked in wanted])

    assert run(tmp_path, work) == Counters(fetched=20)
    hits = site.hits.total()
    assert hits == 25
    assert run(tmp_path, work) == Counters(reused=20)
    assert replay(tmp_path, work) == Counters(reused=20)  # type: ignore[arg-type]
    assert replay(tmp_path, work, alone=False) == Counters(reused=20)  # type: ignore[arg-type]
    assert site.hits.total() == hits
    assert all(found == outcomes[0] for found in outcomes[1:]), "the archive answers as the network did"


def test_equal_requests_under_way_share_one(site: Site, tmp_path: Path) -> None:
    async def work(fetcher: LiveFetcher) -> None:
        answers = await asyncio.gather(*(fetcher.get(request(site.url("/page/1"))) for _ in range(10)))
        assert len(set(answers)) == 1
        wrong = await asyncio.gather(
            *(fetcher.get(request(site.url("/missing/1"))) for _ in range(10)), return_exceptions=True
        )
        assert {error.slug for error in wrong if isinstance(error, Failed)} == {"http-status"}

    assert run(tmp_path, work) == Counters(fetched=1, failed=1)
    assert site.hits == {"/page/1": 1, "/missing/1": 1}


def test_who_gives_up_does_not_take_others_along(site: Site, tmp_path: Path) -> None:
    async def work(fetcher: LiveFetcher) -> None:
        first = asyncio.create_task(fetcher.get(request(site.url("/page/1"))))
        second = asyncio.create_task(fetcher.get(request(site.url("/page/1"))))
        alone = asyncio.create_task(fetcher.get(request(site.url("/page/2"))))
        await asyncio.sleep(0)
        first.cancel()
        alone.cancel()
        assert (await second).status == 200
        # The request nobody waits for is not carried on with, and may be made anew.
        assert (await fetcher.get(request(site.url("/page/2")))).status == 200

    assert run(tmp_path, work).fetched == 2
    assert site.hits["/page/1"] == 1


def test_failures_are_final(site: Site, tmp_path: Path) -> None:
    missing, image = request(site.url("/missing/1")), request(site.url("/image/1"))
    expected = ("http-status", "status=404", False)
    assert failure(tmp_path, missing) == expected
    assert failure(tmp_path, missing) == expected
    assert failure(tmp_path, missing, retry_failed=True) == expected
    assert failure(tmp_path, image) == ("content-type", "image/png", False)
    assert site.hits == {"/missing/1": 1, "/image/1": 1}

    async def again(fetcher: ReplayFetcher) -> None:
        for asked, slug in ((missing, "http-status"), (image, "content-type")):
            with pytest.raises(Failed) as info:
                await fetcher.get(asked)
            assert info.value.slug == slug

    assert replay(tmp_path, again) == Counters(failed=2)


def test_transient_failures_are_tried_again_when_asked_to(site: Site, tmp_path: Path) -> None:
    down = request(site.url("/down/1"))
    assert failure(tmp_path, down) == ("http-status", "status=503", True)
    assert site.hits["/down/1"] == 3
    assert failure(tmp_path, down) == ("http-status", "status=503", True)
    assert site.hits["/down/1"] == 3

    async def twice(fetcher: LiveFetcher) -> None:
        for _ in range(2):
            with pytest.raises(Failed):
                await fetcher.get(down)

    run(tmp_path, twice, retry_failed=True)
    assert site.hits["/down/1"] == 6, "once more in a run, with all its tries, and no oftener"
    site.answer = lambda path, count: (200, [("Content-Type", "text/html")], b"up")  # type: ignore[method-assign]

    async def up(fetcher: LiveFetcher | ReplayFetcher) -> None:
        assert (await fetcher.get(down)).body == b"up"

    assert run(tmp_path, up, retry_failed=True) == Counters(fetched=1)
    assert replay(tmp_path, up) == Counters(reused=1)
    with Frontier(tmp_path / "frontier.sqlite", read_only=True) as frontier:
        assert frontier.troubles() == [("127.0.0.1", "http-status", 6, pytest.approx(0.0, abs=5))]
        assert frontier.errors() == {}


def test_a_host_that_is_down_leaves_requests_pending(tmp_path: Path) -> None:
    with Site() as gone:
        asked = request(gone.url("/page/1"))

    async def work(fetcher: LiveFetcher) -> None:
        with pytest.raises(HostDown):
            await fetcher.get(asked)

    run(tmp_path, work)
    with Frontier(tmp_path / "frontier.sqlite", read_only=True) as frontier:
        assert frontier.counts() == {"page": {"pending": 1}}


def test_robots_are_obeyed_live_and_replayed(site: Site, tmp_path: Path) -> None:
    site.robots = "User-agent: *\nDisallow: /page/2\n"
    denied, moved = request(site.url("/page/2"), robots=True), request(site.url("/moved/2"), robots=True)

    async def work(fetcher: LiveFetcher | ReplayFetcher) -> None:
        assert (await fetcher.get(request(site.url("/page/1"), robots=True))).status == 200
        for asked in (denied, moved):
            with pytest.raises(Failed) as info:
                await fetcher.get(asked)
            assert info.value.slug == "robots-denied"

    run(tmp_path, work)
    hits = dict(site.hits)
    assert hits["/robots.txt"] == 1
    assert "/page/2" not in hits
    run(tmp_path, work)
    assert site.hits == hits
    replay(tmp_path, work)


def test_only_what_was_archived_can_be_replayed(site: Site, tmp_path: Path) -> None:
    async def nothing(fetcher: ReplayFetcher) -> None:
        with pytest.raises(Failed) as info:
            await fetcher.get(Request("page", site.url("/page/1")))
        assert (info.value.slug, info.value.detail) == ("not-archived", "page")

        assert fetcher.missing == 1

    assert replay(tmp_path, nothing) == Counters(failed=1)
    assert not site.hits
    assert not (tmp_path / "warc").exists()


def test_without_its_frontier_a_crawl_asks_for_nothing_again(site: Site, tmp_path: Path) -> None:
    """Not for answers, nor for refusals, nor for what came to nothing although it was answered."""
    wanted = [request(site.url(f"/{sort}/1")) for sort in ("page", "moved", "missing", "busy", "lagging", "image")]
    outcomes = []

    async def work(fetcher: LiveFetcher | ReplayFetcher) -> None:
        results = await asyncio.gather(*(fetcher.get(asked, judge) for asked in wanted), return_exceptions=True)
        outcomes.append([outcome(r) if isinstance(r, Response) else repr(r) for r in results])

    assert run(tmp_path, work) == Counters(fetched=4, failed=2)
    hits = dict(site.hits)
    for leftover in tmp_path.glob("frontier.sqlite*"):
        leftover.unlink()
    assert run(tmp_path, work) == Counters(reused=4, failed=2)
    (tmp_path / "frontier.sqlite").write_bytes(b"damaged" * 1000)
    assert run(tmp_path, work) == Counters(reused=4, failed=2)
    assert site.hits == hits
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_answers_that_are_none_are_not_adopted(site: Site, tmp_path: Path) -> None:
    """What was stored of requests whose fate was still open is no answer: it is asked for again."""
    open_fates = {"lagging": b"lagging", "busy": b"busy"}
    wanted = [request(site.url(f"/{sort}/1")) for sort in open_fates]
    with Archive(tmp_path / "warc") as archive:
        for asked, body in zip(wanted, open_fates.values(), strict=True):
            status = 503 if body == b"busy" else 200
            archive.append(
                asked, Response(asked.url, status, (("Content-Type", "text/html"),), body, "2025-04-30T12:00:00Z"), ()
            )
        hop = Response(site.url("/moved/1"), 302, (("Location", "/page/1"),), b"", "2025-04-30T12:00:00Z")
        archive.append(request(site.url("/moved/1")), hop, ())

    async def not_there(fetcher: ReplayFetcher) -> None:
        for asked in wanted:
            with pytest.raises(Failed) as info:
                await fetcher.get(asked)
            assert info.value.slug == "not-archived"

    replay(tmp_path, not_there)

    async def work(fetcher: LiveFetcher) -> None:
        for asked in [*wanted, request(site.url("/moved/1"))]:
            assert b"<p>" in (await fetcher.get(asked, judge)).body

    assert run(tmp_path, work).fetched == 3


def test_a_wrong_kind_of_answer_is_adopted_as_the_failure_it_is(site: Site, tmp_path: Path) -> None:
    """Killed between storing a response and the verdict on it: the verdict is found again."""
    stored = {"content-type": (("Content-Type", "image/png"),), "bad-encoding": (("Content-Encoding", "gzip"),)}
    with Archive(tmp_path / "warc") as archive:
        for slug, headers in stored.items():
            asked = Request("page", site.url(f"/{slug}"), ("image/gif",) if slug == "content-type" else ())
            body = b"\x1f\x8b broken"
            archive.append(asked, Response(asked.url, 200, headers, body, "2025-04-30T12:00:00Z"), ())
    assert failure(tmp_path, Request("page", site.url("/content-type")))[:2] == ("content-type", "image/png")
    assert failure(tmp_path, Request("page", site.url("/bad-encoding")))[0] == "bad-encoding"
    assert not site.hits


class Slow:
    """A client that hands over a response long before it is done with it, as one that waits its turn would."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.hold = asyncio.Event()

    def slow(self, host: str, seconds: float) -> None:
        pass

    async def get(
        self,
        request: Request,
        judge: Judge | None = None,
        sink: Callable[[Request, Response, tuple[tuple[str, str], ...]], None] | None = None,
        allowed: Callable[[str], Awaitable[None]] | None = None,
    ) -> Response:
        self.asked.append(request.url)
        response = Response(request.url, 200, (), request.url.encode(), "2025-04-30T12:00:00Z")
        assert sink
        sink(request, response, ())
        if request.url.endswith("slow"):
            await self.hold.wait()
        return response


def test_a_response_stored_early_and_settled_late_is_not_lost(tmp_path: Path) -> None:
    """Others that came after it are committed before it: what is looked at on the next start begins before it."""
    slow = Request("page", "http://example.org/slow")

    async def killed() -> None:
        with Archive(tmp_path / "warc") as archive, Frontier(tmp_path / "frontier.sqlite") as frontier:
            fetcher = LiveFetcher(Slow(), archive, frontier)
            fetcher.recover()
            waiting = asyncio.create_task(fetcher.get(slow))
            await asyncio.sleep(0.01)
            for number in range(BATCH):
                await fetcher.get(Request("page", f"http://example.org/{number}"))
            frontier.commit()
            shutil.copytree(tmp_path, tmp_path.with_name("killed"))
            waiting.cancel()

    asyncio.run(killed())
    directory = tmp_path.with_name("killed")

    async def resumed() -> None:
        with Archive(directory / "warc") as archive, Frontier(directory / "frontier.sqlite") as frontier:
            assert frontier.seen(slow.key) is not None
            client = Slow()
            fetcher = LiveFetcher(client, archive, frontier)
            assert fetcher.recover() == 1
            assert (await fetcher.get(slow)).body == slow.url.encode()
            assert client.asked == []

    asyncio.run(resumed())


def test_a_flipped_byte_stops_the_crawl(site: Site, tmp_path: Path) -> None:
    async def work(fetcher: LiveFetcher) -> None:
        for number in range(3):
            await fetcher.get(request(site.url(f"/page/{number}")))

    run(tmp_path, work)
    path = tmp_path / "warc/00000.warc.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"00000\.warc\.gz is damaged at offset \d+"):
        run(tmp_path, work)
    with pytest.raises(IntegrityError, match=r"00000\.warc\.gz is damaged at offset \d+"):
        replay(tmp_path, work)  # type: ignore[arg-type]


def test_an_archive_that_lost_files_is_noticed(site: Site, tmp_path: Path) -> None:
    async def work(fetcher: LiveFetcher) -> None:
        await fetcher.get(request(site.url("/page/1")))

    run(tmp_path, work)
    shutil.rmtree(tmp_path / "warc")
    with pytest.raises(IntegrityError, match="the file ends before that"):
        run(tmp_path, work)
