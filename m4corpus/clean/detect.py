"""Which cleaner a page needs, and the cleaning of one page from beginning to end."""

from __future__ import annotations

from m4corpus.clean.article import clean_article
from m4corpus.clean.config import CleanConfig
from m4corpus.clean.generic import clean_generic, generic_title
from m4corpus.clean.mediawiki import clean_mediawiki, is_mediawiki, mediawiki_revision, mediawiki_title
from m4corpus.clean.parse import parse_html
from m4corpus.clean.plain import clean_plain
from m4corpus.clean.unicode import check_characters, clean_prose
from m4corpus.clean.wikitext import clean_wikitext
from m4corpus.images import image_of
from m4corpus.ledger import Fail
from m4corpus.records import Document, Page

HTML = frozenset({"text/html", "application/xhtml+xml"})
PLAIN = "text/plain"
ARTICLE = "application/vnd.m4rag.article+json"
WIKITEXT = "text/x-wiki"


def check_size(page: Page, config: CleanConfig) -> None:
    """Raise ``Fail("too-large")`` when the page exceeds ``max_chars``."""
    if len(page.content) > config.max_chars:
        raise Fail("too-large", f"characters={len(page.content)} limit={config.max_chars}")


def clean_page(page: Page, config: CleanConfig) -> Document:
    """The clean document of one page, without limits on time and memory (:class:`CleanStep` adds those).

    What a page says of itself fills in what its source left empty: title, revision, url. Raises ``Fail`` with one of
    ``too-large``, ``lone-surrogates``, ``control-characters``, ``too-deep``, ``empty-text``, ``no-content``,
    ``bad-article``, ``unparsable-html``, ``unknown-media-type``.
    """
    check_size(page, config)
    content = check_characters(page.content, config.max_control_share)
    title, revision, url, fetched_at = "", "", "", ""
    media_type = page.media_type.partition(";")[0].strip().lower()
    if media_type in HTML:
        root = parse_html(content, config.max_depth)
        if is_mediawiki(root):
            cleaner = "mediawiki"
            title, revision = mediawiki_title(root), mediawiki_revision(root)
            blocks = clean_mediawiki(root, config)
        else:
            cleaner = "generic"
            title = generic_title(root)
            blocks = clean_generic(root, config)
    elif media_type == ARTICLE:
        cleaner = "m4rag"
        blocks, (title, url, fetched_at) = clean_article(content, config)
    elif media_type == WIKITEXT:
        cleaner = "wikitext"
        blocks = clean_wikitext(content, config, page.metadata)
    elif image_of(page.metadata):
        cleaner = "image"
        blocks = clean_plain(content)
    elif media_type == PLAIN:
        cleaner = "plain"
        blocks = clean_plain(content)
    else:
        raise Fail("unknown-media-type", page.media_type)
    text, found = blocks.finish()
    return Document(
        id=page.id,
        source=page.source,
        locator=page.locator,
        title=title or clean_prose(page.title),
        text=text,
        blocks=found,
        url=page.url or url,
        language_hint=page.language_hint,
        hint_from=page.hint_from,
        revision=page.revision or revision,
        fetched_at=page.fetched_at or fetched_at,
        licence=page.licence,
        # Names of namespaces are for reading wikitext, and no property of the article.
        metadata={key: value for key, value in page.metadata.items() if not key.startswith("namespaces.")},
        cleaner=cleaner,
    )
