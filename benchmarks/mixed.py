#!/usr/bin/env python3
"""How well English paragraphs are found in pages of other languages, on LibreOffice help.

Its translations are unfinished, and its paragraphs have the same id in every language: one that is equal to the English
one is English, one that differs is translated. Paragraphs without an id, and what both say of a text, are not scored.

Precision and recall are over paragraphs of 20 letters or more, shorter ones being names and labels for the most part;
letters count as where the script of a text is told, a Han character for three. ``mix error`` is the mean difference
between the share of English in a page's scored paragraphs and in the gold; ``main``, of the pages of which over half is
certainly in one language, the part that is labelled with it, with segments and, ``by sample``, without.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from lxml import html
from measure import Machine, markdown
from real_data import DOWNLOADS

from m4corpus.clean.config import CleanConfig
from m4corpus.clean.detect import clean_page
from m4corpus.identify.config import IdentifyConfig
from m4corpus.identify.labels import language_code
from m4corpus.identify.script import weighted_scripts
from m4corpus.identify.step import IdentifyStep
from m4corpus.ledger import Fail
from m4corpus.records import Block, Document, Page

HELP = DOWNLOADS / "libreoffice-help"
ENGLISH, ORIGINAL = "eng", "en-US"
#: Letters of the paragraphs over which precision and recall are taken.
LETTERS = 20
#: Letters a page must have in scored paragraphs for its mix to be.
PAGE = 100


@dataclass
class GoldPage:
    """A cleaned page and, for each of its blocks, the language it is in; empty where that is not known."""

    document: Document
    blocks: list[str]


@dataclass
class Score:
    """Paragraphs and pages of one language, counted."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: list[float] = field(default_factory=list)

    def add(self, found: GoldPage, by_sample: str) -> None:
        """Count one page, identified with segments; ``by_sample`` is its language without."""
        document = found.document
        gold: Counter[str] = Counter()
        ours: Counter[str] = Counter()
        for block, language in zip(document.blocks, found.blocks, strict=True):
            if not language:
                continue
            letters = weighted_scripts(document.text[block.start : block.end]).total()
            answer = block.language or document.language
            gold[language] += letters
            ours[answer] += letters
            if letters >= LETTERS:
                self.counts["english"] += language == ENGLISH
                self.counts["called"] += answer == ENGLISH
                self.counts["hit"] += answer == language == ENGLISH
            else:
                self.counts["short"] += 1
                self.counts["short right"] += answer == language
        self.counts["letters"] += gold.total()
        self.counts["English letters"] += gold[ENGLISH]
        if gold.total() < PAGE:
            return
        self.counts["pages"] += 1
        self.errors.append(abs(gold[ENGLISH] - ours[ENGLISH]) / gold.total())
        most = max(sorted(gold), key=lambda code: gold[code])
        if gold[most] > _letters(document) / 2:
            self.counts["certain"] += 1
            self.counts["main"] += document.language == most
            self.counts["main by sample"] += by_sample == most

    def as_dict(self) -> dict[str, float | int | str]:
        """The numbers of a row; a share of nothing is empty."""
        c = self.counts
        return {
            "pages": c["pages"],
            "English": _share(c["English letters"], c["letters"]),
            "precision": _share(c["hit"], c["called"]),
            "recall": _share(c["hit"], c["english"]),
            "short right": _share(c["short right"], c["short"]),
            "mix error": sum(self.errors) / len(self.errors) if self.errors else "",
            "main": _share(c["main"], c["certain"]),
            "main by sample": _share(c["main by sample"], c["certain"]),
        }


def _letters(document: Document) -> int:
    """Letters of a page, its code left out."""
    spans = (document.text[block.start : block.end] for block in document.blocks if block.kind != "code")
    return sum(weighted_scripts(text).total() for text in spans)


def _share(part: int, whole: int) -> float | str:
    return part / whole if whole else ""


