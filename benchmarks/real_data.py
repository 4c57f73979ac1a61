#!/usr/bin/env python3
"""Fetch real multilingual HTML from the Debian archive, without root rights and without installing anything.

Two packages' worth of pages end in the cache directory:

    downloads/
      packages.json                 what was fetched: package, version, sha256 of the .deb, licence
      installation-guide/<lang>/    the Debian installation guide, 19 languages of 84 pages
      libreoffice-help/<lang>/      LibreOffice help, 2,561 pages for each language asked for
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import click

#: Where pages are kept unless told otherwise: beside ``recipes/``, which refers to it by relative path.
DOWNLOADS = Path(__file__).resolve().parent.parent / "downloads"
#: LibreOffice help of these languages is what the benchmarks use.
LANGUAGES = ("en-us", "es", "ja", "ru")
RECORD = "packages.json"


class DataError(click.ClickException):
    """The data cannot be had: what failed and what to do next."""


@dataclass(frozen=True)
class Collection:
    """Pages inside packages: the folder ``tree`` of a package, of which the sub-folders in ``keep`` are wanted."""

    tree: str
    keep: str
    licence: str


#: Licences as each package's own copyright file states them.
COLLECTIONS = {
    "installation-guide": Collection("usr/share/doc/installation-guide-amd64", "[a-z][a-z]*", "GPL-2.0-only"),
    "libreoffice-help": Collection("usr/share/libreoffice/help", "[a-z][a-z]*", "MPL-2.0"),
}


@dataclass(frozen=True)
class Package:
    """One fetched package; ``folders`` are the language folders it gave to its collection."""

    name: str
    version: str
    sha256: str
    collection: str
    licence: str
    folders: tuple[str, ...] = ()


class Apt:
    """apt's read-only commands. Where the system has no package lists, fresh ones go to the folder ``private``."""

    def __init__(self, private: Path) -> None:
        for tool in ("apt-get", "apt-cache", "dpkg-deb"):
            if shutil.which(tool) is None:
                raise DataError(
                    f"{tool} is not on this machine: the pages come as Debian packages.\n"
                    "Run this script on Debian or Ubuntu (a container will do) and copy the cache directory here."
                )
        self._private = private
        self._options = [f"-oAPT::Sandbox::User={_user()}"]

    def fields(self, package: str) -> dict[str, str]:
        """``Version`` and ``SHA256`` of what apt would download; refreshes the package lists once if it knows none."""
        found = self._show(package)
        if not found and not self._private.exists():
            self._update(package)
            found = self._show(package)
        if not found:
            raise DataError(
                f"apt knows no package {package}.\nCheck that the archive's 'main' section is among apt's sources and "
                "that the network is up, then run this again; 'apt-cache search libreoffice-help-' lists the languages."
            )
        return found

    def download(self, package: str, version: str, folder: Path) -> Path:
        """The .deb of exactly that version, in ``folder``."""
        self._run(["apt-get", *self._options, "download", f"{package}={version}"], f"cannot download {package}", folder)
        return next(folder.glob(f"{package}_*.deb"))

    def unpack(self, deb: Path, folder: Path) -> None:
        """The files of a package under ``folder``; none of its scripts run."""
        self._run(["dpkg-deb", "--extract", str(deb), str(folder)], f"cannot unpack {deb.name}", folder.parent)

    def _show(self, package: str) -> dict[str, str]:
        command = ["apt-cache", *self._options, "show", "--no-all-versions", package]
        shown = subprocess.run(command, capture_output=True, text=True, check=False)
        return dict(re.findall(r"^(Version|SHA256): (\S+)$", shown.stdout, re.MULTILINE))

    def _update(self, package: str) -> None:
        click.echo(f"apt does not know {package}: fetching package lists (the system's own are left alone)", err=True)
        for folder in ("lists/partial", "cache/archives/partial"):
            (self._private / folder).mkdir(parents=True, exist_ok=True)
        self._options += [f"-oDir::State::Lists={self._private / 'lists'}", f"-oDir::Cache={self._private / 'cache'}"]
        self._run(["apt-get", *self._options, "update", "--quiet"], "cannot refresh apt's package lists", self._private)

    def _run(self, command: list[str], failure: str, folder: Path) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise DataError(f"{failure}: {said[-1] if said else 'no message'}\nCheck the network and apt's sources.")


