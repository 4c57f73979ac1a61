"""A finished crawl in the files M4-RAG's scripts write, one directory for each benchmark or set of queries.

::

    <out>/worldcuisines/articles.jsonl           article records, sorted by id
    <out>/worldcuisines/question_article.jsonl   {question_id, queries, article_ids}
    <out>/worldcuisines/question_images.jsonl    {question_id, image_ids}, where the crawl looked for images
    <out>/worldcuisines/images.jsonl             {image_id, image_info}, sorted by id, likewise
    <out>/worldcuisines/failed.jsonl             {id, title, url, reason, detail} of articles that have no record
    <out>/images/<image_id>.jpg                  the images, by export_images

Nothing is held in memory but one article and what a question asks; every file is whole or absent.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from m4corpus.crawl.article import article
from m4corpus.crawl.directory import IMAGES, QUESTIONS, CrawlDirectory
from m4corpus.crawl.exporttable import ExportTable
from m4corpus.crawl.images import content_of, request_of
from m4corpus.crawl.messages import Fetcher
from m4corpus.errors import UserError
from m4corpus.ledger import Fail, Verdict
from m4corpus.records import Page
from m4corpus.steps import FATAL, unexpected
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.atomic import replacing, write_bytes
from m4corpus.storage.digests import canonical_json
from m4corpus.storage.sorting import merged

#: Queries that M4-RAG's mapping lists with their edition: those of dishes and categories.
_WITH_EDITION = frozenset({"name", "alias", "langlink", "fallback"})
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/svg+xml": ".svg", "image/tiff": ".tif"}


@dataclass
class Exported:
    """Records written for one plan. ``failed`` counts articles without a record by reason, ``no-page`` among them:
    pages that were found and could not be fetched, for which the crawl's ledger has the reason."""

    questions: int = 0
    articles: int = 0
    images: int = 0
    failed: Counter[str] = field(default_factory=Counter)


def export(crawl: Path, out: Path) -> dict[str, Exported]:
    """Write the files of the crawl in directory ``crawl`` below ``out``; what was written, by plan.

    Existing files are replaced. Raises :class:`UserError` for a crawl that is not finished.
    """
    if not CrawlDirectory(crawl).finished:
        raise UserError(f"{crawl} holds no finished crawl", "Run `m4corpus crawl` again: it goes on where it was.")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=out) as scratch, ExitStack() as stack:
        table = stack.enter_context(ExportTable(Path(scratch) / "export.sqlite"))
        writer = _Writer(out, stack)
        for image in _lines(crawl / IMAGES):
            table.add_image(image)
        _write_questions(crawl, table, writer)
        for plan, image in table.images():
            writer.write(plan, "images.jsonl", {"image_id": image["image_id"], "image_info": image["image_info"]})
            writer.counts[plan].images += 1
        _write_articles(crawl, table, writer, Path(scratch) / "runs")
    return dict(sorted(writer.counts.items()))


async def export_images(crawl: Path, out: Path, fetcher: Fetcher) -> Counter[str]:
    """Write the images a crawl has fetched to ``<out>/images``; ``fetcher`` reads them from its archive.

    Counts of images written (``kept``) and of the reasons others were not.
    """
    counts: Counter[str] = Counter()
    for image in _lines(crawl / IMAGES):
        if "content_url" not in image or "same_as" in image:
            continue
        try:
            media_type, body = content_of(await fetcher.get(request_of(image)), image["content_bytes"])
        except Fail as verdict:
            counts[verdict.slug] += 1
            continue
        write_bytes(out / "images" / f"{image['image_id']}{_SUFFIXES.get(media_type, '.bin')}", body)
        counts["kept"] += 1
    return counts


class _Writer:
    """The files of every plan, open until all are written."""

    def __init__(self, out: Path, stack: ExitStack) -> None:
        self._out, self._stack = out, stack
        self._files: dict[tuple[str, str], IO[bytes]] = {}
        self.counts: dict[str, Exported] = {}

    def add_plan(self, plan: str, *, images: bool) -> None:
        """Begin the files of a plan: those without a line are there too."""
        if plan not in self.counts:
            self.counts[plan] = Exported()
            for name in ["articles", "question_article", "failed", *(["question_images", "images"] if images else [])]:
                path = self._stack.enter_context(replacing(self._out / plan / f"{name}.jsonl"))
                self._files[plan, f"{name}.jsonl"] = self._stack.enter_context(path.open("wb"))

    def write(self, plan: str, name: str, record: dict[str, Any]) -> None:
        """Append a line."""
        self._files[plan, name].write(canonical_json(record) + b"\n")


def _write_questions(crawl: Path, table: ExportTable, writer: _Writer) -> None:
    for question in _lines(crawl / QUESTIONS):
        plan, id = question["plan"], question["question_id"]
        writer.add_plan(plan, images=table.has_images)
        writer.counts[plan].questions += 1
        asked = [
            f"({q['edition']}) {q['text']}" if q["how"] in _WITH_EDITION else q["text"] for q in question["queries"]
        ]
        record = {"question_id": id, "queries": list(dict.fromkeys(asked)), "article_ids": question["article_ids"]}
        writer.write(plan, "question_article.jsonl", record)
        table.add_reached(plan, question["article_ids"])
        if table.has_images:
            found = table.found(plan, dict.fromkeys(query["text"] for query in question["queries"]))
            writer.write(plan, "question_images.jsonl", {"question_id": id, "image_ids": found})


def _write_articles(crawl: Path, table: ExportTable, writer: _Writer, scratch: Path) -> None:
    for page in merged([crawl / part.path for part in Artifact.open(crawl).parts()], scratch):
        plans = table.take(page.id)
        if not plans:
            continue
        made = _article(page)
        for plan in plans:
            if isinstance(made, Verdict):
                _write_failed(writer, plan, page.id, made, page)
            else:
                writer.write(plan, "articles.jsonl", made)
                writer.counts[plan].articles += 1
    for plan, id in table.left():
        _write_failed(writer, plan, id, Fail("no-page", "the crawl's ledger has the reason"))


def _article(page: Page) -> dict[str, Any] | Verdict:
    try:
        return article(page)
    except Fail as verdict:
        return verdict
    except FATAL:
        raise
    except Exception as error:
        return unexpected(error)


def _write_failed(writer: _Writer, plan: str, id: str, verdict: Verdict, page: Page | None = None) -> None:
    named = {"title": page.title if page else "", "url": page.url if page else ""}
    writer.write(plan, "failed.jsonl", {"id": id, **named, "reason": verdict.slug, "detail": verdict.detail})
    writer.counts[plan].failed[verdict.slug] += 1


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with path.open("rb") as stream:
            for line in stream:
                yield json.loads(line)
