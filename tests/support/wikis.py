"""Real MediaWiki wikis in several languages on a port of this machine.

In tests: the fixtures ``wikis`` and ``newer_wikis``. For programs, until they are interrupted:

    python tests/support/wikis.py
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import wiki_content
import wiki_site
from mediawiki_setup import Unavailable
from wiki_server import served
from wiki_site import Site

from m4corpus.crawl.config import PolitenessConfig, WikiConfig


@dataclass(frozen=True)
class Hit:
    """A request as it was answered; ``target`` is its path and query, ``status`` 0 while it is under way."""

    method: str
    target: str
    status: int
    agent: str


@dataclass(frozen=True)
class Wikis:
    """Wikis that answer at ``base`` + ``/<edition>/api.php``, ``/rest.php/v1``, ``/index.php`` and ``/wiki/<title>``.

    ``commons`` is the API of a wiki that has images alone. What a test changes, it takes back with :meth:`reset`.
    """

    site: Site
    original: Site
    base: str

    editions = wiki_content.EDITIONS

    @property
    def allow_private(self) -> list[str]:
        return ["127.0.0.1/32"]

    @property
    def commons(self) -> str:
        return f"{self.base}/{wiki_site.COMMONS}/api.php"

    def wiki_config(self, **overrides: Any) -> WikiConfig:
        """Addresses of these wikis; bodies are searched, which SQLite's search does only when asked."""
        options = {
            "api": self.base + "/{edition}/api.php",
            "rest": self.base + "/{edition}/rest.php",
            "page": self.base + "/{edition}/wiki/{title}",
            "what": "text",
        }
        return WikiConfig(**(options | overrides))

    def politeness(self, **overrides: Any) -> PolitenessConfig:
        """As fast as it may be; nobody else uses these wikis."""
        options = {
            "concurrency": 8,
            "per_second": 1000,
            "total_per_second": 1000,
            "backoff": 0.05,
            "max_wait": 0.2,
            "attempts": 4,
        }
        return PolitenessConfig(**(options | overrides))

    def api(self, edition: str, **parameters: Any) -> Any:
        """What the action API answers, as tests expect it: the truth to compare with."""
        query = {"action": "query", "format": "json", "formatversion": 2} | parameters
        address = f"{self.base}/{edition}/api.php?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(address, timeout=60) as answer:
            return json.load(answer)

    def hits(self) -> list[Hit]:
        """Requests answered since the start or :meth:`forget_hits`, in the order they came."""
        for _ in range(200):
            hits = self._noted()
            if all(hit.status for hit in hits):
                break
            time.sleep(0.01)  # the last bytes of an answer arrive before its status is noted
        return hits

    def _noted(self) -> list[Hit]:
        file = self.site.folder / "hits.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        requests: dict[str, dict[str, Any]] = {}
        for line in lines:
            note = json.loads(line)
            requests.setdefault(note.pop("number"), {"status": 0}).update(note)
        return [Hit(**request) for request in requests.values() if "target" in request]

    def forget_hits(self) -> None:
        (self.site.folder / "hits.jsonl").unlink(missing_ok=True)

    def edit(self, edition: str, title: str, text: str) -> None:
        """Saves a new revision, of a new page too."""
        self._maintain(edition, "edit", "--user=Cook", "--summary=Another spoon", title, stdin=text)

    def delete(self, edition: str, title: str) -> None:
        """Deletes a page with all its revisions."""
        self._maintain(edition, "deleteBatch", "-u", "Cook", "-r", "Nobody eats it", stdin=title)

    def dump(self, edition: str, target: Path, *, schema: str = "0.11", full: bool = False, server: str = "") -> Path:
        """Writes an XML dump of all pages to ``target``, of their latest revisions or with ``full`` of all.

        ``server`` (``https://fr.wikipedia.org``) is the address the dump gives the wiki; else its own.
        """
        revisions = "--full" if full else "--current"
        options = {"M4_WIKIS_AS": server} if server else {}
        self._maintain(
            edition,
            "dumpBackup",
            revisions,
            f"--schema-version={schema}",
            f"--output=file:{target}",
            "--quiet",
            **options,
        )
        return target

    @contextmanager
    def lagging(self, seconds: float) -> Iterator[None]:
        """Requests with a smaller ``maxlag`` are turned away meanwhile, by MediaWiki itself."""
        file = self.site.folder / "lag"
        file.write_text(str(seconds), encoding="utf-8")
        try:
            yield
        finally:
            file.unlink()

    @contextmanager
    def refusing(self, count: int, status: int = 503, retry_after: str | int | None = 1) -> Iterator[None]:
        """The next requests, so many of them, are answered with an error, as by an overloaded proxy."""
        file = self.site.folder / "refusals"
        file.write_text(json.dumps({"count": count, "status": status, "retry_after": retry_after}), encoding="utf-8")
        try:
            yield
        finally:
            file.unlink()

    def reset(self) -> None:
        """Takes back all edits since the wikis started, in databases no request is reading."""
        _copy_data(self.original, self.site)

    def _maintain(self, wiki: str, script: str, *arguments: str | Path, **options: str) -> str:
        return self.site.maintain(wiki, script, *arguments, base=self.base, M4_WIKIS_READY="1", **options)


@contextmanager
def running(version: str = "1.39") -> Iterator[Wikis]:
    """Wikis of their own, gone afterwards. Raises ``mediawiki_setup.Unavailable``."""
    original = wiki_site.prepared(version)
    with tempfile.TemporaryDirectory(prefix="m4corpus-wikis-") as folder:
        site = replace(original, folder=Path(folder))
        shutil.copy(original.folder / "family.json", site.folder)
        shutil.copytree(original.folder / "images", site.folder / "images")
        _copy_data(original, site)
        with served(site) as base:
            yield Wikis(site, original, base)


def _copy_data(original: Site, site: Site) -> None:
    shutil.rmtree(site.folder / "data", ignore_errors=True)
    shutil.copytree(original.folder / "data", site.folder / "data")


def _fixture(version: str) -> Iterator[Wikis]:
    with ExitStack() as stack:
        try:
            started = stack.enter_context(running(version))
        except Unavailable as reason:
            pytest.skip(f"no MediaWiki {version}: {reason}")
        yield started


@pytest.fixture(scope="session")
def wikis() -> Iterator[Wikis]:
    """Wikis on MediaWiki 1.39."""
    yield from _fixture("1.39")


@pytest.fixture(scope="session")
def newer_wikis() -> Iterator[Wikis]:
    """The same pages on MediaWiki 1.43."""
    yield from _fixture("1.43")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), running(*sys.argv[1:2]) as here:
        print(here.base, flush=True)
        signal.pause()
