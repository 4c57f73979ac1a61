"""Images as pages: files of a folder, and what a crawl brought home from Wikimedia Commons.

A page is what is said of the image (its caption or title); its bytes go to the work directory's images. Each is decoded
once here, so that what cannot be shown to an encoder fails where it comes in.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any

from m4corpus.images import IMAGE, ImageStore, decoded
from m4corpus.ledger import Fail, Verdict
from m4corpus.records import Page
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.failure import Failure
from m4corpus.sources.hints import language_hint
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.streams import InputFile

#: How files of the formats that are decoded begin.
_TYPES = (
    (b"\xff\xd8", "image/jpeg"), (b"\x89PNG", "image/png"), (b"RIFF", "image/webp"), (b"GIF8", "image/gif"),
    (b"", "image/*"),
)  # fmt: skip


@dataclass(slots=True)
class ImagePage(Page):
    """A page with the bytes of its image, on its way to :func:`kept`."""

    body: bytes = b""


def kept(page: Page, store: ImageStore) -> Page:
    """The page alone, its image being in the store; any other page as it is."""
    if not isinstance(page, ImagePage):
        return page
    store.put(page.body)
    return Page(**{field.name: getattr(page, field.name) for field in fields(Page)})


def read_image_file(source: SourceConfig, file: SourceFile, stream: InputFile) -> Iterator[Page | Failure]:
    """The file as one page, called by its name; raises ``Fail``: ``too-large``, or as
    :func:`m4corpus.images.decoded`."""
    stream.verify_size()
    if file.size > source.max_bytes:
        raise Fail("too-large", f"bytes={file.size} limit={source.max_bytes}")
    content = stream.read_all()
    stream.verify()
    title = " ".join(PurePosixPath(file.path).stem.replace("_", " ").split())
    hint, hint_from = language_hint(source.language, file.path)
    yield _page(
        content,
        id=f"{file.source}:{file.path}",
        source=file.source,
        locator=file.path,
        content=title,
        title=title,
        url=source.url_prefix + file.path if source.url_prefix else "",
        language_hint=hint,
        hint_from=hint_from,
        licence=source.licence,
    )


def read_crawl_images(source: SourceConfig, file: SourceFile, stream: InputFile) -> Iterator[Page | Failure]:
    """A page for each image that a crawl fetched, the bytes being taken from its archive.

    An image that is another record's file, or was not fetched, has none. Fails on its own: ``bad-record``,
    ``not-archived``, ``image-damaged`` (other bytes than were recorded), or as :func:`m4corpus.images.decoded`.
    """
    lines = stream.read_all().split(b"\n")
    stream.verify()
    with _Archived(Path(source.path), source.max_bytes) as archived:
        for number, line in enumerate(lines, 1):
            locator = f"{file.path}:{number}"
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                if "content_url" in record and "same_as" not in record:
                    yield _crawled(source, file, locator, record, archived.body(record))
            except Verdict as verdict:
                yield Failure.of(verdict, f"{file.source}:{record['image_id']}", locator)
            except (ValueError, KeyError, TypeError) as error:
                yield Failure.of(Fail("bad-record", type(error).__name__), f"{file.source}:{locator}", locator)


def _crawled(source: SourceConfig, file: SourceFile, locator: str, record: dict[str, Any], body: bytes) -> Page:
    info = record["image_info"]
    if hashlib.sha256(body).hexdigest() != record["content_sha256"]:
        raise Fail("image-damaged", f"sha256={record['content_sha256'][:16]}")
    title = _title(str(info["title"])) or str(record["image_id"])
    return _page(
        body,
        id=f"{file.source}:{record['image_id']}",
        source=file.source,
        locator=locator,
        content=title,
        title=title,
        url=str(info.get("descriptionurl") or info["url"]),
        licence=str(info.get("licence", "")) or source.licence,
    )


def _page(body: bytes, **values: Any) -> ImagePage:
    decoded(body)
    media_type = next(kind for beginning, kind in _TYPES if body.startswith(beginning))
    metadata = {IMAGE: hashlib.sha256(body).hexdigest(), "media_type": media_type}
    return ImagePage(**values, media_type=media_type, metadata=metadata, body=body)


def _title(title: str) -> str:
    """``File:Ful medames.jpg`` as one says it."""
    name = title.partition(":")[2] or title
    return " ".join(PurePosixPath(name).stem.replace("_", " ").split()) or name


class _Archived:
    """The archive of a crawl, read once from beginning to end; a context manager."""

    def __init__(self, crawl: Path, limit: int) -> None:
        from m4corpus.crawl.archive import Archive
        from m4corpus.crawl.directory import WARC
        from m4corpus.crawl.fetcher import ReplayFetcher
        from m4corpus.crawl.frontier import Frontier

        self._archive, self._frontier = Archive(crawl / WARC), Frontier(None)
        self._fetcher = ReplayFetcher(self._archive, self._frontier, max_bytes=limit)
        self._fetcher.recover()
        self._limit = limit

    def __enter__(self) -> _Archived:
        return self

    def __exit__(self, *error: object) -> None:
        self._frontier.close()
        self._archive.close()

    def body(self, record: dict[str, Any]) -> bytes:
        """Bytes of a record's image, as they were fetched."""
        from m4corpus.crawl.images import content_of, request_of

        return content_of(asyncio.run(self._fetcher.get(request_of(record))), self._limit)[1]
