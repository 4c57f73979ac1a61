"""Recipes that crawl the test wikis, and what a crawl leaves behind."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from wikis import Wikis

from m4corpus.crawl.directory import CrawlDirectory
from m4corpus.crawl.run import Crawl
from m4corpus.ledger import Entry, entries
from m4corpus.recipe import load
from m4corpus.records import Page, from_batches
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.parts import read_batches

_DISHES = """Name,Alias,Coarse-grained categories,Fine-grained categories
Rawon,[],"[""soup""]","[""beef soup""]"
Har gow,[],"[""dumpling""]","[""dumpling""]"
Black beef soup,[],"[""soup""]","[""beef soup""]"
"""


def quiet(step: str, done: int, total: int) -> None:
    """Hears how far a crawl is, and says nothing."""


def write_recipe(folder: Path, sections: dict[str, Any], **others: Any) -> Path:
    """A recipe named ``dishes`` with these sections of a crawl."""
    path = folder / "dishes.yaml"
    read = {"sources": [{"name": "wikipedia", "format": "crawl"}]}
    body = {"name": "dishes", "partitions": 3, "crawl": sections, "read": read, **others}
    path.write_text(yaml.safe_dump(body, allow_unicode=True), encoding="utf-8")
    return path


def on_wikis(wikis: Wikis, base: str = "", wiki: dict[str, Any] | None = None, **politeness: Any) -> dict[str, Any]:
    """Sections that say which wikis and how; ``base`` is another address they answer at."""
    addresses = wikis.wiki_config()
    sections: dict[str, Any] = {
        "contact": "cook@example.org",
        "allow_private": list(wikis.allow_private),
        "politeness": asdict(wikis.politeness(**{"max_wait": 20, **politeness})),
        "wiki": {"api": addresses.api, "rest": addresses.rest, "page": addresses.page, "what": "text", **(wiki or {})},
    }
    if base:
        for key in ("api", "rest", "page"):
            sections["wiki"][key] = sections["wiki"][key].replace(wikis.base, base)
    return sections


def dishes(folder: Path, editions: tuple[str, ...] = ("en", "id", "ja")) -> dict[str, Any]:
    """A section that asks for a few dishes in the manner of WorldCuisines."""
    (folder / "dishes.csv").write_text(_DISHES, encoding="utf-8")
    return {"worldcuisines": {"dishes": "dishes.csv", "locations": "", "editions": list(editions)}}


def crawl_of(recipe: Path, workdir: Path) -> Crawl:
    """The crawl of a recipe."""
    return Crawl(load(recipe), recipe.parent, workdir)


def outputs(crawl: Path) -> dict[str, bytes]:
    """Every file a finished crawl is made of, less archive and frontier."""
    names = ("questions.jsonl", "images.jsonl", "manifest.json")
    paths = [*crawl.glob("pages/*"), *crawl.glob("ledger/*"), *(crawl / name for name in names)]
    return {path.relative_to(crawl).as_posix(): path.read_bytes() for path in sorted(paths)}


def pages(crawl: CrawlDirectory) -> dict[str, Page]:
    """The pages of a finished crawl by id."""
    parts = Artifact.open(crawl.path).parts()
    return {page.id: page for part in parts for page in from_batches(Page, read_batches(crawl.path / part.path))}


def ledger(crawl: CrawlDirectory) -> list[Entry]:
    """The ledger of a finished crawl."""
    artifact = Artifact.open(crawl.path)
    return list(entries(artifact.directory, artifact.ledger()))


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """``m4corpus`` with these arguments, as a process of its own."""
    command = [sys.executable, "-m", "m4corpus", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
