"""A crawl as M4-RAG's scripts do it, written anew from what they do: one request after another, nothing remembered."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from references import direct_children_text

from m4corpus.sources.m4rag import article_id

#: Results of a search that are taken, and hits of the English one whose language links are asked for.
RESULTS, LINKED = 10, 3
PIVOT = "en"


@dataclass
class ReferenceCrawl:
    """Questions asked of the wikis at ``api`` (an address with ``{edition}``), articles written to ``output``.

    A name is searched in English and every hit is fetched. The language links of the first three hits give the titles
    to search in every edition, an edition without one is searched for the name, and again every hit is fetched. A page
    is read with BeautifulSoup. There is no retry, no time-out and no memory of what was fetched; an error of any kind
    leaves an empty result. The connection is kept open where the server allows, and searches look into bodies
    (``srwhat=text``): without that MediaWiki on SQLite finds titles alone.

    ``rate`` is requests a second, 0 for as many as there can be. ``found`` collects pairs of a name and the id of an
    article with a text.
    """

    api: str
    editions: Sequence[str]
    output: Path
    rate: float = 0.0
    found: set[tuple[str, str]] = field(default_factory=set)

    def run(self, names: Sequence[str]) -> None:
        """Ask for every name."""
        self._due = time.monotonic()
        with requests.Session() as self._session, self.output.open("w", encoding="utf-8") as self._articles:
            for self._name in names:
                self._ask(self._name)

    def _ask(self, name: str) -> None:
        hits = self._search(PIVOT, name)
        links = [self._links(hit["title"]) for hit in hits[:LINKED]]
        for edition in self.editions:
            titles = [by_edition[edition] for by_edition in links if edition in by_edition]
            for title in titles or [name]:
                self._search(edition, title)

    def _search(self, edition: str, text: str) -> list[dict[str, Any]]:
        hits: list[dict[str, Any]] = []
        with suppress(Exception):
            found = self._get(
                edition, action="query", list="search", srsearch=text, srlimit=RESULTS, srwhat="text", srnamespace=0
            )
            hits = found["query"]["search"]
        for hit in hits:
            self._article(edition, hit)
        return hits

    def _links(self, title: str) -> dict[str, str]:
        with suppress(Exception):
            found = self._get(PIVOT, action="query", titles=title, prop="langlinks", lllimit=500)
            return {link["lang"]: link["title"] for page in found["query"]["pages"] for link in page["langlinks"]}
        return {}

    def _article(self, edition: str, hit: dict[str, Any]) -> None:
        text = ""
        with suppress(Exception):
            text = direct_children_text(
                self._get(edition, action="parse", page=hit["title"], prop="text")["parse"]["text"]
            )
        id = article_id(str(hit["pageid"]), edition)
        record = {"id": id, "pageid": hit["pageid"], "title": hit["title"], "content": text}
        self._articles.write(json.dumps(record, ensure_ascii=False) + "\n")
        if text:
            self.found.add((self._name, id))

    def _get(self, edition: str, **parameters: str | int) -> Any:
        if self.rate:
            time.sleep(max(0.0, self._due - time.monotonic()))
            self._due = time.monotonic() + 1 / self.rate
        parameters |= {"format": "json", "formatversion": 2}
        return self._session.get(self.api.format(edition=edition), params=parameters).json()
