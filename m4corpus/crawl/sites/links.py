"""What a page says to crawlers: its links, and whether it may be kept and followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from m4corpus.crawl.client.agent import PRODUCT
from m4corpus.crawl.sites.addresses import canonical, is_web, resolve, shown

#: Different links taken of one page.
MAX_LINKS = 20_000

_FEED_BYTES = 1 << 16
#: Directives that come with a value after a colon, which other directives have only after a crawler's name.
_VALUED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})


@dataclass(frozen=True, slots=True)
class Links:
    """Links of one page: canonical addresses, sorted, each once.

    ``follow`` may be followed, ``nofollow`` only occur where the page asks not to; ``bad`` are links that are no
    address (as written, with the reason). ``canonical`` is the address the page itself prefers, empty when it names
    none. ``more`` counts the links beyond :data:`MAX_LINKS`, which are left out.
    """

    follow: tuple[str, ...] = ()
    nofollow: tuple[str, ...] = ()
    bad: tuple[tuple[str, str], ...] = ()
    noindex: bool = False
    canonical: str = ""
    more: int = 0


def links_of(markup: str, url: str, robots_tags: tuple[str, ...] = ()) -> Links:
    """Links of an HTML page that was found at ``url``; ``robots_tags`` are the values of its ``X-Robots-Tag`` headers.

    Looks at ``a`` and ``area`` elements; other elements lead to parts of the page and not to pages.
    """
    tags = _read(markup)
    directives = tags.directives.union(*map(header_directives, robots_tags))
    base = _base(url, tags.base)
    follow: set[str] = set()
    nofollow: set[str] = set()
    bad: set[tuple[str, str]] = set()
    page_nofollow = not directives.isdisjoint(("nofollow", "none"))
    for href, is_nofollow in tags.hrefs.items():
        try:
            address = canonical(resolve(base, href))
        except ValueError as error:
            bad.add((shown(href), str(error)))
            continue
        (nofollow if is_nofollow or page_nofollow else follow).add(address)
    return Links(
        follow=tuple(sorted(follow)),
        nofollow=tuple(sorted(nofollow - follow)),
        bad=tuple(sorted(bad)),
        noindex=not directives.isdisjoint(("noindex", "none")),
        canonical=_preferred(base, tags.canonical),
        more=tags.more,
    )


def header_directives(value: str) -> frozenset[str]:
    """Directives of an ``X-Robots-Tag`` header that are meant for everyone or for this crawler.

    A name before a colon addresses the directives after it to one crawler: ``otherbot: noindex, nofollow``.
    """
    found: set[str] = set()
    ours = True
    for part in value.lower().split(","):
        name, colon, rest = part.partition(":")
        if colon and name.strip() not in _VALUED:
            ours, part = name.strip() in (PRODUCT, "*"), rest
        if ours:
            found.add(part.strip())
    return frozenset(found)


@dataclass(slots=True)
class _Tags:
    """Receives the start tags of a page; no tree is built, so memory does not grow with it."""

    #: Whether all links with this address ask not to be followed.
    hrefs: dict[str, bool] = field(default_factory=dict)
    directives: set[str] = field(default_factory=set)
    base: str | None = None
    canonical: str = ""
    more: int = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in ("a", "area"):
            self._link(attributes)
        elif tag == "meta":
            if attributes.get("name", "").strip().lower() in ("robots", PRODUCT):
                self.directives.update(part.strip() for part in attributes.get("content", "").lower().split(","))
        elif tag == "base" and self.base is None:
            self.base = attributes.get("href")
        elif tag == "link" and not self.canonical and "canonical" in attributes.get("rel", "").lower().split():
            self.canonical = attributes.get("href", "")

    def close(self) -> _Tags:
        return self

    def _link(self, attributes: dict[str, str]) -> None:
        href = attributes.get("href")
        if href is None or not is_web(href):
            return
        href = href.partition("#")[0].strip()
        if href and href not in self.hrefs and len(self.hrefs) >= MAX_LINKS:
            self.more += 1
        elif href:
            nofollow = "nofollow" in attributes.get("rel", "").lower().split()
            self.hrefs[href] = self.hrefs.get(href, True) and nofollow


def _read(markup: str) -> _Tags:
    from lxml import etree

    tags = _Tags()
    # libxml2 wants bytes: text with an encoding declaration of its own would be refused.
    parser: Any = etree.HTMLParser(target=tags, encoding="utf-8", no_network=True, huge_tree=True)
    content = markup.encode("utf-8", "replace")
    try:
        for start in range(0, len(content), _FEED_BYTES):
            parser.feed(content[start : start + _FEED_BYTES])
        parser.close()
    except etree.LxmlError:
        # Not even a tag; what was read counts.
        pass
    return tags


def _base(url: str, href: str | None) -> str:
    try:
        base = resolve(url, href or "")
    except ValueError:
        return url
    return base if is_web(base) else url


def _preferred(base: str, href: str) -> str:
    try:
        return canonical(resolve(base, href)) if href else ""
    except ValueError:
        return ""
