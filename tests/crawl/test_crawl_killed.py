"""kill -9 at any moment of a crawl: what is stored is never fetched again, nothing is lost, others can read it."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from crawl_store_work import CONCURRENCY, JUDGES, Site, crawl, paths

from m4corpus.crawl.archive import Archive
from m4corpus.crawl.fetcher import ReplayFetcher
from m4corpus.crawl.frontier import Frontier

NUMBER = 300
KILLS = 5


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


def start(directory: Path, site: Site) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "crawl_store_work", str(directory), site.url(), str(NUMBER)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def finish(directory: Path, site: Site) -> dict[str, list[str]]:
    process = start(directory, site)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return dict(json.loads(output))


def killed(directory: Path, site: Site, hits: int, delay: float) -> bool:
    """Kill a crawl ``delay`` seconds after its ``hits``-th request; False when it had finished by then."""
    reached = threading.Event()
    until = site.hits.total() + hits

    def watch() -> None:
        if site.hits.total() >= until:
            reached.set()

    site.on_hit = watch
    process = start(directory, site)
    while not reached.wait(0.01) and process.poll() is None:
        pass
    time.sleep(delay)
    process.kill()
    process.communicate()
    time.sleep(0.1)  # for requests that had been sent already
    return process.returncode == -9


def stored(directory: Path) -> set[str]:
    """Addresses whose answer or final refusal is in the archive, whole."""
    found = set()
    with Archive(directory / "warc") as archive:
        for _, capture in archive.scan():
            final = capture.failed or (
                capture.response and capture.response.status in (200, 404) and capture.response.body != b"lagging"
            )
            if final:
                found.add(capture.url)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_killed_again_and_again(site: Site, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    directory = tmp_path / "killed"
    kills = 0
    before: dict[str, tuple[int, int]] = {}
    for _ in range(KILLS):
        if not killed(directory, site, dice.randint(1, NUMBER // 7), dice.uniform(0, 0.02)):
            continue
        kills += 1
        for url in stored(directory):
            path = url.removeprefix(site.url())
            moved = path.replace("moved", "page") + "?moved"
            before.setdefault(url, (site.hits[path], site.hits[moved]))
    assert kills >= KILLS - 1, "the crawl was over before it could be killed"
    assert 30 < len(before) < NUMBER, "the kills came too early or too late to show anything"
    outcomes = finish(directory, site)

    # None fetched twice: what was stored when the crawl was killed was never asked for again.
    for url, counts in before.items():
        path = url.removeprefix(site.url())
        assert counts == (site.hits[path], site.hits[path.replace("moved", "page") + "?moved"]), url
    needed = sum({"moved": 2, "busy": 2, "lagging": 2}.get(path.split("/")[1], 1) for path in paths(NUMBER))
    # The answer to a request that was under way may have been lost; one that redirects or waits begins anew.
    assert site.hits.total() <= needed + kills * CONCURRENCY * 2
    # None lost: every address ends as in a crawl that nobody killed.
    site.hits.clear()
    assert outcomes == finish(tmp_path / "whole", site)
    assert len(outcomes) == NUMBER
    # Once more asks the network nothing.
    hits = site.hits.total()
    assert finish(directory, site) == outcomes
    assert site.hits.total() == hits

    assert_replays(directory, outcomes)
    assert_others_read_it(directory)


def test_cut_anywhere_it_goes_on(site: Site, tmp_path: Path) -> None:
    """Without its frontier and with the end of its archive missing, a crawl asks again for what is missing only."""
    whole = finish(tmp_path / "whole", site)
    dice = random.Random(1)
    for number in range(3):
        directory = tmp_path / f"cut-{number}"
        shutil.copytree(tmp_path / "whole", directory)
        for leftover in directory.glob("frontier.sqlite*"):
            leftover.unlink()
        last = max((directory / "warc").iterdir())
        with last.open("r+b") as file:
            file.truncate(dice.randrange(1, last.stat().st_size))
        there = stored(directory)
        site.hits.clear()
        outcomes = finish(directory, site)
        assert outcomes.keys() == whole.keys()
        assert {url: outcomes[url][0] for url in outcomes} == {url: whole[url][0] for url in whole}
        asked = {site.url(path) for path in site.hits if "?" not in path}
        assert asked == whole.keys() - there


def assert_replays(directory: Path, outcomes: dict[str, list[str]]) -> None:
    """The archive alone gives every outcome again, failures included."""
    with Archive(directory / "warc") as archive, Frontier(None) as frontier:
        fetcher = ReplayFetcher(archive, frontier, judges=JUDGES)
        fetcher.recover()
        assert asyncio.run(crawl(fetcher, list(outcomes))) == outcomes
        assert frontier.counts() == {
            "lagging": {"done": NUMBER // 10},
            "page": {"done": NUMBER * 7 // 10, "failed": NUMBER * 2 // 10},
        }


def assert_others_read_it(directory: Path) -> None:
    """Two independent readers find the same responses, whole and with sound digests."""
    from fastwarc.warc import ArchiveIterator as FastIterator
    from warcio.archiveiterator import ArchiveIterator

    files = sorted((directory / "warc").iterdir())
    assert len(files) > 1, "the archive was meant to fill several files"
    with Archive(directory / "warc") as archive:
        own = [c.response.body for _, c in archive.scan() if c.response]
    first, second = [], []
    for path in files:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, check_digests="raise"):
                content = record.raw_stream.read()
                if record.rec_type == "response":
                    first.append(content)
        with path.open("rb") as stream:
            for record in FastIterator(stream, parse_http=False):
                assert record.verify_block_digest()
                if record.headers["WARC-Type"] == "response":
                    record.parse_http(auto_decode="none")
                    second.append(record.reader.read())
    assert first == own
    assert second == own
