"""Messages of Chromium: packed files of numbered strings, ``locales/<tag>.pak``."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from aligned import Aligned, Wanted
from lid_sources import clean_markup, clean_message
from programs import last_form

#: The version of the format that is read, and the number by which a file says that its strings are UTF-8.
_VERSION, _UTF8 = 5, 1
_HEADER, _ENTRY, _ALIAS = "<IBxxxHH", "<HI", "<HH"


def packed(folder: Path, wanted: Wanted, english: str = "en-GB") -> Iterator[Aligned]:
    """Messages below ``folder`` by number."""
    files = {path.stem: path for path in sorted(folder.rglob("locales/*.pak"))}
    originals = strings(files.pop(english).read_bytes())
    for tag, path in files.items():
        # Beside them lie variants by the reader's gender, <tag>_FEMININE, which hardly hold anything.
        if "_" not in tag and wanted(tag):
            for number, text in strings(path.read_bytes()).items():
                if number in originals and text != originals[number]:
                    yield Aligned(tag, _cleaned(text), _cleaned(originals[number]))


def _cleaned(message: str) -> str:
    return clean_message(clean_markup(re.sub(r"\$\d", " ", last_form(message))))


def strings(data: bytes) -> dict[int, str]:
    """The strings of a packed file by number."""
    version, encoding, count, aliases = struct.unpack_from(_HEADER, data)
    if (version, encoding) != (_VERSION, _UTF8):
        raise ValueError(f"a .pak file of version {version}, encoding {encoding}: only {_VERSION}, {_UTF8} is read")
    at, size = struct.calcsize(_HEADER), struct.calcsize(_ENTRY)
    # One entry more than strings: where the last one ends.
    entries = [struct.unpack_from(_ENTRY, data, at + size * i) for i in range(count + 1)]
    found = [(number, data[start:end].decode("utf-8", "replace")) for (number, start), (_, end) in pairwise(entries)]
    at += size * (count + 1)
    same = [struct.unpack_from(_ALIAS, data, at + struct.calcsize(_ALIAS) * i) for i in range(aliases)]
    return dict(found) | {number: found[place][1] for number, place in same}
