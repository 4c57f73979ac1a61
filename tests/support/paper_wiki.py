"""Wikis on paper: a few articles an edition, searched by the words they share with the query."""

from __future__ import annotations

from dataclasses import dataclass, field

from m4corpus.crawl.mediawiki.records import Hit, Pin
from m4corpus.crawl.messages import Failed
from m4corpus.ledger import Drop, Verdict


@dataclass
class PaperWiki:
    """``editions`` holds the titles of each edition, page ids count from 1; ``links`` the titles in other editions by
    English title. A search for a text in ``broken`` fails, as do all language links with ``no_links``."""

    editions: dict[str, list[str]]
    links: dict[str, dict[str, str]] = field(default_factory=dict)
    broken: frozenset[str] = frozenset()
    no_links: bool = False
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def search(self, edition: str, text: str, limit: int) -> list[Hit]:
        self.asked.append(("search", edition, text))
        if text in self.broken:
            raise Failed("http-status", "status=500", transient=True)
        words = set(text.lower().split())
        shared = [
            (-len(words & set(title.lower().split())), number, title)
            for number, title in enumerate(self.editions.get(edition, []), 1)
        ]
        return [Hit(number, title) for score, number, title in sorted(shared) if score][:limit]

    async def langlinks(self, edition: str, pageids: list[int]) -> dict[int, dict[str, str]]:
        self.asked.append(("langlinks", edition, *map(str, pageids)))
        if self.no_links:
            raise Failed("api-internal", "broken")
        titles = {number: self.editions[edition][number - 1] for number in pageids}
        return {number: self.links[title] for number, title in titles.items() if title in self.links}

    async def pin_titles(self, edition: str, titles: list[str]) -> dict[str, Pin | Verdict]:
        self.asked.append(("titles", edition, *titles))
        known = self.editions.get(edition, [])
        return {
            title: Pin(edition, known.index(title) + 1, title, 7, "2025-04-30T00:00:00Z")
            if title in known
            else Drop("missing-page", title)
            for title in titles
        }
