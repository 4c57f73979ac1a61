"""What a crawl does, step by step: ask, pin, render, look for images, follow sites.

The program knows no network: a :class:`messages.Fetcher` answers it, so the same steps crawl, resume and replay. Each
step leaves its results in the frontier as *facts*, under keys whose order is the order of the outputs; a step that is
run again does what has no fact yet.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from operator import itemgetter
from typing import Any

from m4corpus.crawl.atonce import each
from m4corpus.crawl.client import HostDown
from m4corpus.crawl.config import CrawlConfig, SiteConfig
from m4corpus.crawl.frontier import Frontier
from m4corpus.crawl.images import find_images
from m4corpus.crawl.mediawiki import Pin, Wiki
from m4corpus.crawl.messages import Failed, Fetcher
from m4corpus.crawl.questions import Answer, Question, QuestionSet
from m4corpus.crawl.sites import crawl_site
from m4corpus.ledger import DROPPED, Drop, Fail, Verdict
from m4corpus.sources.m4rag import article_id

#: The steps, in order.
STEPS = ("questions", "pins", "pages", "images", "sites")
#: Page ids in one request, the most a wiki takes from anyone.
BATCH = 50
#: Questions, batches and pages under way at once: enough to keep every host busy, few enough to hold in memory.
_AT_ONCE = 64

#: Hears how far a step is: its name, what is done, and how much there is.
Watch = Callable[[str, int, int], None]


class Program:
    """One crawl, whose results so far are ``facts``."""

    def __init__(
        self,
        config: CrawlConfig,
        questions: QuestionSet,
        fetcher: Fetcher,
        facts: Frontier,
        watch: Watch,
    ) -> None:
        self._config = config
        self._questions = questions
        self._fetcher = fetcher
        self._facts = facts
        self._wiki = Wiki(fetcher, config.wiki)
        self._watch = watch

    async def run(self) -> None:
        """All steps. Raises :class:`HostDown` when a server answers no more, and what the machine refuses."""
        await self._ask()
        await self._pin()
        await self._render()
        await self._find_images()
        await self._follow_sites()

    async def _ask(self) -> None:
        """Every question's searches; the pages they reach."""
        total, done = len(self._questions.questions), 0

        async def ask(numbered: tuple[int, Question]) -> None:
            nonlocal done
            number, question = numbered
            key = f"{question.plan}\t{number:08d}"
            if self._facts.fact("answer", key) is None:
                answer = await question.answer(self._wiki)
                for edition, pageid in answer.pages():
                    self._facts.note("reached", f"{edition}\t{pageid:012d}", {})
                self._facts.note("answer", key, answer.as_dict())
            done += 1
            self._watch("questions", done, total)

        await each(enumerate(self._questions.questions), ask, _AT_ONCE)

    async def _pin(self) -> None:
        """The revision of every page that was reached, in batches that depend on the pages alone; those that are known
        need no request."""
        for known in self._questions.pins:
            key = f"{known.edition}\t{known.pageid:012d}"
            self._facts.note("reached", key, {})
            self._facts.note("pin", key, known.as_dict())
        total, done = self._facts.number("reached"), 0

        async def pin(batch: tuple[str, list[int]]) -> None:
            nonlocal done
            edition, pageids = batch
            keys = [f"{edition}\t{pageid:012d}" for pageid in pageids]
            if any(self._facts.fact("pin", key) is None for key in keys):
                for pageid, pinned in (await self._wiki.pin(edition, pageids)).items():
                    self._facts.note("pin", f"{edition}\t{pageid:012d}", _as_fact(pinned))
            done += len(pageids)
            self._watch("pins", done, total)

        await each(_batches(key for key, _ in self._facts.facts("reached")), pin, _AT_ONCE)

    async def _render(self) -> None:
        """The HTML of every pinned revision, into the archive: what reads it later finds it there."""
        total, done = self._facts.number("pin"), 0

        async def render(fact: tuple[str, dict[str, Any]]) -> None:
            nonlocal done
            pinned = from_fact(fact[1])
            if isinstance(pinned, Pin):
                # The frontier has what failed, and whoever writes the pages says so.
                with suppress(Failed):
                    await self._wiki.fetch_html(pinned)
            done += 1
            self._watch("pages", done, total)

        await each(self._by_turns(), render, _AT_ONCE)

    def _by_turns(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Pinned pages of all editions in turn, so many of each that they end together: one host takes only so many at
        once, and asking several is faster."""

        def of(edition: str, number: int) -> Iterator[tuple[tuple[float, str], tuple[str, dict[str, Any]]]]:
            for place, fact in enumerate(self._facts.facts("pin", f"{edition}\t")):
                yield (place / number, edition), fact

        streams = [of(edition, number) for edition, number in self._facts.groups("pin")]
        return (fact for _, fact in heapq.merge(*streams, key=itemgetter(0)))

    async def _find_images(self) -> None:
        if self._config.images is None:
            return
        answers = (Answer.from_dict(answer) for _, answer in self._facts.facts("answer"))
        found = await find_images(
            self._wiki,
            self._config.images,
            answers,
            lambda done, total: self._watch("images", done, total),
            lambda edition, pageid: article_at(self._facts, edition, pageid),
        )
        with found:
            for record in found.records:
                self._facts.note("image", record["image_id"], record)
            for verdict in found.verdicts:
                self._facts.note("image-verdict", verdict.id, verdict.as_dict())

    async def _follow_sites(self) -> None:
        """Every site; one that does not answer keeps none of the others waiting."""
        down: HostDown | None = None
        for site in self._config.sites:
            try:
                await self._follow(site)
            except HostDown as error:
                down = down or error
        if down:
            raise down

    async def _follow(self, site: SiteConfig) -> None:
        done = 0

        def count() -> None:
            nonlocal done
            done += 1
            self._watch("sites", done, site.max_pages)

        result = await crawl_site(self._fetcher, site, count)
        for page in result.pages:
            self._facts.note("site-page", f"{site.name}\t{page.final_url}", {"url": page.url})
        for verdict in result.verdicts:
            self._facts.note("site-verdict", f"{site.name}\t{verdict.url}", asdict(verdict))


def from_fact(fact: dict[str, Any]) -> Pin | Verdict:
    """The pinned page a fact holds, or why there is none."""
    if "slug" in fact:
        kind = Drop if fact["outcome"] == DROPPED else Fail
        return kind(fact["slug"], fact["detail"])
    return Pin.from_dict(fact)


def article_at(facts: Frontier, edition: str, pageid: int) -> str:
    """Id of the article that a search hit leads to, redirects followed; empty where it leads nowhere."""
    fact = facts.fact("pin", f"{edition}\t{pageid:012d}")
    pinned = from_fact(fact) if fact else None
    return article_id(str(pinned.pageid), edition) if isinstance(pinned, Pin) else ""


def _as_fact(pinned: Pin | Verdict) -> dict[str, Any]:
    if isinstance(pinned, Verdict):
        return {"outcome": pinned.outcome, "slug": pinned.slug, "detail": pinned.detail}
    return pinned.as_dict()


def _batches(keys: Iterator[str]) -> Iterator[tuple[str, list[int]]]:
    """Edition and page ids of each batch; ``keys`` are sorted."""
    edition, pageids = "", list[int]()
    for key in keys:
        name, pageid = key.split("\t")
        if pageids and (name != edition or len(pageids) == BATCH):
            yield edition, pageids
            pageids = []
        edition = name
        pageids.append(int(pageid))
    if pageids:
        yield edition, pageids
