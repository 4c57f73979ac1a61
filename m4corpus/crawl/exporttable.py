"""Which plan reached which article and image: more than memory should hold, so a database beside the export."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from m4corpus.storage.digests import canonical_json

_TABLES = """
CREATE TABLE reached (article TEXT, plan TEXT, PRIMARY KEY (article, plan)) WITHOUT ROWID;
CREATE TABLE image (id TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE found (text TEXT, place INTEGER, image TEXT, PRIMARY KEY (text, place, image)) WITHOUT ROWID;
CREATE TABLE shown (image TEXT, plan TEXT, PRIMARY KEY (image, plan)) WITHOUT ROWID;
"""


class ExportTable:
    """Links of one export; a context manager."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        for pragma in ("journal_mode=OFF", "synchronous=OFF"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.executescript(_TABLES)
        #: Whether the crawl found images at all.
        self.has_images = False

    def __enter__(self) -> ExportTable:
        return self

    def __exit__(self, *error: object) -> None:
        self._database.close()

    def add_image(self, image: dict[str, Any]) -> None:
        """An image record; one that is the same as another counts as found where that one is."""
        self.has_images = True
        kept = image.get("same_as", image["image_id"])
        if kept == image["image_id"]:
            shown = {"image_id": kept, "image_info": image["image_info"]}
            self._database.execute("INSERT INTO image VALUES (?, ?)", (kept, canonical_json(shown).decode()))
        rows = [(text, place, kept) for text, place in image["queries"]]
        self._database.executemany("INSERT OR IGNORE INTO found VALUES (?, ?, ?)", rows)

    def found(self, plan: str, texts: Iterable[str]) -> list[str]:
        """Ids of the images found for the texts, in their order, best first, each once; ``plan`` now shows them."""
        query = "SELECT image FROM found WHERE text = ? ORDER BY place, image"
        ids = list(dict.fromkeys(id for text in texts for (id,) in self._database.execute(query, (text,))))
        self._database.executemany("INSERT OR IGNORE INTO shown VALUES (?, ?)", [(id, plan) for id in ids])
        return ids

    def images(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Plan and record of every image a plan shows, sorted by id."""
        query = "SELECT plan, record FROM shown JOIN image ON image.id = shown.image ORDER BY image.id, plan"
        for plan, record in self._database.execute(query):
            yield plan, json.loads(record)

    def add_reached(self, plan: str, articles: Iterable[str]) -> None:
        """Articles that belong to a plan."""
        rows = [(article, plan) for article in articles]
        self._database.executemany("INSERT OR IGNORE INTO reached VALUES (?, ?)", rows)

    def take(self, article: str) -> list[str]:
        """The plans that reached an article, which is no longer :meth:`left` then."""
        query = "DELETE FROM reached WHERE article = ? RETURNING plan"
        return sorted(plan for (plan,) in self._database.execute(query, (article,)))

    def left(self) -> Iterator[tuple[str, str]]:
        """Plan and id of the articles nobody has taken, sorted by id."""
        yield from self._database.execute("SELECT plan, article FROM reached ORDER BY article, plan")
