"""Fetches MediaWiki for the tests: Debian's packages, unpacked below ``downloads/mediawiki``; nothing is installed.

    python tests/support/mediawiki_setup.py

installs PHP too where it is missing and apt-get may be run. It never fails: what cannot be had is said in a line, and
the tests that need it are skipped with the same line.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

CACHE = Path(__file__).parents[2] / "downloads" / "mediawiki"
#: Releases of MediaWiki by the release of Debian that has them.
SUITES = {"1.39": "bookworm", "1.43": "trixie"}

_PHP_PACKAGES = ("php-cli", "php-sqlite3", "php-mbstring", "php-intl", "php-xml")
_PHP_EXTENSIONS = {"pdo_sqlite", "mbstring", "intl", "dom", "xml", "fileinfo", "posix"}
_PACKAGES = ("mediawiki", "mediawiki-classes")
_SOURCES = Path("/etc/apt")
_RELEASES = ("bullseye", "bookworm", "trixie", "forky", "stable")
_LIMIT = 120  # seconds a command may take: pytest gives a test 300
_PATIENCE = (
    *("-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=10", "-o", "Acquire::https::Timeout=10"),
    *("-o", "DPkg::Lock::Timeout=60"),
)


class Unavailable(Exception):
    """Something cannot be had here; the message is the line that says what and why."""


@dataclass(frozen=True)
class MediaWiki:
    """An unpacked MediaWiki: ``core`` holds its ``api.php``; ``package`` is the version of the Debian package."""

    core: Path
    package: str


def obtain(version: str) -> MediaWiki:
    """MediaWiki of a release in ``SUITES``, fetched unless it is there already. Raises :class:`Unavailable`."""
    _check_php()
    CACHE.mkdir(parents=True, exist_ok=True)
    with FileLock(CACHE / f"{version}.lock"):
        target = CACHE / version
        if not (target / "package").is_file():
            _fetch(version, target)
        return MediaWiki(target / "core", (target / "package").read_text(encoding="utf-8").strip())


def install_php() -> None:
    """Installs PHP where it is missing. Raises :class:`Unavailable`."""
    try:
        _check_php()
        return
    except Unavailable:
        prefix = _as_root()
    install = [*prefix, "apt-get", *_PATIENCE, "install", "-y", "--no-install-recommends", *_PHP_PACKAGES]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        _run(install, env=environment)
    except Unavailable:  # package lists that are missing or out of date
        _run([*prefix, "apt-get", *_PATIENCE, "update"], env=environment)
        _run(install, env=environment)
    _check_php()


def _check_php() -> None:
    if not shutil.which("php"):
        raise Unavailable("PHP is not installed (Debian: " + " ".join(_PHP_PACKAGES) + ")")
    loaded = subprocess.run(["php", "-m"], capture_output=True, text=True, check=False).stdout.lower().split()
    if missing := sorted(_PHP_EXTENSIONS - set(loaded)):
        raise Unavailable(f"PHP lacks {', '.join(missing)} (Debian: " + " ".join(_PHP_PACKAGES) + ")")


def _as_root() -> list[str]:
    if not shutil.which("apt-get"):
        raise Unavailable("PHP is not installed, and there is no apt-get to install it with")
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    raise Unavailable("PHP is not installed, and only root could (Debian: " + " ".join(_PHP_PACKAGES) + ")")


def _fetch(version: str, target: Path) -> None:
    for tool in ("apt-get", "dpkg"):
        if not shutil.which(tool):
            raise Unavailable(f"MediaWiki {version} is fetched with {tool}, which is not installed")
    work = CACHE / f"{version}.part"
    shutil.rmtree(work, ignore_errors=True)
    for folder in ("lists/partial", "cache/archives/partial", "debs", "unpacked"):
        (work / folder).mkdir(parents=True)
    (work / "debian.sources").write_text(_sources(SUITES[version]), encoding="utf-8")
    options = [
        *_PATIENCE,
        *("-o", f"Dir::Etc::sourcelist={work}/debian.sources", "-o", "Dir::Etc::sourceparts=/dev/null"),
        *("-o", f"Dir::State::lists={work}/lists", "-o", f"Dir::Cache={work}/cache"),
        *("-o", "Acquire::Languages=none", "-o", "APT::Update::Error-Mode=any"),
    ]
    if os.geteuid() == 0:  # apt's own user may not write here
        options += ["-o", "APT::Sandbox::User=root"]
    _run(["apt-get", *options, "update"], cwd=work)
    _run(["apt-get", *options, "download", *_PACKAGES], cwd=work / "debs")
    debs = sorted((work / "debs").glob("*.deb"))
    for deb in debs:
        _run(["dpkg", "-x", str(deb), str(work / "unpacked")])
    core = work / "unpacked" / "usr" / "share" / "mediawiki"
    # Links to where the package would be installed.
    for link in [path for path in core.iterdir() if path.is_symlink()]:
        link.unlink()
    (core / "extensions").symlink_to("extensions-core")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    core.rename(target / "core")
    names = [deb.name.replace("%3a", ":") for deb in debs if deb.name.startswith("mediawiki_")]
    (target / "package").write_text(names[0].split("_")[1] + "\n", encoding="utf-8")
    shutil.rmtree(work)


def _sources(suite: str) -> str:
    """apt's configured sources of Debian, for another release of it."""
    files = [_SOURCES / "sources.list", *sorted((_SOURCES / "sources.list.d").glob("*"))]
    for file in files:
        if file.suffix == ".sources":
            found = _stanzas(file, suite)
        elif file.suffix == ".list":
            found = _lines(file, suite)
        else:
            continue
        if found:
            return found
    raise Unavailable("MediaWiki is fetched from Debian's archive, and apt has no source for one here")


