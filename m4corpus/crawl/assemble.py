"""From a crawl's archive and facts to its pages, its ledger and its manifest.

Everything written here follows from the stored responses alone. Pages go to the part their id hashes to, sorted by id;
the ledger has a row for every page that was reached, every search, every row of a table that was not asked, every
address of a site and every image that was looked at.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from m4corpus.accounts import Accounts
from m4corpus.crawl.config import CrawlConfig
from m4corpus.crawl.directory import IMAGES, QUESTIONS, VERSION, CrawlDirectory
from m4corpus.crawl.frontier import Frontier
from m4corpus.crawl.mediawiki import Pin, Wiki
from m4corpus.crawl.messages import Fetcher
from m4corpus.crawl.program import Watch, article_at, from_fact
from m4corpus.crawl.questions import Answer, QuestionSet
from m4corpus.crawl.reached import Reached
from m4corpus.crawl.sites import page_of, page_request
from m4corpus.ledger import DROPPED, FAILED, KEPT, Entry, Fail, Verdict
from m4corpus.records import Page, schema, to_batch, weight
from m4corpus.sources.m4rag import article_id
from m4corpus.storage.artifact import Artifact, Completion, Identity
from m4corpus.storage.atomic import replacing
from m4corpus.storage.digests import canonical_json
from m4corpus.storage.parts import Buffered, PartWriter, part_name
from m4corpus.storage.sqlite import remove, translated

#: What pages of wikis name as their source, until the read stage gives them the name of its own.
WIKI = "wiki"
#: Rows of tables that are left out by rule, not for a fault.
_RULES = frozenset({"empty-query", "repeated-id", "repeated-name", "superseded-row"})


async def assemble(
    crawl: CrawlDirectory,
    config: CrawlConfig,
    questions: QuestionSet,
    fetcher: Fetcher,
    facts: Frontier,
    partitions: int,
    watch: Watch,
) -> Artifact:
    """Write the outputs of a crawl whose requests are all settled; ``fetcher`` reads its archive."""
    # Readers take every part there is, so none may stay of an attempt with more of them.
    for folder in ("pages", "ledger"):
        shutil.rmtree(crawl.path / folder, ignore_errors=True)
    scratch = crawl.path / "assembly.sqlite"
    try:
        with translated(scratch), closing(Reached(scratch, partitions)) as reached:
            _collect(reached, facts, questions)
            writer = _Writer(crawl.path, config, fetcher, reached, watch)
            completions = [await writer.write(part) for part in range(partitions)]
            conditioned = {question.plan for question in questions.questions if question.conditioned}
            conditioned |= set(config.revisions.conditioned) if config.revisions else set()
            with replacing(crawl.path / QUESTIONS) as path:
                _write_lines(path, _asked(facts, reached, conditioned))
            with replacing(crawl.path / IMAGES) as path:
                _write_lines(path, (record for _, record in facts.facts("image")))
    finally:
        remove(scratch)
    plan = crawl.plan
    identity = Identity("crawl", VERSION, {**plan.config, "partitions": partitions}, plan.inputs, {})
    info = {"conditioned_on_answers": sorted(conditioned), "as_of": config.wiki.as_of}
    return Artifact.seal(crawl.path, identity, completions, info)


def _collect(reached: Reached, facts: Frontier, questions: QuestionSet) -> None:
    """What becomes a page, and every row of the ledger that does not."""
    for rejected in questions.rejected:
        outcome = DROPPED if rejected.slug in _RULES else FAILED
        reached.note(Entry(f"table:{rejected.id}", rejected.id, outcome, rejected.slug, rejected.detail, 0))
    for key, fact in facts.facts("pin"):
        edition, pageid = key.split("\t")
        asked, pinned = article_id(str(int(pageid)), edition), from_fact(fact)
        if isinstance(pinned, Verdict):
            reached.note(_entry(asked, f"{edition}:{int(pageid)}", pinned))
            continue
        id = article_id(str(pinned.pageid), edition)
        reached.add(id, pinned.revision, {"pin": pinned.as_dict()})
        if id != asked:
            detail = f"to={id} title={pinned.title}"
            reached.note(Entry(asked, f"{edition}:{int(pageid)}", DROPPED, "redirect", detail, 0))
    for _, answer in facts.facts("answer"):
        _collect_answer(reached, facts, Answer.from_dict(answer))
    for key, page in facts.facts("site-page"):
        site, url = key.split("\t", 1)
        reached.add(f"{site}:{url}", 0, {"site": site, "url": page["url"]})
    for kind in ("site-verdict", "image-verdict"):
        for key, verdict in facts.facts(kind):
            id = key.replace("\t", ":", 1)
            if kind == "image-verdict" or verdict["outcome"] != KEPT:
                reached.note(Entry(id, id, verdict["outcome"], verdict["slug"], verdict["detail"], 0))


def _collect_answer(reached: Reached, facts: Frontier, answer: Answer) -> None:
    """A row for every search of a question, and which pages it reached."""
    failed = {query: (outcome, slug, detail) for query, outcome, slug, detail in answer.failed}
    for number, (query, pageids) in enumerate(zip(answer.queries, answer.found, strict=True)):
        id, locator = f"{answer.plan}:{answer.question_id}#{number}", str(query)
        if query in failed:
            reached.note(Entry(id, locator, *failed.pop(query), 0))
            continue
        reached.note(
            Entry(id, locator, KEPT, "", f"trimmed from: {query.trimmed_from}" if query.trimmed_from else "", 0)
        )
        for pageid in pageids:
            if target := article_at(facts, query.edition, pageid):
                reached.by(target, query.edition, query.text)
    for query, verdict in failed.items():
        reached.note(Entry(f"{answer.plan}:{answer.question_id}#{query.how}", str(query), *verdict, 0))


class _Writer:
    """Writes one part after another."""

    def __init__(self, root: Path, config: CrawlConfig, fetcher: Fetcher, reached: Reached, watch: Watch) -> None:
        self._root = root
        self._config = config
        self._fetcher = fetcher
        self._wiki = Wiki(fetcher, config.wiki)
        self._sites = {site.name: site for site in config.sites}
        self._reached = reached
        self._watch = watch
        self._total = reached.pages()
        self._done = 0

    async def write(self, part: int) -> Completion:
        """Part ``part`` of the pages and of the ledger."""
        inputs = 0
        writer = PartWriter(self._root / "pages" / part_name(part), schema(Page), self._root)
        with writer, Accounts(self._root, part) as accounts:
            pages: Buffered[Page] = Buffered(writer, to_batch)
            for id, data in self._reached.part(part):
                inputs += 1
                locator = data["url"] if "site" in data else _locator(Pin.from_dict(data["pin"]))
                try:
                    page = await self._page(id, data)
                except Fail as fault:
                    accounts(_entry(id, locator, fault))
                    self._reached.absent(id)
                else:
                    accounts(Entry(id, locator, KEPT, "", "", 1))
                    pages.append(page, weight(page))
                self._done += 1
                self._watch("writing", self._done, self._total)
            for entry in self._reached.notes(part):
                inputs += 1
                accounts(entry)
            pages.flush()
        accounts.check(f"crawl part {part}", inputs, writer.info.rows)
        return Completion([writer.info], [accounts.info], accounts.counts)

    async def _page(self, id: str, data: dict[str, Any]) -> Page:
        if "site" in data:
            site = self._sites[data["site"]]
            page = page_of(await self._fetcher.get(page_request(data["url"])), site, data["url"])
            return replace(page, id=id)
        pin = Pin.from_dict(data["pin"])
        rendered = await self._wiki.html(pin.edition, pin)
        return Page(
            id=id,
            source=WIKI,
            locator=_locator(pin),
            media_type="text/html",
            content=rendered.html,
            title=rendered.title,
            url=address_of(self._config.wiki.page, pin),
            language_hint=pin.edition,
            hint_from="field",
            revision=str(pin.revision),
            # When a page was fetched does not belong to what it is; when its text was saved does.
            fetched_at=pin.timestamp,
            licence=self._config.wiki.licence,
            metadata={
                "categories": _json(rendered.categories),
                "edition": pin.edition,
                "pageid": str(pin.pageid),
                "queries": _json(self._reached.queries(id)),
            },
        )


def _asked(facts: Frontier, reached: Reached, conditioned: set[str]) -> Iterator[dict[str, Any]]:
    """Every question with its queries and the articles they reached, in order."""
    for _, data in facts.facts("answer"):
        answer = Answer.from_dict(data)
        queries, articles = [], dict[str, None]()
        for query, pageids in zip(answer.queries, answer.found, strict=True):
            targets = [article_at(facts, query.edition, pageid) for pageid in pageids]
            found = [id for id in dict.fromkeys(targets) if id and not reached.is_absent(id)]
            queries.append({**query.as_dict(), "article_ids": found})
            articles.update(dict.fromkeys(found))
        yield {
            "question_id": answer.question_id,
            "plan": answer.plan,
            "conditioned": answer.plan in conditioned,
            "queries": queries,
            "article_ids": list(articles),
        }


def _entry(id: str, locator: str, verdict: Verdict) -> Entry:
    return Entry(id, locator, verdict.outcome, verdict.slug, verdict.detail, 0)


def _locator(pin: Pin) -> str:
    return f"{pin.edition}:{pin.pageid}@{pin.revision}"


def address_of(template: str, pin: Pin) -> str:
    """The address of an article; ``template`` is that of the wikis' pages."""
    title = quote(pin.title.replace(" ", "_"), safe=";@$!*(),/~:")
    return template.replace("{edition}", pin.edition).replace("{title}", title)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _write_lines(path: Path, records: Iterator[dict[str, Any]]) -> None:
    with path.open("wb") as file:
        for record in records:
            file.write(canonical_json(record) + b"\n")
