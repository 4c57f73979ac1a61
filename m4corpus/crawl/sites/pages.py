"""The page of the corpus that a web page becomes."""

from __future__ import annotations

from m4corpus.crawl.client import content
from m4corpus.crawl.config import SiteConfig
from m4corpus.crawl.messages import Response
from m4corpus.crawl.sites.addresses import canonical
from m4corpus.ledger import Fail
from m4corpus.records import Page
from m4corpus.sources.charset import decode
from m4corpus.sources.hints import language_hint
from m4corpus.sources.http import content_type

#: Largest page, decoded.
MAX_BYTES = 50_000_000


def page_of(response: Response, site: SiteConfig, url: str) -> Page:
    """The page that answered ``url``: markup as text, its canonical final address in its id.

    ``fetched_at`` stays empty: when a page came does not belong to what it is. Raises :class:`Fail` as
    :func:`markup_of`.
    """
    markup = markup_of(response)
    final = canonical(response.url)
    hint, hint_from = language_hint(site.language, "", markup=markup)
    return Page(
        id=f"{site.name}:{final}",
        source=site.name,
        locator=url,
        media_type="text/html",
        content=markup,
        url=final,
        language_hint=hint,
        hint_from=hint_from,
        licence=site.licence,
    )


def markup_of(response: Response, max_bytes: int = MAX_BYTES) -> str:
    """Text of an HTML response.

    Raises :class:`Fail`: ``bad-encoding``, ``unsupported-encoding``, ``too-large``, ``invalid-utf8``,
    ``invalid-encoding``, ``empty-text``.
    """
    body = content(response, max_bytes)
    _, charset = content_type(response.header("content-type"))
    text = decode(body, declared=charset, markup=True)
    if not text or text.isspace():
        raise Fail("empty-text", f"bytes={len(body)}")
    return text
