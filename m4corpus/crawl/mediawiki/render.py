"""The HTML of one revision, from the legacy parser or from Parsoid. Nothing here fetches."""

from __future__ import annotations

import re
from urllib.parse import unquote

from m4corpus.crawl.mediawiki.answers import Answer, reading, text_of
from m4corpus.crawl.mediawiki.api import request
from m4corpus.crawl.mediawiki.records import Pin, Rendered
from m4corpus.crawl.messages import Failed, Request
from m4corpus.ledger import Fail

#: Deeper nesting is the cleaner's to refuse; here it must only not keep a page from being fetched.
_MAX_DEPTH = 2048
_REDIRECT = re.compile(r'\s*(?:<div class="[^"]*\bmw-parser-output\b[^>]*>)?\s*<div class="redirectMsg">')


def parse(api: str, revision: int) -> Request:
    """A revision rendered by the legacy parser."""
    parameters: dict[str, str | int] = {
        "action": "parse",
        "oldid": revision,
        "prop": "categories|displaytitle|revid|text",
        # The report holds times, which would make every rendering another.
        "disablelimitreport": 1,
        "disableeditsection": 1,
    }
    return request("parse", api, parameters)


def parsed(answer: Answer, pin: Pin) -> Rendered:
    """The answer to :func:`parse`.

    Raises ``Failed``: ``wrong-revision`` where it is of another than ``pin``, ``was-redirect`` where the page was one
    at that revision.
    """
    with reading():
        found = answer["parse"]
        _check(pin, int(found["revid"]), int(found["pageid"]))
        html = str(found["text"])
        names = [str(category["category"]).replace("_", " ") for category in found.get("categories", [])]
        title = text_of(str(found.get("displaytitle", ""))) or pin.title
    if _REDIRECT.match(html):
        raise _was_redirect(pin)
    return Rendered(html, title, tuple(names))


def revision_html(rest: str, revision: int) -> Request:
    """A revision rendered by Parsoid, from the REST API at ``rest``."""
    return Request("revision", f"{rest}/v1/revision/{revision}/html", accept=("text/html",))


def parsoid(html: str, pin: Pin) -> Rendered:
    """The answer to :func:`revision_html`; raises as :func:`parsed` does."""
    from m4corpus.clean.mediawiki import mediawiki_revision
    from m4corpus.clean.parse import parse_html

    try:
        root = parse_html(html, _MAX_DEPTH)
    except Fail as fail:
        raise Failed(fail.slug, fail.detail) from None
    _check(pin, int(mediawiki_revision(root) or 0), pin.pageid)
    if root.xpath("boolean(//link[@rel='mw:PageProp/redirect'])"):
        raise _was_redirect(pin)
    title = " ".join((root.findtext("head/title") or "").split())
    links = root.xpath("//link[@rel='mw:PageProp/Category']/@href")
    return Rendered(html, title or pin.title, tuple(dict.fromkeys(map(_category, links))))


def _check(pin: Pin, revision: int, pageid: int) -> None:
    if (revision, pageid) != (pin.revision, pin.pageid):
        raise Failed("wrong-revision", f"asked={pin.revision} answered={revision} pageid={pageid}")


def _was_redirect(pin: Pin) -> Failed:
    return Failed("was-redirect", f"revision={pin.revision}")


def _category(href: str) -> str:
    """Name in a link to a category, ``./Category:Rice_dishes#key``, whose namespace is in the wiki's language."""
    return unquote(href.partition("#")[0]).partition(":")[2].replace("_", " ")
