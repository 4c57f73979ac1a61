"""Text of programs made with Qt: compiled catalogues, ``<name>_<tag>.qm`` or ``<tag>.qm``, and resource files."""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from aligned import Aligned, Wanted
from lid_sources import clean_message

#: Tags of the blocks of a file, and of the parts of a message.
_MESSAGES = 0x69
_END, _TRANSLATION, _SOURCE = 1, 3, 6
#: Parts without a length: a byte that ends a message, and a number that older versions wrote.
_OBSOLETE = 5
_HEADER = 16
#: Flags of an entry of a resource file.
_DEFLATED, _FOLDER, _ZSTANDARD = 1, 2, 4


def catalogues(root: Path, wanted: Wanted) -> Iterator[Aligned]:
    """Messages below ``root``, with the originals that the catalogues hold beside the translations."""
    for path in sorted(root.rglob("*.qm")):
        found = re.search(r"(?:^|[_-])([a-z]{2,3}(?:[_@][A-Za-z]+)?)$", path.stem)
        if found and wanted(found[1]):
            for original, translation in messages(path.read_bytes()):
                if translation != original:
                    yield Aligned(found[1], _cleaned(translation), _cleaned(original))


def _cleaned(message: str) -> str:
    return clean_message(re.sub(r"%(?:L?\d|n\b)", " ", message))


def messages(data: bytes) -> Iterator[tuple[str, str]]:
    """Pairs of original and translation of a .qm file; of plural forms, the last."""
    at = _HEADER
    while at + 5 <= len(data):
        block, size = struct.unpack_from(">BI", data, at)
        if block == _MESSAGES:
            yield from _pairs(data[at + 5 : at + 5 + size])
        at += 5 + size


def _pairs(block: bytes) -> Iterator[tuple[str, str]]:
    at, parts = 0, dict[int, bytes]()
    while at < len(block):
        part = block[at]
        at += 1
        if part == _END:
            if parts.get(_SOURCE) and parts.get(_TRANSLATION):
                yield parts[_SOURCE].decode("utf-8", "replace"), parts[_TRANSLATION].decode("utf-16-be", "replace")
            parts = {}
        elif part == _OBSOLETE:
            at += 4
        else:
            (size,) = struct.unpack_from(">I", block, at)
            # A translation that is absent has a length of all ones.
            size = 0 if size == 0xFFFFFFFF else size
            parts[part] = block[at + 4 : at + 4 + size]
            at += 4 + size


def resources(data: bytes) -> dict[str, bytes]:
    """Files in a resource file (.rcc) by path; those compressed otherwise than with zlib are left out."""
    version, tree, content, names = struct.unpack_from(">4I", data, 4)
    row, found = (14 if version < 2 else 22), dict[str, bytes]()
    nodes = [(0, "")]
    while nodes:
        number, folder = nodes.pop()
        at = tree + number * row
        name, flags, first, second = struct.unpack_from(">IHII", data, at)
        (size,) = struct.unpack_from(">H", data, names + name)
        path = folder + data[names + name + 6 : names + name + 6 + 2 * size].decode("utf-16-be")
        if flags & _FOLDER:
            nodes += [(second + i, path + "/" if number else "") for i in range(first)]
        elif not flags & _ZSTANDARD:
            at = content + struct.unpack_from(">I", data, at + 10)[0]
            (size,) = struct.unpack_from(">I", data, at)
            file = data[at + 4 : at + 4 + size]
            found[path] = zlib.decompress(file[4:]) if flags & _DEFLATED else file
    return found


def spoken_words(root: Path, wanted: Wanted) -> Iterator[Aligned]:
    """Words GCompris speaks, ``content-<tag>.json`` in ``lang.rcc``, by the name of the recording."""
    for path in sorted(root.rglob("lang.rcc")):
        files = resources(path.read_bytes())
        lists = {found[1]: name for name in sorted(files) if (found := re.search(r"/content-(\w+)\.json$", name))}
        english = json.loads(files[lists["en"]])
        for tag, name in lists.items():
            if tag != "en" and wanted(tag):
                for key, text in json.loads(files[name]).items():
                    if english.get(key):
                        yield Aligned(tag, text, english[key], kind="word")