def read_pages(root: Path, folder: str, limit: int) -> Iterator[GoldPage]:
    """About ``limit`` pages of a language, from all over the help."""
    language = language_code(folder)
    paths = sorted((root / folder / "text").rglob("*.html"))
    for path in paths[:: max(1, len(paths) // limit)][:limit]:
        name = path.relative_to(root / folder)
        own, original = paragraphs(path), paragraphs(root / ORIGINAL / name)
        english = {text for key, text in own.items() if original.get(key) == text}
        translated = {text for key, text in own.items() if key in original and original[key] != text}
        locator = f"{folder}/{name.as_posix()}"
        page = Page(locator, "help", locator, "text/html", path.read_text(encoding="utf-8"), language_hint=folder)
        try:
            document = clean_page(page, CleanConfig())
        except Fail:
            # The frame of the help's index has no text of its own.
            continue
        blocks = []
        for block in document.blocks:
            text = "".join(document.text[block.start : block.end].split())
            sure = (text in english) != (text in translated) and block.kind != "code"
            blocks.append("" if not sure else ENGLISH if text in english else language)
        yield GoldPage(document, blocks)


def paragraphs(path: Path) -> dict[str, str]:
    """Texts of a page's paragraphs and headings by their ids, without white space and what is hidden."""
    root = html.fromstring(path.read_bytes())
    for hidden in root.xpath("//*[@hidden]"):
        hidden.drop_tree()
    found = root.xpath('//*[starts-with(@id, "par_id") or starts-with(@id, "hd_id")]')
    return {element.get("id"): "".join(element.text_content().split()) for element in found}


def identify(documents: Sequence[Document], segments: bool) -> list[Document]:
    """Copies of the documents, labelled; each with the folder it was in as its hint."""
    return list(IdentifyStep(IdentifyConfig(segments=segments)).run(iter(deepcopy(list(documents)))))


def rate(documents: Sequence[Document], segments: bool) -> float:
    """Documents per second of processor time, models loaded.

    Without hints, and without the second opinion, which takes longer than all else: it is asked for where the model is
    unsure or differs from the hint, whether a document is cut into segments or not.
    """
    step = IdentifyStep(IdentifyConfig(segments=segments, second_opinion_below=0))
    copies = deepcopy(list(documents))
    for document in copies:
        document.language_hint = ""
    stream = step.run(iter(copies))
    next(stream)
    started = time.process_time()
    labelled = sum(1 for _ in stream)
    return labelled / (time.process_time() - started)


def measure(root: Path, folders: Sequence[str], limit: int) -> tuple[dict[str, Score], dict[str, Any]]:
    """The score of each language, and the rates over all pages and over their paragraphs as documents."""
    pages = {folder: list(read_pages(root, folder, limit)) for folder in folders}
    scores: defaultdict[str, Score] = defaultdict(Score)
    for folder, found in pages.items():
        documents = [page.document for page in found]
        by_sample = identify(documents, segments=False)
        for page, with_segments, without in zip(found, identify(documents, True), by_sample, strict=True):
            for score in (scores[folder], scores["all"]):
                score.add(GoldPage(with_segments, page.blocks), without.language)
    whole = [page.document for found in pages.values() for page in found]
    short = [document for document in map(_first_paragraph, whole) if document]
    rates = {
        f"{name}, {len(documents)} of {sum(len(d.text) for d in documents) // len(documents)} characters": {
            "without segments": rate(documents, False),
            "with segments": rate(documents, True),
        }
        for name, documents in (("pages", whole), ("paragraphs", short))
    }
    return dict(scores), rates


def _first_paragraph(document: Document) -> Document | None:
    """The first paragraph of 60 characters or more as a document of its own."""
    for block in document.blocks:
        if block.kind == "paragraph" and block.end - block.start >= 60:
            text = document.text[block.start : block.end]
            return Document(
                document.id, document.source, document.locator, "", text, [Block("paragraph", 0, 0, len(text))]
            )
    return None


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--pages", type=click.IntRange(min=1), default=100, show_default=True, help="Pages of each language.")
@click.option("--lang", "languages", multiple=True, metavar="FOLDER",
              help="A language, as its folder is named; repeat for several.  [default: all fetched]")  # fmt: skip
@click.option("--from", "root", type=click.Path(path_type=Path, file_okay=False), default=HELP,
              help="The pages.  [default: downloads/libreoffice-help]")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write the numbers here too.")
def main(pages: int, languages: tuple[str, ...], root: Path, json_file: Path | None) -> None:
    """Score per-paragraph identification on pages that benchmarks/real_data.py fetched.

    \b
    Example:
      python benchmarks/real_data.py libreoffice-help --lang en-us --lang hi --lang ja --lang vi
      python benchmarks/mixed.py --lang hi --lang ja --lang vi
    """
    machine = Machine.here()
    folders = languages or tuple(sorted(p.name for p in root.glob("*") if p.is_dir() and p.name != ORIGINAL))
    for folder in (ORIGINAL, *folders):
        if not (root / folder / "text").is_dir():
            raise click.ClickException(
                f"no pages in {root / folder}.\nFetch them: "
                f"python benchmarks/real_data.py libreoffice-help --lang {folder.lower()}"
            )
    scores, rates = measure(root, folders, pages)
    rows = {folder: score.as_dict() for folder, score in scores.items()}
    rows["all"] = rows.pop("all")
    click.echo(machine.lines())
    click.echo(markdown(["language", *rows["all"]], [[folder, *row.values()] for folder, row in rows.items()]))
    click.echo(
        markdown(["documents/s and core", *next(iter(rates.values()))], [[k, *v.values()] for k, v in rates.items()])
    )
    if json_file:
        json_file.write_text(json.dumps({"scores": rows, "rates": rates}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