class Store:
    """The cache directory: its collections, and the record of what they were made from."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        path = root / RECORD
        entries = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        self._packages = {e["name"]: Package(**{**e, "folders": tuple(e["folders"])}) for e in entries}

    def has(self, name: str) -> bool:
        """Whether a package was unpacked and its folders are still there."""
        package = self._packages.get(name)
        return package is not None and all((self.root / package.collection / f).is_dir() for f in package.folders)

    def add(self, name: str, collection: str) -> None:
        """Fetch, verify and unpack one package, unless it is here; a part of it is never left behind."""
        if self.has(name):
            click.echo(f"{name} {self._packages[name].version}: already here", err=True)
            return
        with tempfile.TemporaryDirectory(dir=self.root, prefix=".fetch-") as scratch:
            apt = Apt(Path(scratch) / "apt")
            fields = apt.fields(name)
            deb = apt.download(name, fields["Version"], Path(scratch))
            digest = hashlib.sha256(deb.read_bytes()).hexdigest()
            if digest != fields["SHA256"]:
                raise DataError(f"{name}: the file's SHA-256 is {digest}, the archive's index says {fields['SHA256']}")
            unpacked = Path(scratch) / "files"
            apt.unpack(deb, unpacked)
            folders = self._take(unpacked, collection)
        package = Package(name, fields["Version"], digest, collection, COLLECTIONS[collection].licence, folders)
        self._packages[name] = package
        self._write_record()
        click.echo(f"{name} {package.version}: {', '.join(folders)}", err=True)

    def _take(self, unpacked: Path, collection: str) -> tuple[str, ...]:
        spec, target = COLLECTIONS[collection], self.root / collection
        target.mkdir(exist_ok=True)
        taken = []
        for folder in sorted((unpacked / spec.tree).glob(spec.keep)):
            # A folder of pictures has no pages; a link (Slovak to Czech) would repeat another package's pages.
            if folder.is_symlink() or not folder.is_dir() or not any(folder.rglob("*.html")):
                continue
            shutil.rmtree(target / folder.name, ignore_errors=True)
            folder.rename(target / folder.name)
            taken.append(folder.name)
        if not taken:
            raise DataError(
                f"the package has no pages of its own under {spec.tree}.\n"
                "Some languages are a link to another's pages (Slovak to Czech): ask for that one."
            )
        return tuple(taken)

    def _write_record(self) -> None:
        text = json.dumps([asdict(self._packages[name]) for name in sorted(self._packages)], indent=2)
        temporary = self.root / f"{RECORD}.tmp"
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(self.root / RECORD)


def _user() -> str:
    """apt started by root would download as another user, who may not write here."""
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("collections", nargs=-1, type=click.Choice(list(COLLECTIONS)))
@click.option("--lang", "languages", multiple=True, metavar="CODE", help="LibreOffice help in this language, as Debian "
              f"writes it; repeat for several.  [default: {' '.join(LANGUAGES)}]")  # fmt: skip
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), default=DOWNLOADS,
              help="Cache directory.  [default: downloads/ of the project]")  # fmt: skip
def main(collections: tuple[str, ...], languages: tuple[str, ...], into: Path) -> None:
    """Fetch the real pages the integration test and the benchmarks read (both COLLECTIONS unless named).

    Needs apt-get, apt-cache and dpkg-deb, but no root rights: packages are unpacked, not installed. What is already
    there is kept and needs no network (delete the directory to fetch anew). The guide is 18 MB to download, each help
    language 3 MB.

    \b
    Examples:
      python benchmarks/real_data.py
      python benchmarks/real_data.py installation-guide
      python benchmarks/real_data.py libreoffice-help --lang hi --lang pt-br
    """
    wanted = collections or tuple(COLLECTIONS)
    try:
        store = Store(into.resolve())
        if "installation-guide" in wanted:
            store.add("installation-guide-amd64", "installation-guide")
        if "libreoffice-help" in wanted:
            for language in languages or LANGUAGES:
                store.add(f"libreoffice-help-{language.lower()}", "libreoffice-help")
    except OSError as error:
        raise DataError(f"cannot write the cache directory: {error}") from None
    click.echo(into.resolve())


if __name__ == "__main__":
    sys.exit(main())
