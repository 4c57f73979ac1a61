"""Images of Wikimedia Commons: one search for each text that questions ask for, duplicates named, bytes if wanted.

An image is linked to the questions that ask for a text it is found by, and to the articles that searches for the same
text found.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from m4corpus.crawl.atonce import each
from m4corpus.crawl.client import content
from m4corpus.crawl.config import ImagesConfig
from m4corpus.crawl.imagetable import ArticleOf, ImageTable
from m4corpus.crawl.mediawiki import Wiki
from m4corpus.crawl.messages import Fetcher, Request, Response
from m4corpus.crawl.questions.records import Answer
from m4corpus.ledger import KEPT, Drop, Fail, Verdict
from m4corpus.sources.http import content_type
from m4corpus.sources.m4rag import article_id

_AT_ONCE = 32
#: Images under way at once.
_LOT = 16

#: Hears how many searches and downloads are done, and how many there are so far.
Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ImageVerdict:
    """A row of the ledger. ``id`` is ``search:<text>``, ``image:<image id>`` or ``download:<image id>``."""

    id: str
    outcome: str
    slug: str
    detail: str
    outputs: int

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


class FoundImages:
    """What :func:`find_images` found. A context manager: closing it removes what it is read from."""

    def __init__(self, table: ImageTable) -> None:
        self._table = table

    def __enter__(self) -> FoundImages:
        return self

    def __exit__(self, *error: object) -> None:
        self._table.close()

    @property
    def records(self) -> Iterator[dict[str, Any]]:
        """Image records, sorted by ``image_id``.

        ``{image_id, image_info, questions, articles, queries: [[text, place], ...]}``, ids sorted, ``place`` counting
        from 0 among the images kept of that search; ``same_as`` is the id of the record that stays where this file is
        in another place too; ``content_url``, ``content_type``, ``content_bytes`` and ``content_sha256`` say what was
        fetched.
        """
        return self._table.records()

    @property
    def verdicts(self) -> Iterator[ImageVerdict]:
        """What became of every search, image and download, sorted by id."""
        return (ImageVerdict(*row) for row in self._table.verdicts())


async def find_images(
    wiki: Wiki,
    config: ImagesConfig,
    answers: Iterable[Answer],
    watch: Watch = lambda done, total: None,
    article_of: ArticleOf = lambda edition, page: article_id(str(page), edition),
) -> FoundImages:
    """Search ``config.api`` for every distinct text of the answers' queries; fetch the images if ``config`` says so.

    The first ``keep`` files of the allowed types are kept, in the order of the search. Of equal files (by the SHA-1
    that Commons tells, and by content once fetched) one record stays, the others name it and are dropped. Where
    ``max_total_bytes`` is reached, one image more may have been fetched than is recorded.

    Verdicts, beside the reasons a request fails for: ``no-images``; ``duplicate-content``; for downloads ``too-large``,
    ``total-bytes-reached`` and ``not-an-image``. None of them ends the search.
    """
    table = ImageTable(article_of)
    try:
        for answer in answers:
            table.add_answer(answer)
        search = _Search(wiki, config, table, watch)
        await search.run()
        table.mark_same_files()
        if config.download:
            await _Download(wiki.fetcher, config, table, search.done, watch).run()
            table.mark_same_contents()
        table.conclude()
    except BaseException:
        table.close()
        raise
    return FoundImages(table)


def request_of(record: dict[str, Any], types: Iterable[str] = ()) -> Request:
    """The request that fetched a record's image; ``types`` it may have are no part of what names the request."""
    return Request("image", record["content_url"], accept=tuple(types))


def content_of(response: Response, limit: int) -> tuple[str, bytes]:
    """Media type and bytes of a fetched image. Raises ``Fail``: ``too-large``, ``bad-encoding``, ``not-an-image``."""
    body = content(response, limit)
    media_type, _ = content_type(response.header("Content-Type"))
    if not media_type.startswith("image/") or not body:
        raise Fail("not-an-image", f"type={media_type or 'none'} bytes={len(body)}")
    return media_type, body


class _Search:
    """One search for each text."""

    def __init__(self, wiki: Wiki, config: ImagesConfig, table: ImageTable, watch: Watch) -> None:
        self._wiki, self._config, self._table, self._watch = wiki, config, table, watch
        self._width = config.width if config.download else 0
        self.done = 0

    async def run(self) -> None:
        texts = self._table.queries()

        async def search(text: str) -> None:
            await self._search(text)
            self.done += 1
            self._watch(self.done, len(texts))

        await each(texts, search, _AT_ONCE)

    async def _search(self, text: str) -> None:
        config = self._config
        try:
            found = await self._wiki.image_search(config.api, text, config.search, self._width)
            wanted = {image.url: image for image in found if image.mime in config.types}
            kept = list(wanted.values())[: config.keep]
            if not kept:
                raise Drop("no-images", f"files={len(found)}")
        except Verdict as verdict:
            self._table.add_verdict(f"search:{text}", verdict.outcome, verdict.slug, verdict.detail)
        else:
            self._table.add_images(text, kept)
            self._table.add_verdict(f"search:{text}", KEPT, outputs=len(kept))


class _Download:
    """Fetches images in the order of their ids, so that the same ones fit ``max_total_bytes`` at any time."""

    def __init__(self, fetcher: Fetcher, config: ImagesConfig, table: ImageTable, searches: int, watch: Watch) -> None:
        self._fetcher, self._config, self._table, self._watch = fetcher, config, table, watch
        self._searches = searches
        # A thumbnail of a drawing or a film is a PNG or a JPEG.
        self._types = sorted({*config.types, "image/jpeg", "image/png"})
        self._left = config.max_total_bytes

    async def run(self) -> None:
        ids = self._table.originals()
        done = 0
        while done < len(ids) and self._left > 0:
            # Few enough that they fit all together, however large: of the last ones each is awaited.
            size = max(1, min(_LOT, self._left // self._config.max_bytes))
            lot = ids[done : done + size]
            for id, result in zip(lot, await self._fetch_all(lot), strict=True):
                self._store(id, result)
            done += len(lot)
            self._watch(self._searches + done, self._searches + len(ids))
        for id in ids[done:]:
            self._store(id, self._full())

    async def _fetch_all(self, lot: list[str]) -> list[dict[str, Any] | Verdict]:
        results = await asyncio.gather(*map(self._fetch, lot), return_exceptions=True)
        outcomes: list[dict[str, Any] | Verdict] = []
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, Verdict):
                raise result
            outcomes.append(result)
        return outcomes

    async def _fetch(self, id: str) -> dict[str, Any]:
        address, size = self._table.source(id)
        if not self._config.width and size > self._config.max_bytes:
            raise Drop("too-large", f"bytes={size} limit={self._config.max_bytes}")
        response = await self._fetcher.get(request_of({"content_url": address}, self._types))
        media_type, body = content_of(response, self._config.max_bytes)
        return {
            "content_url": address,
            "content_type": media_type,
            "content_bytes": len(body),
            "content_sha256": hashlib.sha256(body).hexdigest(),
        }

    def _store(self, id: str, result: dict[str, Any] | Verdict) -> None:
        if not isinstance(result, Verdict):
            size = result["content_bytes"]
            if size <= self._left:
                self._table.add_content(id, result)
                self._table.add_verdict(f"download:{id}", KEPT, outputs=1)
                self._left -= size
                return
            result = self._full()
            self._left = 0
        self._table.add_verdict(f"download:{id}", result.outcome, result.slug, result.detail)

    def _full(self) -> Drop:
        return Drop("total-bytes-reached", f"limit={self._config.max_total_bytes}")
