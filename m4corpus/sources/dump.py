"""XML dumps of MediaWiki wikis: every page of a dump is an input; articles become pages of wikitext."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from m4corpus.languages import resolve
from m4corpus.ledger import Drop, Fail, Verdict
from m4corpus.records import Page
from m4corpus.sources.compressed import bunzipped, decompressed
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.dumpslices import head, is_multistream
from m4corpus.sources.dumpxml import DumpParser, RawPage, Revision, Site
from m4corpus.sources.failure import Failure
from m4corpus.sources.hints import language_hint
from m4corpus.sources.inventory import SourceFile
from m4corpus.sources.m4rag import WIKIPEDIA_LICENCE, article_id
from m4corpus.sources.sevenzip import is_sevenzip, unpacked
from m4corpus.sources.slices import Slice
from m4corpus.sources.streams import InputFile
from m4corpus.tags import site_code

MEDIA_TYPE = "text/x-wiki"
#: Namespaces whose local names a reader of the wikitext needs: files (and media), categories.
_NAMED = (-2, 6, 14)

_STEP = 1 << 16
_REDIRECT = re.compile(r"\s*#REDIRECT\s*:?\s*\[\[([^\]|\n]+)", re.IGNORECASE)
_WIKIPEDIA = re.compile(r"([a-z][a-z-]*)(?:\.(?:m|zero))?\.wikipedia\.org")


def read_dump(source: SourceConfig, file: SourceFile, stream: InputFile) -> Iterator[Page | Failure]:
    """One page or failure for every ``<page>``, in the order of the file.

    Raises ``Fail`` for the file as a whole, after its sound pages: what :class:`DumpParser` raises,
    ``truncated-archive``, ``corrupt-archive``, ``unsupported-archive``, ``empty-file``, ``changed-while-reading``.
    """
    parser, pages = DumpParser(source.max_bytes), 0
    content: io.BufferedReader | None = None
    packed = is_sevenzip(stream, file.path)
    if packed:
        # Such an archive is read from its end, so the digest takes a reading of its own.
        stream.verify_ahead()
    verify = stream.verify_unmodified if packed else stream.verify
    try:
        content = unpacked(stream) if packed else decompressed(stream, file.path)
        for raw in _pages(parser, content):
            pages += 1
            yield _judged(source, file, raw, parser.site)
    except Fail as fault:
        verify()  # a file that changed is no corrupt dump
        raise Fail(fault.slug, f"{fault.detail}; pages before that: {pages}") from None
    verify()
    if not pages:
        raise Fail("empty-file", f"bytes={file.size} pages=0")


def read_dump_slice(source: SourceConfig, file: SourceFile, stream: InputFile, part: Slice) -> Iterator[Page | Failure]:
    """The pages of one slice of :func:`dumpslices.dump_slices`, as :func:`read_dump`."""
    parser, pages = DumpParser(source.max_bytes), 0
    site = _site(head(stream)) if part.start else parser.site
    window = stream.window(part.start, part.end)
    content = bunzipped(window) if is_multistream(stream) else window
    try:
        for raw in _pages(parser, content, opening=part.start > 0, closing=part.end < file.size):
            pages += 1
            yield _judged(source, file, raw, site)
    except Fail as fault:
        raise Fail(fault.slug, f"{fault.detail}; pages of the slice before that: {pages}") from None


def _pages(
    parser: DumpParser, content: io.BufferedReader, *, opening: bool = False, closing: bool = False
) -> Iterator[RawPage]:
    """Every page as it is complete; ``opening`` and ``closing`` supply the ends of the root that a slice lacks."""
    try:
        if opening:
            parser.feed(b"<mediawiki>")
        # One step at a time: what was read before a fault must come out before the fault does.
        while data := content.read1(_STEP):
            parser.feed(data)
            yield from parser.take()
        parser.feed(b"</mediawiki>" if closing else b"", last=True)
    except Fail:
        yield from parser.take()
        raise
    yield from parser.take()


def _site(content: bytes) -> Site:
    parser = DumpParser(limit=10_000)
    try:
        parser.feed(content)
    except Fail:
        return Site()  # the first slice reports it
    return parser.site


def _judged(source: SourceConfig, file: SourceFile, raw: RawPage, site: Site) -> Page | Failure:
    code = edition(site, file.path)
    locator = f"{file.path}#{raw.id or raw.title}"
    if code and raw.id:
        id = article_id(raw.id, code)
    elif site.dbname and raw.id:
        id = f"{source.name}:{site.dbname}:{raw.id}"
    else:  # page ids of different wikis are the same numbers
        id = f"{source.name}:{locator}"
    try:
        if raw.fault:
            raise Fail("bad-field", raw.fault)
        if not raw.title or not raw.id.isdecimal():
            raise Fail("bad-page", f"title={raw.title[:200]} id={raw.id[:50]}")
        revision = _wanted(source, raw, site)
        return _page(source, file, raw, revision, site, code, id, locator)
    except Verdict as verdict:
        return Failure.of(verdict, id, locator)


def _wanted(source: SourceConfig, raw: RawPage, site: Site) -> Revision:
    """The revision of an article that can be read; raises the verdict for every other page."""
    namespace = _namespace(raw, site)
    if namespace not in source.namespaces:
        raise Drop("namespace", f"namespace={namespace} title={raw.title}")
    if raw.redirect is not None:
        raise Drop("redirect", f"target={raw.redirect}")
    revision = raw.revision
    if revision is None:
        raise Fail("empty-text", "no revision")
    if revision.model not in ("", "wikitext"):
        raise Drop("content-model", f"model={revision.model}")
    if revision.format not in ("", MEDIA_TYPE):
        raise Drop("content-model", f"format={revision.format}")
    if revision.deleted:
        raise Drop("deleted-text", f"revision={revision.id}")
    if revision.text is None and revision.characters:
        raise Fail("too-large", f"characters={revision.characters} limit={source.max_bytes} bytes")
    if not revision.text or revision.text.isspace():
        raise Fail("empty-text", f"characters={revision.characters}")
    # No character takes more than four bytes.
    if len(revision.text) > source.max_bytes // 4 and (size := len(revision.text.encode())) > source.max_bytes:
        raise Fail("too-large", f"bytes={size} limit={source.max_bytes}")
    if found := _REDIRECT.match(revision.text):  # schemas before 0.4 have no element for it
        raise Drop("redirect", f"target={found[1].strip()}")
    return revision


def _namespace(raw: RawPage, site: Site) -> int:
    if raw.namespace.removeprefix("-").isdecimal():
        return int(raw.namespace)
    prefix, colon, _ = raw.title.partition(":")
    names = {name: number for number, name in site.namespaces.items() if name}
    return names.get(prefix, 0) if colon else 0


def _page(
    source: SourceConfig,
    file: SourceFile,
    raw: RawPage,
    revision: Revision,
    site: Site,
    code: str,
    id: str,
    locator: str,
) -> Page:
    hint, hint_from = language_hint(source.language, file.path, field=code)
    if source.language in ("auto", "attribute") and site.language and hint_from in ("", "path"):
        hint, hint_from = site.language, "attribute"
    return Page(
        id=id,
        source=file.source,
        locator=locator,
        media_type=MEDIA_TYPE,
        content=revision.text or "",
        title=raw.title,
        url=_url(site, code, raw.title),
        language_hint=hint,
        hint_from=hint_from,
        revision=revision.id,
        fetched_at=revision.timestamp,
        licence=source.licence or (WIKIPEDIA_LICENCE if code else ""),
        metadata={f"namespaces.{number}": site.namespaces[number] for number in _NAMED if site.namespaces.get(number)},
    )


def edition(site: Site, path: str) -> str:
    """Code of the Wikipedia edition a dump was made of, empty for other wikis.

    The address of the wiki decides; where the dump names none, its database or else the name of the file, if that is
    one of the registry's editions.
    """
    if site.base:
        found = _WIKIPEDIA.fullmatch(_host(site.base))
        if not found or found[1] == "www":
            return ""
        language = resolve(found[1])
        return language.edition if language else found[1]
    name = (site.dbname or path.rsplit("/", 1)[-1]).lower()
    language = resolve(name) if site_code(name) and re.match(r"[a-z_]+wiki(?![a-z])", name) else None
    return language.edition if language else ""


def _url(site: Site, code: str, title: str) -> str:
    """Address of a page as MediaWiki writes it; empty when the dump does not say where the wiki is."""
    begin = f"https://{code}.wikipedia.org/wiki/" if code else ""
    if site.base:
        begin = site.base.rpartition("/")[0] + "/"
        for mark in ("/wiki/", "?title=", "/index.php/"):
            before, found, _ = site.base.partition(mark)
            if found:
                begin = before + found
                break
    return begin + quote(title.replace(" ", "_"), safe=";@$!*(),/~:") if begin else ""


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
