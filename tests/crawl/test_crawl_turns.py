"""Hosts are asked in turn, so that the rate of one does not hold up a crawl of many."""

from __future__ import annotations

import asyncio

from m4corpus.crawl.config import CrawlConfig, RevisionsConfig
from m4corpus.crawl.frontier import Frontier
from m4corpus.crawl.mediawiki.records import Pin
from m4corpus.crawl.messages import Judge, Request, Response
from m4corpus.crawl.program import Program
from m4corpus.crawl.questions import QuestionSet

SIZES = {"en": 1200, "ja": 400, "sw": 40}


class Listening:
    """Answers at once and keeps the hosts in the order they were asked."""

    def __init__(self) -> None:
        self.hosts: list[str] = []

    async def get(self, request: Request, judge: Judge | None = None) -> Response:
        self.hosts.append(request.url.removeprefix("https://").partition(".")[0])
        return Response(request.url, 200, (), b"{}", "2025-04-30T12:00:00Z")


def test_every_edition_has_its_share_of_any_stretch() -> None:
    pins = tuple(Pin(edition, n, "Rawon", n, "") for edition, size in SIZES.items() for n in range(1, size + 1))
    fetcher = Listening()
    with Frontier(None) as facts:
        config = CrawlConfig(revisions=RevisionsConfig(path="x.csv"))
        asyncio.run(Program(config, QuestionSet((), pins=pins), fetcher, facts, lambda *_: None).run())
        assert facts.groups("pin") == list(SIZES.items())
    assert len(fetcher.hosts) == sum(SIZES.values())
    stretch = 410
    for start in range(0, len(fetcher.hosts), stretch):
        asked = fetcher.hosts[start : start + stretch]
        for edition, size in SIZES.items():
            share = asked.count(edition) / len(asked)
            assert abs(share - size / len(fetcher.hosts)) < 0.02


def test_facts_under_a_prefix() -> None:
    keys = ["en\t1", "en\t2", "en\t\U0001f600", "en", "ens\t1", "e\t1", "zh-yue\t1"]
    with Frontier(None) as facts:
        for key in keys:
            facts.note("pin", key, key)
        facts.note("other", "en\t3", "")
        assert [key for key, _ in facts.facts("pin", "en\t")] == ["en\t1", "en\t2", "en\t\U0001f600"]
        assert list(facts.facts("pin", "fr\t")) == []
