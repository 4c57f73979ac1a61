"""MediaWiki's export XML (schemas 0.3 to 0.11) read as it arrives: pages and what the wiki says of itself.

expat hands text over in pieces, so memory holds two revisions at most, whatever the size of the file. A document type
declaration, which no dump has, is refused: with it go entities and everything they can do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from m4corpus.ledger import Fail

#: Longest title, id or other short field, in characters.
MAX_FIELD = 10_000
#: Most namespaces a wiki may have; Wikimedia's have about forty.
_MAX_NAMESPACES = 1000
#: Deepest nesting of elements (a dump has six levels), and most bytes of one tag or comment.
_MAX_DEPTH, _MAX_TOKEN = 64, 1 << 22

#: What is collected: number of elements above it, its parent, its name.
_TEXT = (3, "revision", "text")
_COLLECTED = frozenset(
    {(2, "siteinfo", name) for name in ("dbname", "base")}
    | {(3, "namespaces", "namespace")}
    | {(2, "page", name) for name in ("title", "ns", "id")}
    | {(3, "revision", name) for name in ("id", "timestamp", "model", "format", "text")}
)


@dataclass(slots=True)
class Site:
    """What a dump says of its wiki; ``language`` is ``xml:lang`` of the root, ``namespaces`` names by number."""

    dbname: str = ""
    base: str = ""
    language: str = ""
    namespaces: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Revision:
    """One revision. ``text`` is None where the dump has none or the text exceeds the limit; ``characters`` is its
    length all the same. ``model`` and ``format`` are empty in old schemas, which knew wikitext only."""

    id: str = ""
    timestamp: str = ""
    model: str = ""
    format: str = ""
    deleted: bool = False
    text: str | None = None
    characters: int = 0

    @property
    def age(self) -> tuple[str, int]:
        """Sort key, oldest first; timestamps are ISO 8601 in UTC throughout."""
        return self.timestamp, int(self.id) if self.id.isdecimal() else -1


@dataclass(slots=True)
class RawPage:
    """One ``<page>`` with its latest revision; ``redirect`` is the target, ``fault`` names a field that is too long."""

    title: str = ""
    namespace: str = ""
    id: str = ""
    redirect: str | None = None
    revision: Revision | None = None
    fault: str = ""


class DumpParser:
    """An incremental parser: :meth:`feed` it bytes, then take the pages that are complete.

    ``limit`` is the longest text kept, in characters. Raises ``Fail`` with ``corrupt-xml``, ``truncated-xml``,
    ``forbidden-xml``, ``invalid-encoding`` or ``not-a-dump``; pages completed before that can still be taken.
    """

    def __init__(self, limit: int) -> None:
        self.site = Site()
        #: Whether the wiki has said what it will say of itself.
        self.site_known = False
        self._limit = limit
        self._pages: list[RawPage] = []
        self._page: RawPage | None = None
        self._revision: Revision | None = None
        self._path: list[str] = []
        self._parts: list[str] | None = None
        self._characters = 0
        self._key = 0
        self._fed = 0
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.buffer_size = 1 << 16
        if hasattr(parser, "SetReparseDeferralEnabled"):
            # Otherwise a complete page may wait for bytes that a cut-off file no longer brings.
            parser.SetReparseDeferralEnabled(False)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse

    def feed(self, data: bytes, *, last: bool = False) -> None:
        """Parse some more; ``last`` marks the end of the document."""
        self._fed += len(data)
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            slug = "truncated-xml" if last else "corrupt-xml"
            raise Fail(slug, f"{expat.ErrorString(error.code)} at line {error.lineno}") from None
        except (LookupError, ValueError) as error:
            raise Fail("invalid-encoding", str(error)) from None
        if self._fed - self._parser.CurrentByteIndex > _MAX_TOKEN + len(data):
            raise Fail("corrupt-xml", f"a tag or comment of more than {_MAX_TOKEN} bytes")

    def take(self) -> list[RawPage]:
        """The pages completed since the last call."""
        pages, self._pages = self._pages, []
        return pages

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        depth, parent = len(self._path), self._path[-1] if self._path else ""
        if depth == 0:
            if name != "mediawiki":
                raise Fail("not-a-dump", f"root element={name[:100]}")
            self.site.language = attributes.get("xml:lang", "")
        elif depth >= _MAX_DEPTH:
            raise Fail("corrupt-xml", f"nested deeper than {_MAX_DEPTH} levels")
        elif depth == 1 and name == "page":
            self.site_known = True
            self._page = RawPage()
        elif (page := self._page) is not None and depth == 2:
            if name == "revision":
                self._revision = Revision()
            elif name == "redirect":
                page.redirect = attributes.get("title", "")
        self._path.append(name)
        if (depth, parent, name) in _COLLECTED:
            self._parts, self._characters = [], 0
            if name == "namespace":
                key = attributes.get("key", "")
                self._key = int(key) if key.lstrip("-").isdecimal() and len(key) < 10 else 0
            if (depth, parent, name) == _TEXT and self._revision is not None:
                self._revision.deleted = "deleted" in attributes

    def _text(self, data: str) -> None:
        if self._parts is not None:
            self._characters += len(data)
            if self._characters <= self._limit:
                self._parts.append(data)

    def _end(self, name: str) -> None:
        name = self._path.pop()
        depth, parent = len(self._path), self._path[-1] if self._path else ""
        if self._parts is not None and (depth, parent, name) in _COLLECTED:
            value, self._parts = "".join(self._parts), None
            self._collected(depth, parent, name, value)
        elif depth == 2 and name == "revision" and self._page is not None and self._revision is not None:
            if self._page.revision is None or self._page.revision.age <= self._revision.age:
                self._page.revision = self._revision
            self._revision = None
        elif depth == 1 and name == "page" and self._page is not None:
            self._pages.append(self._page)
            self._page = None
        elif depth == 1 and name == "siteinfo":
            self.site_known = True

    def _collected(self, depth: int, parent: str, name: str, value: str) -> None:
        if (depth, parent, name) == _TEXT:
            if self._revision is not None:
                self._revision.characters = self._characters
                self._revision.text = value if self._characters <= self._limit else None
            return
        if self._characters > MAX_FIELD:
            if self._page is not None:
                self._page.fault = f"{name} of {self._characters} characters"
            return
        value = value.strip()
        owner: Any = self._revision if depth == 3 else self._page
        if parent == "siteinfo":
            setattr(self.site, name, value)
        elif parent == "namespaces":
            if len(self.site.namespaces) < _MAX_NAMESPACES:
                self.site.namespaces[self._key] = value
        elif owner is not None:
            setattr(owner, "namespace" if name == "ns" else name, value)


def _refuse(*declaration: Any) -> None:
    raise Fail("forbidden-xml", "a document type declaration")
