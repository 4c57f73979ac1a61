"""ZIM archives, as Kiwix reads them offline: their HTML entries become pages, in the order of their paths."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from m4corpus.errors import UserError
from m4corpus.languages import resolve
from m4corpus.ledger import Drop, Fail, Verdict
from m4corpus.records import Page
from m4corpus.sources.charset import decode
from m4corpus.sources.compressed import ArchiveFault
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.failure import Failure
from m4corpus.sources.hints import HEAD_CHARS, language_hint
from m4corpus.sources.http import content_type
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.m4rag import article_id, edition
from m4corpus.sources.slices import Slice, targets
from m4corpus.sources.streams import InputFile
from m4corpus.tags import site_code

if TYPE_CHECKING:
    from libzim.reader import Archive, Entry

_HTML = ("text/html", "application/xhtml+xml")
#: What libzim raises for data it cannot make sense of: its own errors, paths and titles that are not UTF-8.
_BAD = (RuntimeError, UnicodeDecodeError, KeyError, IndexError, ValueError)
#: Longest metadata that is looked at, in bytes.
_METADATA = 10_000

_LINK = re.compile(r"<link\s(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", re.IGNORECASE)
_CANONICAL = re.compile(r"\brel\s*=\s*[\"']?canonical\b", re.IGNORECASE)
_HREF = re.compile(r"\bhref\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_PAGE_ID = re.compile(r"property=\"mw:pageId\" content=\"([1-9][0-9]*)\"|\"wgArticleId\"\s*:\s*([1-9][0-9]*)")
_REVISION = re.compile(r"Special:Redirect/revision/([1-9][0-9]*)|\"wgRevisionId\"\s*:\s*([1-9][0-9]*)")
_DESCRIPTOR = re.compile(r"/dev/fd/[0-9]+")
_NAME = re.compile(r"wikipedia_([a-z]+(?:-[a-z]+)*)_.+")


@dataclass(frozen=True, slots=True)
class _About:
    """What an archive says of all its entries, each empty where it does not.

    ``site`` is the address of the wiki it was made from, if it was one of Wikimedia's; ``edition`` the code of that
    Wikipedia; ``host`` of an archive of a web site the host its paths begin with.
    """

    language: str
    licence: str
    date: str
    site: str
    edition: str
    host: str


def require_libzim(source: str) -> None:
    """Raise :class:`UserError` when libzim, which a source called ``source`` needs, is not installed."""
    if find_spec("libzim") is None:
        raise UserError(f"source {source}: ZIM archives need the package libzim", "pip install 'm4corpus[zim]'")


def read_zim(source: SourceConfig, file: SourceFile, stream: InputFile) -> Iterator[Page | Failure]:
    """One page an HTML entry; redirects and other entries are dropped, each by its rule.

    Its locator is ``file!path``, and so is its id, unless it is an article of a Wikipedia that gives its page id: then
    it is M4-RAG's. An archive whose checksum is wrong is not read at all. Raises ``Fail`` for the archive as a whole:
    ``corrupt-archive``, ``changed-while-reading``, ``empty-file``.
    """
    # The format is read back and forth, so the digest takes a reading of its own.
    stream.verify()
    archive = _opened(stream)
    _check(archive)
    count = archive.entry_count
    yield from _items(source, file, archive, range(count))
    stream.verify_unmodified()
    if not count:
        raise Fail("empty-file", "entries=0")


def zim_slices(source: SourceConfig, file: SourceFile, stream: InputFile) -> list[Slice]:
    """Slices of entries, none where the archive is not sound: of such a one nothing is read."""
    pieces = len(targets(file.size)) + 1
    if pieces == 1:
        return []
    archive = _opened(stream)
    count = archive.entry_count
    pieces = min(pieces, count)
    if pieces < 2:
        return []
    _check(archive)
    bounds = [count * piece // pieces for piece in range(pieces + 1)]
    shares = [file.size * piece // pieces for piece in range(pieces + 1)]
    return [
        Slice(start, end, share - before)
        for (start, end), (before, share) in zip(pairwise(bounds), pairwise(shares), strict=True)
    ]


def read_zim_slice(source: SourceConfig, file: SourceFile, stream: InputFile, part: Slice) -> Iterator[Page | Failure]:
    """As :func:`read_zim`, for a slice of its entries. The checksum was right when the archive was cut."""
    yield from _items(source, file, _opened(stream), range(part.start, part.end))


def _items(source: SourceConfig, file: SourceFile, archive: Archive, entries: range) -> Iterator[Page | Failure]:
    about = _about(archive)
    for index in entries:
        yield _item(source, file, archive, index, about)


def _opened(stream: InputFile) -> Archive:
    """The archive; raises ``ArchiveFault`` for one that libzim cannot open."""
    from libzim.reader import Archive

    # libzim opens by name; this one stands for the very file that was verified, even where another took its place.
    try:
        archive = Archive(Path(f"/dev/fd/{stream.rewind().fileno()}"))
        _ = archive.entry_count
    except _BAD as error:
        raise _fault(error) from None
    return archive


def _check(archive: Archive) -> None:
    """Raise ``ArchiveFault`` for an archive with a wrong checksum: a corrupt cluster may well decompress to other
    text."""
    try:
        sound = not archive.has_checksum or archive.check()
    except _BAD as error:
        raise _fault(error) from None
    if not sound:
        raise ArchiveFault("corrupt-archive", "zim: content does not match the checksum")


def _fault(error: Exception) -> ArchiveFault:
    return ArchiveFault("corrupt-archive", f"zim: {_DESCRIPTOR.sub('', str(error)).strip()[:200]}")


def _item(source: SourceConfig, file: SourceFile, archive: Archive, index: int, about: _About) -> Page | Failure:
    locator = f"{file.path}!#{index}"
    id = f"{file.source}:{locator}"
    try:
        try:
            # Entries are numbered in the order of their paths, those an archive keeps for itself last.
            entry = archive._get_entry_by_id(index)
            path = entry.path
        except _BAD:
            raise Fail("corrupt-entry", f"entry={index}") from None
        locator = f"{file.path}!{path}"
        id = f"{file.source}:{locator}"
        title, text = _content(source, entry)
        if page_id := _first(_PAGE_ID, text) if about.edition else "":
            id = article_id(page_id, about.edition)
        if not text or text.isspace():
            raise Fail("empty-text", f"characters={len(text)}")
        hint, hint_from = language_hint(source.language, file.path, field=about.language, markup=text)
        return Page(
            id=id,
            source=file.source,
            locator=locator,
            media_type="text/html",
            content=text,
            title=title,
            url=_url(about, path if archive.has_new_namespace_scheme else path.partition("/")[2], text),
            language_hint=hint,
            hint_from=hint_from,
            revision=_first(_REVISION, text),
            fetched_at=about.date,
            licence=about.licence or source.licence,
        )
    except Verdict as verdict:
        return Failure.of(verdict, id, locator)


def _content(source: SourceConfig, entry: Entry) -> tuple[str, str]:
    """Title and text of an HTML entry."""
    try:
        if entry.is_redirect:
            raise Drop("redirect", f"to={entry.get_redirect_entry().path}")
        item = entry.get_item()
        media_type, charset = content_type(item.mimetype)
        if media_type not in _HTML:
            raise Drop("not-html", f"content-type={media_type}")
        if item.size > source.max_bytes:
            raise Fail("too-large", f"bytes={item.size} limit={source.max_bytes}")
        title, content = entry.title, bytes(item.content)
    except _BAD:
        raise Fail("corrupt-entry", "libzim cannot read it") from None
    return title, decode(content, declared=charset)


def _about(archive: Archive) -> _About:
    origin = _metadata(archive, "Source")
    address = origin if "://" in origin else f"https://{origin}"
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        host = ""
    languages = _metadata(archive, "Language")
    name = _NAME.fullmatch(_metadata(archive, "Name"))
    code = name[1] if name else ""
    if host.endswith(".wikipedia.org"):
        code = edition(address)
    elif known := resolve(code):
        code = known.edition
    wikimedia = bool(host) and site_code(address) is not None
    scraper = _metadata(archive, "Scraper").lower()
    return _About(
        # Of several languages none is a hint.
        language="" if "," in languages else languages,
        licence=_metadata(archive, "License"),
        date=_metadata(archive, "Date"),
        site=f"https://{host}" if wikimedia else f"https://{code}.wikipedia.org" if code else "",
        edition=code,
        host=host if "warc2zim" in scraper or "zimit" in scraper else "",
    )


def _metadata(archive: Archive, key: str) -> str:
    """A text of the archive's metadata, empty where there is none."""
    try:
        if key not in archive.metadata_keys or archive.get_metadata_item(key).size > _METADATA:
            return ""
        return bytes(archive.get_metadata(key)).decode().strip()
    except _BAD:
        return ""


def _url(about: _About, path: str, text: str) -> str:
    """The address a page gives as its own, else what the archive says of where its paths come from."""
    for link in _LINK.finditer(text[:HEAD_CHARS]):
        if _CANONICAL.search(link[0]) and (found := _HREF.search(link[0])):
            address = html.unescape(found[1] or found[2] or "").strip()
            if address.startswith(("https://", "http://")):
                return address
    if about.site:
        return f"{about.site}/wiki/{quote(path, safe='/:,()!*~;@$')}"
    # Archives of web sites name entries by their address.
    if about.host and path.split("/", 1)[0] == about.host:
        return f"https://{quote(path, safe='/:?=&,()!*~;@$%+')}"
    return ""


def _first(pattern: re.Pattern[str], text: str) -> str:
    """The number that ``pattern`` finds in the head of a page, empty when there is none."""
    found = pattern.search(text[:HEAD_CHARS])
    return (found[1] or found[2]) if found else ""
