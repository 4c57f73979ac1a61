"""Aligned text out of packages: the same message, paragraph, verse or name in two languages.

Parsers yield :class:`Aligned`, uncleaned as to length and likeness; which pairs are kept is decided in ``pairs``.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lid_sources import catalogue, clean_markup, clean_message, mallard, messages, paragraphs

#: Whether the language of a locale tag is wanted: what is not need not be read.
Wanted = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Aligned:
    """``text`` in the language of ``tag`` means what ``pivot`` does in that of ``pivot_tag``.

    Where ``kind`` is empty the length decides.
    """

    tag: str
    text: str
    pivot: str
    pivot_tag: str = "en"
    kind: str = ""


def mediawiki(root: Path, wanted: Wanted) -> Iterator[Aligned]:
    """Messages of MediaWiki and its extensions, ``i18n/<tag>.json``, by key; of any package that keeps them so."""
    for folder in sorted({path.parent for path in root.rglob("en.json")}):
        english = {key: clean_message(text) for key, text in messages(folder / "en.json").items()}
        for path in sorted(folder.glob("*.json")):
            if path.stem not in ("en", "qqq") and wanted(path.stem):
                for key, text in messages(path).items():
                    if key in english:
                        yield Aligned(path.stem, clean_message(text), english[key])


def blockly(root: Path, wanted: Wanted) -> Iterator[Aligned]:
    """Messages of npm ``blockly``, ``msg/<tag>.js``, by key."""
    english = _assigned(root / "msg/en.js")
    for path in sorted(root.glob("msg/*.js")):
        if path.stem != "en" and wanted(path.stem):
            for key, text in _assigned(path).items():
                if key in english:
                    yield Aligned(path.stem, clean_message(text), clean_message(english[key]))


def _assigned(path: Path) -> dict[str, str]:
    content = path.read_text(encoding="utf-8")
    found = re.findall(r'Msg\["(\w+)"\] = ("(?:[^"\\]|\\.)*")', content)
    return {key: json.loads(value) for key, value in found}


def gettext(root: Path, wanted: Wanted) -> Iterator[Aligned]:
    """Messages of compiled catalogues, ``<tag>/LC_MESSAGES/*.mo``."""
    for path in sorted(root.rglob("LC_MESSAGES/*.mo")):
        tag = path.parent.parent.name
        if wanted(tag):
            yield from translated(tag, path.read_bytes())


def gettext_wheel(root: Path, wanted: Wanted) -> Iterator[Aligned]:
    """As :func:`gettext`, from inside wheels."""
    for wheel in sorted(root.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in sorted(n for n in archive.namelist() if n.endswith(".mo")):
                if wanted(tag := name.split("/")[-3]):
                    yield from translated(tag, archive.read(name))


def without_context(message: str) -> str:
    """A message without what games put before it for translators: ``race^Bats``, ``?verb:Build``."""
    return re.sub(r"^(\?[\w ]+:|[\w ,/-]{1,40}\^)", "", message).strip()


def translated(tag: str, content: bytes) -> Iterator[Aligned]:
    """Messages of a compiled catalogue."""
    for original, translation in catalogue(content):
        if translation != original:
            yield Aligned(tag, *(without_context(clean_message(text)) for text in (translation, original)))


def firefox(folders: list[Path], wanted: Wanted, english: str = "en-GB") -> Iterator[Aligned]:
    """Strings of Firefox's language packs by file and id, Fluent and properties files alike."""
    found = sorted(path for folder in folders for path in folder.rglob("langpack-*.xpi"))
    packs = {path.name.split("@")[0].removeprefix("langpack-"): path for path in found}
    originals = _pack(packs[english])
    packs = {tag: path for tag, path in packs.items() if tag != english and wanted(tag)}
    for tag, path in sorted(packs.items()):
        for key, text in _pack(path).items():
            if key in originals:
                yield Aligned(tag, text, originals[key])


def _pack(path: Path) -> dict[tuple[str, str], str]:
    with zipfile.ZipFile(path) as archive:
        names = sorted(n for n in archive.namelist() if n.endswith((".ftl", ".properties")))
        return {
            # The path of a localised file has the locale's tag in it.
            (re.sub(r"/[a-z]{2,3}(-[A-Za-z]+)*/", "/", "/" + name), key): text
            for name in names
            for key, text in fluent(archive.read(name).decode("utf-8", "replace")).items()
        }


def fluent(content: str) -> dict[str, str]:
    """Messages and attributes of a Fluent or properties file by id, on one line; of variants, the last."""
    found: dict[str, str] = {}
    message = key = ""
    for line in content.splitlines():
        if not line.strip() or line.startswith(("#", "}", "!")):
            continue
        if start := re.match(r"(-?[\w.-]+)\s*=\s*(.*)$", line):
            message = key = start[1]
            found[key] = start[2]
        elif start := re.match(r"\s+\.([\w-]+)\s*=\s*(.*)$", line):
            key = f"{message}.{start[1]}"
            found[key] = start[2]
        elif start := re.match(r"\s+\*?\[\s*[\w-]+\s*\]\s*(.*)$", line):
            found[key] = start[1]
        elif key and line[0].isspace():
            found[key] += " " + line.strip()
    cleaned = {key: clean_message(re.sub(r"\\u[0-9a-fA-F]{4}|\\n|\{[^{}]*(\}|->)", " ", t)) for key, t in found.items()}
    return {key: text.rstrip("} ") for key, text in cleaned.items() if text.strip("} ")}


