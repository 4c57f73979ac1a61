"""Text of known language out of Debian, npm and PyPI packages: what the language identifier is trained and tested on.

A message equal to its English original is untranslated and left out, placeholders and markup are blanked. Nothing here
decides which language a tag stands for: see ``lid_labels``.
"""

from __future__ import annotations

import gzip
import html
import json
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Locale tags that are names of encodings or of English itself.
_NOT_A_LANGUAGE = {"C", "qqq", "exif", "ext"}


@dataclass(frozen=True, slots=True)
class Text:
    """One message or paragraph; ``tag`` is the locale as its package writes it, ``source`` names the collection."""

    tag: str
    source: str
    text: str


def mediawiki(root: Path) -> Iterator[Text]:
    """Messages of MediaWiki and its bundled extensions, from their ``i18n/*.json`` catalogues."""
    for folder in sorted({path.parent for path in root.rglob("i18n/**/en.json")}):
        english = messages(folder / "en.json")
        for path in sorted(folder.glob("*.json")):
            if path.stem in _NOT_A_LANGUAGE or path.stem == "en":
                continue
            for key, message in messages(path).items():
                if message != english.get(key):
                    yield Text(path.stem, "mediawiki", clean_message(message))
        yield from (Text("en", "mediawiki", clean_message(message)) for message in english.values())


def messages(path: Path) -> dict[str, str]:
    """The messages of a MediaWiki catalogue by key."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return {key: value for key, value in content.items() if isinstance(value, str) and not key.startswith("@")}


def gettext(root: Path, source: str) -> Iterator[Text]:
    """Translations in compiled catalogues, ``<locale>/LC_MESSAGES/*.mo``, and each English original once."""
    english: set[str] = set()
    for path in sorted(root.rglob("LC_MESSAGES/*.mo")):
        tag = path.parent.parent.name
        for original, translation in catalogue(path.read_bytes()):
            if original not in english:
                english.add(original)
                yield Text("en", source, clean_message(original))
            if translation != original:
                yield Text(tag, source, clean_message(translation))


def catalogue(data: bytes) -> Iterator[tuple[str, str]]:
    """Pairs of original and translation of a GNU .mo file, plural forms apart."""
    order = "<" if data[:4] == b"\xde\x12\x04\x95" else ">"
    count, originals, translations = struct.unpack(f"{order}3I", data[8:20])
    for row in range(count):
        cells = []
        for table in (originals, translations):
            size, start = struct.unpack_from(f"{order}2I", data, table + 8 * row)
            cells.append(data[start : start + size].decode("utf-8", "replace"))
        original = cells[0].rpartition("\x04")[2].split("\0")[0]
        # LibreOffice puts a context of letters and a bar before some originals.
        if original:
            yield from ((original, form) for form in cells[1].split("\0"))


def firefox(root: Path, prefix: str, english: str = "en-GB") -> Iterator[Text]:
    """Strings of Firefox's language packs (``langpack-<tag>@...xpi``), Fluent and properties files alike.

    The packs lie in folders of ``root`` whose names begin with ``prefix``.
    """
    paths = sorted(root.glob(f"{prefix}*/**/langpack-*.xpi"))
    packs = {path.name.split("@")[0].removeprefix("langpack-"): path for path in paths}
    originals = set(_pack(packs[english])) if english in packs else set()
    for tag, path in packs.items():
        yield from (Text(tag, "firefox", text) for text in _pack(path) if tag == english or text not in originals)


_FLUENT = re.compile(r"^(?:-?[a-zA-Z][\w-]*|\s+\.[\w-]+)\s*=\s*(.*)$")


