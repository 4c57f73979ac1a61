"""Sitemaps: which addresses a site lists for crawlers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from protego import Protego

from m4corpus.crawl.sites.addresses import canonical, resolve, shown
from m4corpus.ledger import Fail
from m4corpus.sources.charset import decode
from m4corpus.sources.compressed import inflate

#: Largest sitemap, decompressed; the protocol's own bound is 50 MB.
MAX_BYTES = 64 * 1024 * 1024
#: Entries read of one sitemap; the protocol's own bound is 50,000.
MAX_ADDRESSES = 250_000

_GZIP = b"\x1f\x8b"
_SITEMAP = re.compile(r"\s*site-?map", re.IGNORECASE)
_ROOTS = {"urlset": "url", "sitemapindex": "sitemap"}


@dataclass(slots=True)
class Sitemap:
    """What one sitemap lists: canonical addresses of ``pages`` and of further ``sitemaps``, in its order.

    ``bad`` are entries that are no address (as written, with the reason). ``fault`` says why the rest could not be
    read; entries before it count.
    """

    pages: list[str] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)
    bad: list[tuple[str, str]] = field(default_factory=list)
    fault: Fail | None = None


def read_sitemap(content: bytes, url: str) -> Sitemap:
    """Reads a sitemap or sitemap index in XML, or a text file with one address a line; gzip is told by its content.

    Raises :class:`Fail`: ``not-a-sitemap``, ``bad-encoding``, ``too-large``, ``invalid-utf8``.
    """
    if content.startswith(_GZIP):
        content = inflate(content, "gzip", MAX_BYTES)
    if len(content) > MAX_BYTES:
        raise Fail("too-large", f"bytes={len(content)} limit={MAX_BYTES}")
    sitemap = Sitemap()
    looks_like_xml = content.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n").startswith(b"<")
    entries = _xml_entries(content) if looks_like_xml else _text_entries(content)
    base = url if looks_like_xml else ""
    seen: set[str] = set()
    try:
        for kind, location in entries:
            if len(seen) + len(sitemap.bad) >= MAX_ADDRESSES:
                raise Fail("too-many-addresses", f"limit={MAX_ADDRESSES}")
            if kind == "entity":
                sitemap.bad.append((shown(location), "holds an entity"))
                continue
            try:
                address = canonical(resolve(base, location))
            except ValueError as error:
                sitemap.bad.append((shown(location), str(error)))
                continue
            if address not in seen:
                seen.add(address)
                (sitemap.sitemaps if kind == "sitemap" else sitemap.pages).append(address)
    except Fail as fault:
        if not seen:
            raise
        sitemap.fault = fault
    return sitemap


def robots_sitemaps(text: str, url: str) -> list[str]:
    """Canonical addresses of the sitemaps that a robots.txt found at ``url`` names, sorted."""
    found = set()
    # Protego's time grows with crawlers times rules, of which a sitemap is none.
    lines = "\n".join(line for line in text.splitlines() if _SITEMAP.match(line))
    for location in Protego.parse(lines).sitemaps:
        try:
            found.add(canonical(resolve(url, location)))
        except ValueError:
            continue  # a line that is no address names no sitemap
    return sorted(found)


def _text_entries(content: bytes) -> Iterator[tuple[str, str]]:
    lines = [line.strip() for line in decode(content, markup=False).split("\n") if line.strip()]
    if not lines or not lines[0].lower().startswith(("http://", "https://")):
        raise Fail("not-a-sitemap", "neither XML nor a list of addresses" if lines else "empty")
    for line in lines:
        yield "url", line


def _xml_entries(content: bytes) -> Iterator[tuple[str, str]]:
    """Kind (``url``, ``sitemap``; ``entity`` where it holds one) and text of every ``loc``, read as a stream.

    Entities stay unresolved and nothing is fetched: a sitemap may come from anyone.
    """
    from lxml import etree

    entry, depth = "", 0
    events: Any = etree.iterparse(
        io.BytesIO(content),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for event, element in events:
            if event == "start":
                depth += 1
                if depth == 1:
                    entry = _entry_of(etree.QName(element).localname.lower())
                continue
            depth -= 1
            if depth == 1:
                if etree.QName(element).localname.lower() == entry:
                    yield from _locations(element, entry)
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        if not entry:
            raise Fail("not-a-sitemap", "not XML") from None
        line, _ = error.position
        raise Fail("bad-sitemap", f"line {line} is not XML") from None


def _entry_of(root: str) -> str:
    if root not in _ROOTS:
        raise Fail("not-a-sitemap", f"root element={root[:40]}")
    return _ROOTS[root]


def _locations(entry: Any, kind: str) -> Iterator[tuple[str, str]]:
    from lxml import etree

    for child in entry.iterchildren(tag=etree.Element):
        name = etree.QName(child)
        # Only the entry's own: <image:image> has a <image:loc>, too.
        if name.localname.lower() != "loc" or name.namespace != etree.QName(entry).namespace:
            continue
        if text := "".join(child.itertext()).strip():
            # Unresolved entities and elements leave children behind; half an address is none.
            yield ("entity" if len(child) else kind), text
