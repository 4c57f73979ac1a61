"""Parallel text for the student encoder: catalogues of Qt programs, WordPress and Kolibri."""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of the benchmarks are scripts beside each other, not a package."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.syspath_prepend(str(BENCHMARKS / "student"))


def _part(tag: int, content: bytes) -> bytes:
    return struct.pack(">BI", tag, len(content)) + content


def test_qt_catalogues_give_originals_with_their_translations(tmp_path: Path) -> None:
    from aligned import Aligned
    from qt import catalogues

    absent = b"\x03\xff\xff\xff\xff"
    messages = (
        _part(3, "Pâine cu %1".encode("utf-16-be")) + _part(6, b"Bread with %1") + _part(7, b"Kitchen") + b"\x01"
        + absent + _part(6, b"Water") + b"\x01"
        + b"\x05\0\0\0\0" + _part(3, "Sare".encode("utf-16-be")) + _part(6, b"Salt") + b"\x01"
    )  # fmt: skip
    (tmp_path / "game_ro.qm").write_bytes(b"\0" * 16 + _part(0x42, b"\0" * 8) + _part(0x69, messages))
    (tmp_path / "game_pl.qm").write_bytes(b"\0" * 16 + _part(0x69, messages))
    assert list(catalogues(tmp_path, {"ro"}.__contains__)) == [
        Aligned("ro", "Pâine cu", "Bread with"), Aligned("ro", "Sare", "Salt"),
    ]  # fmt: skip


def test_files_of_a_resource_file_are_found_by_path() -> None:
    from qt import resources

    names, places = b"", []
    for name in ("lang", "content-en.json"):
        places.append(len(names))
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    packed = b"\0\0\0\2" + zlib.compress(b"{}")
    content = struct.pack(">I", len(packed)) + packed
    tree = (
        struct.pack(">IHIIQ", 0, 2, 1, 1, 0)
        + struct.pack(">IHIIQ", places[0], 2, 1, 2, 0)
        + struct.pack(">IHHHIQ", places[1], 1, 0, 0, 0, 0)
    )
    header = b"qres" + struct.pack(">4I", 2, 20, 20 + len(tree), 20 + len(tree) + len(content))
    assert resources(header + tree + content + names) == {"lang/content-en.json": b"{}"}


def test_kolibri_aligns_by_key_without_arguments_and_with_the_last_plural(tmp_path: Path) -> None:
    from aligned import Aligned
    from programs import kolibri

    catalogues = {
        "en": {"a": "{n, number} {n, plural, one {lesson} other {lessons}}", "b": "Welcome, {name}"},
        "sw": {"a": "{n, plural, one {Somo} other {Masomo}}", "b": "Karibu, {name}", "c": "Ziada"},
    }
    with zipfile.ZipFile(tmp_path / "kolibri.whl", "w") as archive:
        for tag, content in catalogues.items():
            archive.writestr(f"kolibri/locale/{tag}/LC_MESSAGES/learn.json", json.dumps(content))
    assert list(kolibri(tmp_path, lambda tag: True)) == [
        Aligned("sw", "Masomo", "lessons"), Aligned("sw", "Karibu,", "Welcome,"),
    ]  # fmt: skip
