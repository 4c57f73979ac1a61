"""One page a file: HTML and plain text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import quote

from m4corpus.ledger import Fail
from m4corpus.records import Page
from m4corpus.sources.charset import decode
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.failure import Failure
from m4corpus.sources.hints import language_hint
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.streams import InputFile


def read_file_page(source: SourceConfig, file: SourceFile, stream: InputFile) -> Iterator[Page | Failure]:
    """The file as one page; raises ``Fail``: ``too-large`` (unread), ``empty-file``, or as :func:`charset.decode`."""
    stream.verify_size()
    if file.size > source.max_bytes:
        raise Fail("too-large", f"bytes={file.size} limit={source.max_bytes}")
    markup = source.format == "html"
    content = stream.read_all()
    stream.verify()
    text = decode(content, markup=markup)
    if not text or text.isspace():
        raise Fail("empty-file", f"bytes={file.size}")
    hint, hint_from = language_hint(source.language, file.path, markup=text if markup else "")
    yield Page(
        id=f"{file.source}:{file.path}",
        source=file.source,
        locator=file.path,
        media_type="text/html" if markup else "text/plain",
        content=text,
        url=source.url_prefix + quote(os.fsencode(file.native or file.path)) if source.url_prefix else "",
        language_hint=hint,
        hint_from=hint_from,
        licence=source.licence,
    )
