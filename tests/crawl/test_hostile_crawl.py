"""Servers that misbehave, during whole crawls: the crawl ends, and its ledger has every address with its reason."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from crawl_recipes import crawl_of, dishes, ledger, on_wikis, outputs, pages, quiet, write_recipe
from hostile import CUT_CHUNK, CUT_SHORT, HEAD, Behaviour, Hostile, answer, bomb, dribble, hasty, redirect, reset
from wikis import Wikis

from m4corpus.crawl.run import CrawlResult
from m4corpus.crawl.status import CrawlStatus, status

GOOD = answer("<!doctype html><html lang=en><title>Kites</title><p>Kites fly over the hill.</html>")


def date_in(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def page(name: str) -> bytes:
    return answer(f"<!doctype html><html lang=en><title>{name}</title><p>This is the page {name}.</html>")


def busy(status: int, retry_after: str) -> bytes:
    return answer("later", status, Retry_After=retry_after)


#: What each address does, one behaviour a request; what the ledger says of it, None where it is kept.
MISBEHAVIOURS: dict[str, tuple[list[Behaviour], tuple[str, str] | None]] = {
    "/good": ([page("good")], None),
    "/429-then-good": ([busy(429, "1"), page("429")], None),
    "/503-then-good": ([busy(503, "1"), page("503")], None),
    "/reset-then-good": ([reset, page("reset")], None),
    "/half-then-good": ([CUT_SHORT, page("half")], None),
    "/moved": ([redirect("/moved-here")], None),
    "/429": ([busy(429, "0")], ("failed", "rate-limited")),
    "/503": ([busy(503, "0")], ("failed", "http-status")),
    "/503-for-an-hour": ([busy(503, "3600")], ("failed", "retry-later")),
    "/404": ([answer("no", 404)], ("failed", "http-status")),
    "/reset": ([reset], ("failed", "connection")),
    "/half": ([CUT_SHORT], ("failed", "truncated-body")),
    "/half-a-chunk": ([CUT_CHUNK], ("failed", "truncated-body")),
    "/slow-head": ([dribble(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n")], ("failed", "timeout")),
    "/slow-body": ([dribble(HEAD + b"Content-Length: 100000\r\n\r\n", b".")], ("failed", "timeout")),
    "/picture": ([answer(b"\x89PNG", type="image/png")], ("dropped", "not-html")),
    "/loop": ([redirect("/loop-back")], ("failed", "redirect-loop")),
    "/bomb": ([bomb(20)], ("failed", "too-large")),
    "/too-large": ([answer("x" * 2_000_000)], ("failed", "too-large")),
    "/to-a-neighbour": ([redirect("http://127.0.0.2:1/")], ("failed", "private-address")),
    "/to-the-cloud": ([redirect("http://169.254.169.254/latest/meta-data/")], ("failed", "private-address")),
    "/to-a-file": ([redirect("file:///etc/passwd")], ("failed", "bad-redirect")),
    "/denied": ([page("denied")], ("failed", "robots-denied")),
    "/to-denied": ([redirect("/denied")], ("failed", "robots-denied")),
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Hostile]:
    with Hostile() as server:
        server.on("/robots.txt", answer("User-agent: *\nDisallow: /denied\n", type="text/plain"))
        server.on("/moved-here", page("moved"))
        server.on("/loop-back", redirect("/loop"))
        for path, (behaviours, _) in MISBEHAVIOURS.items():
            server.on(path, *behaviours)
        yield server


def site_recipe(folder: Path, sites: dict[str, list[str]], **politeness: Any) -> Path:
    """A recipe for sites of a few pages each, without manners."""
    # Everything here is one host, whose failures would otherwise count as one.
    config = hasty(**{"patience": 1000, "total_timeout": 1, "max_wait": 2, **politeness})
    sections = {
        "contact": config.contact,
        "allow_private": list(config.allow_private),
        "politeness": asdict(config.politeness),
        "sites": [{"name": name, "start": start, "depth": 0} for name, start in sites.items()],
    }
    return write_recipe(folder, sections)


def test_every_misbehaviour_ends_in_the_ledger(server: Hostile, tmp_path: Path) -> None:
    recipe = site_recipe(tmp_path, {"zoo": [server.url(path) for path in MISBEHAVIOURS]})
    crawl = crawl_of(recipe, tmp_path / "work")
    done = crawl.run(quiet)
    told = {entry.locator: entry for entry in ledger(done.crawl)}
    expected = {path: verdict for path, (_, verdict) in MISBEHAVIOURS.items() if verdict}
    found = {}
    for path in expected:
        entry = told[f"zoo:{server.url(path)}"]
        found[path] = (entry.outcome, entry.slug)
    assert found == expected
    assert told[f"zoo:{server.url('/bomb')}"].detail == "bytes>1000000"
    assert told[f"zoo:{server.url('/to-the-cloud')}"].detail == "host=169.254.169.254"
    kept = {page.locator: page for page in pages(done.crawl).values()}
    good = {server.url(path) for path, (_, verdict) in MISBEHAVIOURS.items() if verdict is None}
    assert kept.keys() == good
    assert kept[server.url("/moved")].url == server.url("/moved-here")
    assert "This is the page half." in kept[server.url("/half-then-good")].content
    counts = done.artifact.counts
    assert counts.adds_up()
    assert (counts.inputs, counts.kept) == (len(MISBEHAVIOURS), len(good))
    # What must not be asked was not.
    assert server.count("/denied") == 0
    before, asked = outputs(done.crawl.path), len(server.seen)
    assert crawl.replay(quiet).same
    for path in done.crawl.path.glob("frontier.sqlite*"):
        path.unlink()
    (done.crawl.path / "manifest.json").unlink()
    assert crawl.replay(quiet).same
    assert outputs(done.crawl.path) == before
    assert len(server.seen) == asked
    told_later = status(done.crawl)
    assert told_later.finished
    assert told_later.failures["page"]["private-address"] == 2


def test_troubles_are_counted(server: Hostile, tmp_path: Path) -> None:
    again = ["/429-then-good", "/503-then-good", "/reset-then-good", "/half-then-good", "/503-for-an-hour"]
    done = crawl_of(site_recipe(tmp_path, {"zoo": [server.url(path) for path in again]}), tmp_path / "work").run(quiet)
    told = {reason: (times, seconds) for _, reason, times, seconds in status(done.crawl).troubles}
    assert told.keys() == {"rate-limited", "http-status", "connection", "truncated-body"}
    assert told["rate-limited"] == (1, 1.0)
    assert told["http-status"] == (2, 1.0), "nobody waits an hour"


def test_retry_after_as_a_date_is_waited_for(server: Hostile, tmp_path: Path) -> None:
    for name, code in (("a", 429), ("b", 503)):
        server.on(f"/date-{name}", answer("later", code, Retry_After=date_in(2)), page(name))
    start = [server.url("/date-a"), server.url("/date-b")]
    recipe = site_recipe(tmp_path, {"zoo": start})
    begun = time.monotonic()
    done = crawl_of(recipe, tmp_path / "work").run(quiet)
    assert len(pages(done.crawl)) == 2
    asked = [seen.at - begun for seen in server.seen if seen.path.startswith("/date-")]
    assert len(asked) == 4
    # A date has no fractions of a second.
    assert asked[2] - asked[0] > 0.9


@pytest.mark.parametrize(
    ("robots", "kept"),
    [
        (answer("User-agent: *\nDisallow: /\n", type="text/plain"), 0),
        (answer("User-agent: m4corpus\nDisallow: /\n\nUser-agent: *\nAllow: /\n", type="text/plain"), 0),
        (answer("User-agent: *\nDisallow: /private\n" + "# words\n" * 100_000, type="text/plain"), 1),
        (answer("# words\n" * 100_000 + "User-agent: *\nDisallow: /\n", type="text/plain"), 1),
        (answer("none", 404), 1),
        (redirect("/robots.txt"), 1),
        (answer("broken", 500), 0),
        (reset, 0),
        (bomb(60), 0),
    ],
    ids=["denies", "denies-us", "huge", "huge-then-denies", "missing", "loop", "broken", "reset", "bomb"],
)
def test_what_robots_say(robots: Behaviour, kept: int, tmp_path: Path) -> None:
    with Hostile() as server:
        server.on("/robots.txt", robots)
        start = server.on("/kites", GOOD)
        crawl = crawl_of(site_recipe(tmp_path, {"kites": [start]}), tmp_path / "work")
        done = crawl.run(quiet)
        assert len(pages(done.crawl)) == kept == server.count("/kites")
    [entry] = ledger(done.crawl)
    if not kept:
        assert entry.outcome == "failed"
        assert entry.slug in ("robots-denied", "robots-unreachable")
    assert crawl.replay(quiet).same


def test_a_site_that_is_down_does_not_keep_others_waiting(tmp_path: Path) -> None:
    from m4corpus.crawl.client import HostDown

    with ExitStack() as stack:
        good = stack.enter_context(Hostile())
        # Another host: of one host, all ports are down together.
        down = stack.enter_context(Hostile(host="127.0.0.3"))
        for path in ("/robots.txt", *(f"/{n}" for n in range(6))):
            down.on(path, reset)
        sites = {"down": [down.url(f"/{n}") for n in range(6)], "kites": [good.on("/kites", GOOD)]}
        recipe = site_recipe(tmp_path, sites, patience=3, attempts=20)
        text = recipe.read_text().replace("127.0.0.1/32", "127.0.0.0/29")
        recipe.write_text(text)
        crawl = crawl_of(recipe, tmp_path / "work")
        with pytest.raises(HostDown, match=r"127\.0\.0\.3 does not answer"):
            crawl.run(quiet)
        assert good.count("/kites") == 1
        for path in ("/robots.txt", *(f"/{n}" for n in range(6))):
            down.on(path, page(path))
        down.on("/robots.txt", answer("no", 404))
        done = crawl.run(quiet)
        assert good.count("/kites") == 1, "what was fetched is not fetched again"
    assert len(pages(done.crawl)) == 7
    assert not done.artifact.counts.failed


def test_what_a_failure_let_in_goes_when_it_has_passed(tmp_path: Path) -> None:
    with Hostile() as server:
        start = [server.on("/a", answer("no", 503)), server.on("/b", page("b"))]
        recipe = site_recipe(tmp_path, {"kites": start})
        recipe.write_text(recipe.read_text().replace("depth: 0", "depth: 0\n    max_pages: 1"))
        crawl = crawl_of(recipe, tmp_path / "work")
        assert [page.url for page in pages(crawl.run(quiet).crawl).values()] == [start[1]]
        server.on("/a", page("a"))
        done = crawl.run(quiet, retry=True)
        assert [page.url for page in pages(done.crawl).values()] == [start[0]]
        assert crawl.replay(quiet).same


# Wikis in trouble


@pytest.fixture(scope="module")
def untroubled(wikis: Wikis, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Outputs of a crawl that nothing happened to."""
    folder = tmp_path_factory.mktemp("untroubled")
    return outputs(crawl_of(wiki_recipe(folder, wikis), folder / "work").run(quiet).crawl.path)


