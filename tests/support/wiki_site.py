"""Makes the wikis of :mod:`wiki_content` once, and keeps them below ``downloads/mediawiki`` for later sessions."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import mediawiki_setup
import tiny_images
import wiki_content
from filelock import FileLock
from mediawiki_setup import MediaWiki

COMMONS = "commons"
#: MediaWiki's name of a language where it is not the edition's code.
_LANGUAGES = {"zh-yue": "yue", COMMONS: "en"}
#: Editions that pages link to and nobody serves.
_ELSEWHERE = (
    "ar am az bg bn br cs es ga hi ig it jv ko min mn mr ms no om pt ro ru rw sc si su sw ta te th tl tr ur yo zh "
    "zh-min-nan"
)
#: Jobs in every queue that never run; they count as lag when a test asks for it.
BACKLOG = 60
_LIMIT = 300  # seconds a maintenance script may take
_KEPT = 86400  # seconds a site of other content is kept: another session may be using it
_EMPTIED = ("page", "revision", "slots", "content", "text", "recentchanges", "searchindex", "ip_changes", "job",
            "comment", "revision_comment_temp", "logging", "log_search", "site_stats")  # fmt: skip


@dataclass(frozen=True)
class Site:
    """Wikis on disk: databases and images in ``folder``, the texts of MediaWiki's own interface in ``cache``."""

    mediawiki: MediaWiki
    folder: Path
    cache: Path

    def environment(self, wiki: str = "", base: str = "", **more: str) -> dict[str, str]:
        """For PHP: which site, and which wiki of it."""
        return {
            **os.environ,
            "MW_CONFIG_FILE": str(wiki_content.FOLDER / "LocalSettings.php"),
            "MW_INSTALL_PATH": str(self.mediawiki.core),
            "M4_WIKIS_SITE": str(self.folder),
            "M4_WIKIS_CACHE": str(self.cache),
            "M4_WIKIS_BASE": base,
            "M4_WIKI": wiki,
            **more,
        }

    def maintain(self, wiki: str, script: str | Path, *arguments: str | Path, **options: str) -> str:
        """What a maintenance script says; ``options`` are those of :meth:`environment`, and ``stdin``."""
        stdin = options.pop("stdin", "")
        path = script if isinstance(script, Path) else self.mediawiki.core / "maintenance" / f"{script}.php"
        return php([str(path), *map(str, arguments)], self.mediawiki.core, self.environment(wiki, **options), stdin)


def php(arguments: list[str], folder: Path, environment: dict[str, str], stdin: str = "") -> str:
    """Standard output of a PHP script; RuntimeError with what it said where it fails."""
    done = subprocess.run(
        ["php", "-d", "memory_limit=1G", "-d", "display_errors=stderr", "-d", "error_reporting=8181", *arguments],
        cwd=folder, env=environment, input=stdin, capture_output=True, text=True, timeout=_LIMIT, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"{Path(arguments[0]).name} failed\n{done.stdout[-1000:]}\n{done.stderr[:2000]}")
    return done.stdout


def prepared(version: str) -> Site:
    """The site of a release of MediaWiki, made unless it is there already. Raises ``mediawiki_setup.Unavailable``."""
    mediawiki = mediawiki_setup.obtain(version)
    pages = wiki_content.family()
    digest = hashlib.blake2b(mediawiki.package.encode(), digest_size=8)
    for text in [*map(wiki_content.as_json, pages.values()), *_sources()]:
        digest.update(text.encode())
    target = mediawiki_setup.CACHE / f"site-{version}-{digest.hexdigest()}"
    with FileLock(mediawiki_setup.CACHE / f"site-{version}.lock"):
        if not target.is_dir():
            for old in mediawiki_setup.CACHE.glob(f"site-{version}-*"):
                if old.suffix == ".part" or time.time() - old.stat().st_mtime > _KEPT:
                    shutil.rmtree(old)
            part = mediawiki_setup.CACHE / f"site-{version}-{digest.hexdigest()}.part"
            part.mkdir()
            _make(Site(mediawiki, part, part / "cache"), pages)
            part.rename(target)
    return Site(mediawiki, target, target / "cache")


def _sources() -> Iterable[str]:
    files = [*sorted(wiki_content.FOLDER.glob("*.php")), Path(__file__), Path(tiny_images.__file__)]
    return [file.read_text(encoding="utf-8") for file in files]


