"""Names and keywords aligned by what they name: emoji, countries, languages, units, drawings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aligned import Aligned, Wanted, leaves


def cldr(root: Path, wanted: Wanted) -> Iterator[Aligned]:
    """Strings of CLDR's JSON packages, ``<tag>/*.json``, by path; lists of keywords as one string."""
    originals = _strings(root / "en")
    for folder in sorted(root.iterdir()):
        if folder.name != "en" and wanted(folder.name):
            for key, text in _strings(folder).items():
                # Emoji of people come in five skin tones each, which says nothing new.
                if key in originals and "skin tone" not in originals[key]:
                    kind = "title" if ", " in originals[key] else "word"
                    yield Aligned(folder.name, text, originals[key], kind=kind)


def _strings(folder: Path) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for path in sorted(folder.glob("*.json")):
        tree = _joined(json.loads(path.read_text(encoding="utf-8")))
        # main/<tag>/... and annotations/...: the tag is no part of the key.
        for key, text in leaves(tree):
            if key[-1] not in ("_cldrVersion", "language") and not key[-1].startswith("compoundUnit"):
                found[path.name, *(k for k in key if k != folder.name)] = re.sub(r"\{\d\}", "", text).strip()
    return found


def _joined(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _joined(value) for key, value in tree.items()}
    if isinstance(tree, list) and all(isinstance(item, str) for item in tree):
        return ", ".join(tree)
    return tree


def stamps(root: Path, wanted: Wanted) -> Iterator[Aligned]:
    """What Tux Paint's stamps show: the English line first, then ``<tag>.utf8=<text>`` lines."""
    for path in sorted(root.rglob("*.txt")):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines[1:]:
            if (found := re.match(r"([\w@]+)\.utf8=(.+)$", line)) and wanted(found[1]):
                yield Aligned(found[1], found[2].strip(), lines[0].strip())