def libreoffice_help(roots: list[Path], wanted: Wanted, english: str = "en-US") -> Iterator[Aligned]:
    """Paragraphs of LibreOffice's help by page and id."""
    for page, translations in _translations(roots, english, wanted):
        originals = paragraphs(page)
        for tag, other in translations:
            for key, text in paragraphs(other).items():
                if key in originals:
                    yield Aligned(tag, text, originals[key])


def _translations(roots: list[Path], english: str, wanted: Wanted) -> Iterator[tuple[Path, list[tuple[str, Path]]]]:
    """Each English page below ``<root>/<english>`` with the same page in other languages, by their tags."""
    folders = {path.name: path for root in roots for path in sorted(root.iterdir()) if not path.is_symlink()}
    base = folders[english]
    others = {tag: path for tag, path in folders.items() if tag != english and wanted(tag)}
    for page in sorted(base.rglob("*.html")):
        name = page.relative_to(base)
        yield page, [(tag, path / name) for tag, path in sorted(others.items()) if (path / name).is_file()]


#: Paragraphs and headings of a page; a manual made with Publican has its paragraphs in ``<div class="para">``.
_BLOCK = re.compile(r'<(p|h[1-6]|dt|div(?= class="para"))\b[^>]*>(.*?)</\1>', re.DOTALL)


def html_blocks(content: str) -> list[tuple[str, str]]:
    """Name and text of the paragraphs and headings of a page, without code."""
    content = re.sub(r"(?s)<(pre|code|script|style|head)\b.*?</\1>", " ", content)
    return [(name, clean_markup(inner)) for name, inner in _BLOCK.findall(content)]


def by_position(ours: list[tuple[str, str]], english: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Texts of two translations of a page, side by side; none where their structure differs."""
    if [name for name, _ in ours] == [name for name, _ in english]:
        yield from ((a, b) for (_, a), (_, b) in zip(ours, english, strict=True))


def html_pages(roots: list[Path], english: str, wanted: Wanted) -> Iterator[Aligned]:
    """Paragraphs of a manual, ``<tag>/<page>.html``, by position in pages of the same structure."""
    for page, translations in _translations(roots, english, wanted):
        originals = html_blocks(page.read_text(encoding="utf-8", errors="replace"))
        for tag, other in translations:
            blocks = html_blocks(other.read_text(encoding="utf-8", errors="replace"))
            yield from (Aligned(tag, a, b) for a, b in by_position(blocks, originals))


def mallard_pages(root: Path, wanted: Wanted, english: str = "C") -> Iterator[Aligned]:
    """Paragraphs of GNOME's help, ``<tag>/<manual>/*.page``, by position."""
    for page in sorted(root.glob(f"{english}/*/*.page")):
        originals = [("p", text) for text in mallard(page)]
        for other in sorted(root.glob(f"*/{page.parent.name}/{page.name}")):
            if other != page and wanted(other.parents[1].name):
                blocks = [("p", text) for text in mallard(other)]
                yield from (Aligned(other.parents[1].name, a, b) for a, b in by_position(blocks, originals))


def quran(root: Path, wanted: Wanted) -> Iterator[Aligned]:
    """Verses of the Quran, npm ``quran-json``; the original goes with the English translation."""
    verses: dict[str, dict[tuple[int, int], str]] = {}
    for path in sorted(root.glob("dist/quran_*.json")):
        tag = path.stem.removeprefix("quran_")
        rows = [(c["id"], v) for c in json.loads(path.read_text(encoding="utf-8")) for v in c["verses"]]
        if tag == "en":
            verses["ar"] = {(chapter, verse["id"]): verse["text"] for chapter, verse in rows}
        if tag != "transliteration" and (tag == "en" or wanted(tag)):
            verses[tag] = {(chapter, verse["id"]): clean_markup(verse["translation"]) for chapter, verse in rows}
    english = verses.pop("en")
    for tag, texts in sorted(verses.items()):
        yield from (Aligned(tag, text, english[key], kind="verse") for key, text in texts.items() if key in english)


def json_tree(folder: Path, wanted: Wanted, english: str = "en") -> Iterator[Aligned]:
    """Leaves of ``<tag>.json`` files by their path in the tree below the tag."""
    originals = dict(leaves(_read(folder / f"{english}.json")[english]))
    for path in sorted(folder.glob("*.json")):
        tree = _read(path) if path.stem != english and wanted(path.stem) else {}
        if path.stem in tree:
            for key, text in leaves(tree[path.stem]):
                if pivot := originals.get(key):
                    yield Aligned(path.stem, clean_message(text), clean_message(pivot))


def leaves(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Strings of nested objects with the keys that lead to them."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, (*path, str(key)))
    elif isinstance(tree, str):
        yield path, tree


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