def _stanzas(file: Path, suite: str) -> str:
    stanzas = re.split(r"\n\s*\n", file.read_text(encoding="utf-8"))
    name = re.compile("|".join(_RELEASES))
    found = [
        "\n".join(name.sub(suite, line) if line.startswith("Suites:") else line for line in stanza.splitlines())
        for stanza in stanzas
        if re.search(rf"^Suites:.*({'|'.join(_RELEASES)})", stanza, re.MULTILINE)
        and re.search(r"^URIs:.*/debian", stanza, re.MULTILINE)
    ]
    return "\n\n".join(found) + "\n" if found else ""


def _lines(file: Path, suite: str) -> str:
    """One-line sources, written as the stanzas that a file named .sources must hold."""
    if not file.is_file():
        return ""
    stanzas = []
    for line in file.read_text(encoding="utf-8").splitlines():
        parts = re.match(rf"deb\s+(?:\[([^\]]*)\]\s+)?(\S+/debian\S*)\s+((?:{'|'.join(_RELEASES)})\S*)\s", line)
        if parts:
            signed = re.search(r"signed-by=(\S+)", parts[1] or "")
            stanza = ["Types: deb", f"URIs: {parts[2]}", f"Suites: {re.sub('|'.join(_RELEASES), suite, parts[3])}"]
            stanza += ["Components: main", *([f"Signed-By: {signed[1]}"] if signed else [])]
            stanzas.append("\n".join(stanza))
    return "\n\n".join(stanzas) + "\n" if stanzas else ""


def _run(command: list[str], cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{' '.join(command[:2])} took longer than {_LIMIT} s") from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        raise Unavailable(f"{command[0]} failed: {said}")


def main() -> None:
    try:
        install_php()
    except Unavailable as reason:
        print(f"Tests with real wikis are skipped: {reason}")
        return
    for version in SUITES:
        try:
            print(f"MediaWiki {obtain(version).package} is there")
        except Unavailable as reason:
            print(f"Tests with MediaWiki {version} are skipped: {reason}")


if __name__ == "__main__":
    main()