def wiki_recipe(folder: Path, wikis: Wikis, **politeness: Any) -> Path:
    return write_recipe(folder, {**on_wikis(wikis, **politeness), **dishes(folder)})


def troubles(done: CrawlResult) -> dict[str, int]:
    told: CrawlStatus = status(done.crawl)
    return {reason: times for _, reason, times, _ in told.troubles}


def test_wikis_that_lag(wikis: Wikis, untroubled: dict[str, bytes], tmp_path: Path) -> None:
    wikis.forget_hits()
    crawl = crawl_of(wiki_recipe(tmp_path, wikis), tmp_path / "work")
    waited: list[float] = []

    def catch_up() -> None:
        begun = time.monotonic()
        while not wikis.hits() and time.monotonic() < begun + 20:
            time.sleep(0.02)
        time.sleep(0.3)
        waited.append(time.monotonic())
        stack.close()

    with ExitStack() as stack:
        stack.enter_context(wikis.lagging(30))
        watcher = threading.Thread(target=catch_up)
        watcher.start()
        done = crawl.run(quiet)
        watcher.join()
    assert outputs(done.crawl.path) == untroubled
    assert troubles(done).keys() == {"maxlag"}
    # MediaWiki asks for five seconds.
    assert time.monotonic() - waited[0] > 4
    lagged = troubles(done)["maxlag"]
    assert 1 <= lagged <= wikis.politeness().concurrency
    sent = [hit.target for hit in wikis.hits() if "maxlag=5" in hit.target]
    assert len(sent) == done.counters.fetched + lagged


@pytest.mark.parametrize(("status", "as_date"), [(429, True), (503, False)], ids=["429-date", "503-seconds"])
def test_wikis_that_refuse(
    status: int, as_date: bool, wikis: Wikis, untroubled: dict[str, bytes], tmp_path: Path
) -> None:
    crawl = crawl_of(wiki_recipe(tmp_path, wikis, attempts=8), tmp_path / "work")
    with wikis.refusing(3, status, date_in(2) if as_date else 1):
        done = crawl.run(quiet)
    assert outputs(done.crawl.path) == untroubled
    assert troubles(done) == {"rate-limited" if status == 429 else "http-status": 3}
    assert crawl.replay(quiet).same