def _pack(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith((".ftl", ".properties")):
                for line in archive.read(name).decode("utf-8", "replace").splitlines():
                    if line.startswith(("#", "[", "}")):
                        continue
                    found = _FLUENT.match(line)
                    value = found[1] if found else line if line.startswith("    ") else ""
                    value = re.sub(r"^\s*\*?\[[\w-]+\]|^\s*\.[\w-]+\s*=|\\u[0-9a-fA-F]{4}|\\n", " ", value)
                    if value := clean_message(value):
                        yield value


_PARAGRAPH = re.compile(r'<(p|h\d|td)\b[^>]*\bid="([^"]+)"[^>]*>(.*?)</\1>', re.DOTALL)


def libreoffice_help(root: Path, english: str = "en-US") -> Iterator[Text]:
    """Paragraphs of LibreOffice help; one equal to the English of the same page and id is English."""
    originals: dict[str, dict[str, str]] = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        for page in sorted(folder.rglob("*.html")):
            name = str(page.relative_to(folder))
            here = paragraphs(page)
            if folder.name == english:
                originals[name] = here
                yield from (Text("en", "libreoffice-help", text) for text in here.values())
                continue
            if name not in originals:
                reference = root / english / name
                originals[name] = paragraphs(reference) if reference.is_file() else {}
            for key, text in here.items():
                if text != originals[name].get(key):
                    yield Text(folder.name, "libreoffice-help", text)


def paragraphs(page: Path) -> dict[str, str]:
    """Paragraphs of a page of LibreOffice's help by id."""
    text = page.read_text(encoding="utf-8", errors="replace")
    return {key: clean_markup(inner) for _, key, inner in _PARAGRAPH.findall(text)}


def html_pages(root: Path, source: str) -> Iterator[tuple[str, Text]]:
    """Pages of a manual, ``<tag>/*.html``, each with its path below ``root`` and its paragraphs as one text."""
    for page in sorted(root.glob("*/*.html")):
        content = page.read_text(encoding="utf-8", errors="replace")
        content = re.sub(r"(?s)<(pre|code|script|style|head)\b.*?</\1>", " ", content)
        paragraphs = (clean_markup(inner) for inner in re.findall(r"(?s)<p\b[^>]*>(.*?)</p>", content))
        text = "\n".join(p for p in paragraphs if len(p) > 40)
        yield str(page.relative_to(root)), Text(page.parent.name, source, text)


def mallard_pages(root: Path, source: str, english: str = "C") -> Iterator[tuple[str, Text]]:
    """Pages of GNOME's help, ``<tag>/<manual>/*.page``; paragraphs equal to an English one are left out."""
    originals: dict[str, set[str]] = {}
    for page in sorted(root.glob(f"{english}/*/*.page")):
        originals[f"{page.parent.name}/{page.name}"] = set(mallard(page))
    for page in sorted(root.glob("*/*/*.page")):
        tag, name = page.parent.parent.name, f"{page.parent.name}/{page.name}"
        known = set() if tag == english else originals.get(name, set())
        text = "\n".join(p for p in mallard(page) if p not in known and len(p) > 40)
        yield f"{tag}/{name}", Text("en" if tag == english else tag, source, text)


def mallard(page: Path) -> list[str]:
    """Paragraphs of a page of GNOME's help."""
    content = page.read_text(encoding="utf-8", errors="replace")
    content = re.sub(r"(?s)<(info|code|screen)\b.*?</\1>", " ", content)
    return [clean_markup(inner) for inner in re.findall(r"(?s)<p\b[^>]*>(.*?)</p>", content)]


def quran(root: Path) -> Iterator[Text]:
    """Verses of the Quran in eleven languages, npm ``quran-json``."""
    for path in sorted(root.glob("dist/quran_*.json")):
        tag = path.stem.removeprefix("quran_")
        if tag == "transliteration":
            continue
        for chapter in json.loads(path.read_text(encoding="utf-8")):
            for verse in chapter["verses"]:
                if tag == "en":
                    yield Text("ar", "quran", verse["text"])
                yield Text(tag, "quran", clean_markup(verse["translation"]))


def hunspell(path: Path, encoding: str = "utf-8") -> list[str]:
    """Words of a spelling dictionary."""
    lines = path.read_bytes().decode(encoding, "replace").splitlines()[1:]
    return [word for line in lines if len(word := re.split(r"[/\s]", line)[0]) > 1]


def word_frequencies(wheel: Path) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """For each language of PyPI ``wordfreq``: its words and their relative frequencies, most frequent first."""
    with zipfile.ZipFile(wheel) as archive:
        names = sorted(n for n in archive.namelist() if re.search(r"data/small_\w+\.msgpack\.gz$", n))
        for name in names:
            tag = name.rpartition("small_")[2].split(".")[0]
            buckets = _unpack(gzip.decompress(archive.read(name)))[1:]
            # Bucket n holds the words of frequency 10 ** (-n / 100).
            yield tag, [(word, 10 ** (-n / 100)) for n, words in enumerate(buckets) for word in words]


def _unpack(data: bytes) -> Any:
    """The one value of a MessagePack file: arrays, maps, strings and small numbers, all that wordfreq uses."""
    import msgpack

    return msgpack.unpackb(data, raw=False)


_PLURAL = re.compile(r"\{\{\s*(?:PLURAL|GENDER|GRAMMAR)\s*:[^|{}]*\|([^{}]*)\}\}", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"\{\{[^{}]*\}\}|\$\d+|\$\{?\w+\}?|\{[^{}]*\}|%(?:\d+\$)?[-+ #0]*[\d.*]*(?:l|ll|h|z)?[a-zA-Z]|%\d+|"
    r"https?://\S+|www\.\S+|\S+@\S+|&[a-zA-Z]+;|<[^<>]*>|\\[nt]|#\w+#|__\w+__"
)


def clean_message(message: str) -> str:
    """A message without placeholders, wiki syntax, markup and accelerator marks; plurals with their last form."""
    text = html.unescape(message)
    text = _PLURAL.sub(lambda found: " " + found[1].rpartition("|")[2] + " ", text)
    text = re.sub(r"\[\[(?:[^\[\]|]*\|)?([^\[\]]*)\]\]|\[(?:https?:)?//\S+ ([^\]]*)\]", r"\1\2", text)
    text = _PLACEHOLDER.sub(" ", text)
    text = re.sub(r"[~_&](?=\w)|'{2,}|[|*=#]+", "", text)
    return " ".join(text.split())


def clean_markup(content: str) -> str:
    """The text of a piece of HTML or XML, on one line."""
    return " ".join(html.unescape(re.sub(r"<[^<>]*>", " ", content)).split())
