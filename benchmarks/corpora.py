"""The corpora of the benchmarks: the installation guide, a slice of LibreOffice help, and shuffled copies of pages."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import yaml
from real_data import DOWNLOADS

PROJECT = Path(__file__).resolve().parent.parent
GUIDE_RECIPE = PROJECT / "recipes" / "installation-guide.yaml"
GUIDE = DOWNLOADS / "installation-guide"
HELP = DOWNLOADS / "libreoffice-help"

# A letter of a script written without spaces is a word here; elsewhere what stands between spaces is.
_UNSPACED = r"\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")
_SPACE_BETWEEN = re.compile(rf"(?<=[{_UNSPACED}]) (?=[{_UNSPACED}])")


def require(folder: Path) -> None:
    """Stop unless real pages are there."""
    if not folder.is_dir():
        raise click.ClickException(f"there are no pages in {folder}\nFetch them first: python benchmarks/real_data.py")


def help_slice(target: Path, languages: list[str], pages: int) -> Path:
    """Copy ``pages`` pages of LibreOffice help in each language to ``target`` and return a recipe for them.

    The pages are spread evenly over the manual, and the same ones for every language: the manual is aligned by path.
    """
    for language in languages:
        folder = HELP / language
        require(folder)
        for page in spread(sorted(folder.rglob("*.html")), pages):
            copy = target / "pages" / page.relative_to(HELP)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(page, copy)
    return write_recipe(target, "libreoffice-help", "MPL-2.0")


def shuffled_guide(target: Path, pages: int, copies: int) -> Path:
    """Write ``copies`` variations of ``pages`` pages of the guide to ``target`` and return a recipe for them.

    A variation has the page's markup, its words in another order within each piece of text: as long and as varied
    as the page, and a near-duplicate of no other variation. Words are shuffled by a seed of path and copy, so the
    corpus is the same everywhere.
    """
    require(GUIDE)
    for page in spread(sorted(GUIDE.glob("*/*.html")), pages):
        name = page.relative_to(GUIDE)
        for copy in range(copies):
            path = target / "pages" / name.parent / f"{name.stem}-{copy:03d}.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(shuffle_words(page.read_bytes(), f"{name.as_posix()} {copy}"))
    # Shards small enough that the smaller corpus fills one: what bounds memory is the same in both.
    return write_recipe(target, f"shuffled-{copies}x", "GPL-2.0-only", index={"shard_rows": 4000})


def shuffle_words(page: bytes, seed: str) -> bytes:
    """The same HTML with the words of every paragraph, item, cell and heading in another order."""
    from lxml import html

    tree = html.document_fromstring(page, parser=html.HTMLParser(encoding="utf-8"))
    order = random.Random(seed)
    for block in tree.xpath(
        "//p | //li[not(.//p)] | //td[not(.//p or .//td)] | //h1 | //h2 | //h3 | //h4 | //pre | //dt"
    ):
        words = _WORD.findall(block.text_content())
        order.shuffle(words)
        for child in list(block):
            block.remove(child)
        block.text = _SPACE_BETWEEN.sub("", " ".join(words))
    return bytes(html.tostring(tree, encoding="utf-8", doctype="<!DOCTYPE html>"))


def spread(items: list[Path], count: int) -> Iterator[Path]:
    """``count`` items (all, if there are fewer) at even distances."""
    count = min(count, len(items))
    return (items[i * len(items) // count] for i in range(count))


def write_recipe(target: Path, name: str, licence: str, **sections: object) -> Path:
    """A recipe over ``target/pages`` with every option at its default, but for ``sections``."""
    source = {"name": name, "format": "html", "path": "pages", "licence": licence}
    path = target / "recipe.yaml"
    path.write_text(yaml.safe_dump({"name": name, "read": {"sources": [source]}, **sections}), encoding="utf-8")
    return path
