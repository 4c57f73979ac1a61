"""Messages of programs that keep their catalogues in a way of their own."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from aligned import Aligned, Wanted, gettext, mallard_pages, translated
from lid_sources import clean_message


def gnome(folders: list[Path], wanted: Wanted) -> Iterator[Aligned]:
    """Messages of programs, and the help pages they bring."""
    for folder in folders:
        yield from gettext(folder, wanted)
        for root in sorted(folder.rglob("share/help")):
            yield from mallard_pages(root, wanted)


def wordpress(folder: Path, wanted: Wanted) -> Iterator[Aligned]:
    """Compiled catalogues named ``<part>-<tag>.mo`` or ``<tag>.mo``; themes come more than once."""
    for path in sorted(folder.rglob("*.mo")):
        tag = path.stem.rpartition("-")[2]
        if re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", tag) and wanted(tag):
            yield from translated(tag, path.read_bytes())


def calibre(folder: Path, wanted: Wanted) -> Iterator[Aligned]:
    """Compiled catalogues ``<tag>/messages.mo`` in an archive; beside them names of languages, which others have."""
    for path in sorted(folder.rglob("localization/locales.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in sorted(n for n in archive.namelist() if n.endswith("/messages.mo")):
                tag = name.split("/")[-2]
                if wanted(tag):
                    yield from translated(tag, archive.read(name))


def kolibri(folder: Path, wanted: Wanted) -> Iterator[Aligned]:
    """Messages of PyPI's ``kolibri``, ``locale/<tag>/LC_MESSAGES/<part>.json``, by key."""
    for wheel in sorted(folder.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            parts: dict[str, dict[str, str]] = {}
            for name in sorted(archive.namelist()):
                if found := re.fullmatch(r"kolibri/locale/(\w+)/LC_MESSAGES/(.+)\.json", name):
                    parts.setdefault(found[2], {})[found[1]] = name
            for _, names in sorted(parts.items()):
                english = _by_key(archive.read(names["en"])) if "en" in names else {}
                for tag, name in names.items():
                    if tag != "en" and wanted(tag):
                        for key, text in _by_key(archive.read(name)).items():
                            if key in english:
                                yield Aligned(tag, text, english[key])


def _by_key(content: bytes) -> dict[str, str]:
    return {key: clean_message(last_form(text)) for key, text in json.loads(content).items() if isinstance(text, str)}


def last_form(message: str) -> str:
    """A message of ICU's format with the last of its plural forms, and without its arguments."""
    before = ""
    while before != message:
        before = message
        message = re.sub(r"\{\w+,\s*(?:plural|select|selectordinal),.*?\{([^{}]*)\}\s*\}", r" \1 ", message)
        message = re.sub(r"'?\{\w+(?:,\s*\w+)*\}'?", " ", message)
    return message