def _make(site: Site, pages: dict[str, list[wiki_content.Article]]) -> None:
    wikis = [*pages, COMMONS]
    (site.folder / "data").mkdir()
    site.cache.mkdir()
    _describe(site, wikis)
    _install(site, wikis)
    languages = sorted({_LANGUAGES.get(wiki, wiki) for wiki in wikis})
    site.maintain(
        "en", "rebuildLocalisationCache", f"--lang={','.join(languages)}", "--threads=2", "--skip-message-purge"
    )

    def fill(wiki: str) -> None:
        _upload(site, wiki)
        listing = site.folder / f"{wiki}.json"
        listing.write_text(wiki_content.as_json(pages.get(wiki, [])), encoding="utf-8")
        site.maintain(wiki, wiki_content.FOLDER / "populate.php", listing, f"--backlog={BACKLOG}")
        site.maintain(wiki, "runJobs")
        site.maintain(wiki, "initSiteStats", "--update")
        listing.unlink()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(fill, wikis))


def _describe(site: Site, wikis: list[str]) -> None:
    labels = wiki_content.labels()
    prefixes = {name: name for name in [*wikis, *_ELSEWHERE.split()]} | {"yue": "zh-yue"}
    family = {
        "names": {wiki: labels[wiki]["site"] if wiki in labels else "Shared Files" for wiki in wikis},
        "languages": {wiki: _LANGUAGES.get(wiki, wiki) for wiki in wikis},
        "databases": {wiki: database(wiki) for wiki in wikis},
        "prefixes": prefixes,
        "backlog": BACKLOG,
    }
    (site.folder / "family.json").write_text(json.dumps(family, ensure_ascii=False), encoding="utf-8")


def database(wiki: str) -> str:
    """Name of a wiki's database, after Wikimedia's way: ``zh_yuewiki``."""
    return wiki.replace("-", "_") + "wiki"


def _install(site: Site, wikis: list[str]) -> None:
    """Installs one wiki, takes its pages out, and copies its database for all."""
    folder = site.folder / "install"
    folder.mkdir()
    arguments = ["--dbtype=sqlite", f"--dbpath={folder}", "--dbname=wiki", f"--confpath={folder}", "--lang=en",
                 "--server=http://127.0.0.1", "--scriptpath=/w", "--pass=loopback-only-1",
                 "Wiki", "Keeper"]  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if key != "MW_CONFIG_FILE"}
    php([str(site.mediawiki.core / "maintenance" / "install.php"), *arguments], site.mediawiki.core, environment)
    with sqlite3.connect(folder / "wiki.sqlite") as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in _EMPTIED:
            if table in tables:
                connection.execute(f"DELETE FROM {table}")
        connection.execute("DELETE FROM sqlite_sequence WHERE name != 'user' AND name != 'actor'")
        connection.execute("INSERT INTO site_stats (ss_row_id) VALUES (1)")
    connection.close()
    for wiki in wikis:
        shutil.copy(folder / "wiki.sqlite", site.folder / "data" / f"{database(wiki)}.sqlite")
    shutil.rmtree(folder)


def _upload(site: Site, wiki: str) -> None:
    """Uploads pictures; on Commons many, with authors and licences."""
    folder = site.folder / f"{wiki}-uploads"
    folder.mkdir()
    for name, data in (_commons() if wiki == COMMONS else _pictures()).items():
        (folder / name).write_bytes(data)
        number = len(name)
        licence = ("CC BY-SA 4.0", "CC0", "Public domain")[number % 3]
        facts = f"|Artist=Cook {number}\n|LicenseShortName={licence}"
        text = f"A picture of {Path(name).stem}, a dish.\n{{{{#if:\n{facts}\n}}}}"
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    site.maintain(wiki, "importImages", folder, "--comment-ext=txt", "--timestamp=20250101000000", "--user=Keeper")
    shutil.rmtree(folder)


def _pictures() -> dict[str, bytes]:
    return {"Bowl.png": tiny_images.png(120, 80, (180, 90, 30)), "Spoon.jpg": tiny_images.jpeg(64, 48, 40)}


def _commons() -> dict[str, bytes]:
    pictures = _pictures()
    for number, dish in enumerate(("Rawon", "Ful medames", "Okonomiyaki", "Koshary", "Har gow", "Gudeg")):
        pictures[f"{dish} in a bowl.jpg"] = tiny_images.jpeg(64 + 8 * number, 48, 10 * number)
        pictures[f"{dish} on a table.png"] = tiny_images.png(100 + number, 60, (10 * number, 90, 30))
        pictures[f"{dish} moving.gif"] = tiny_images.gif(10 + number, 10)
    pictures["Rawon, the same again.jpg"] = pictures["Rawon in a bowl.jpg"]
    return pictures
