"""Images and the queries that found them, collected in a database of their own: there may be millions."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from m4corpus.crawl.mediawiki.records import ImageInfo
from m4corpus.crawl.questions.records import Answer
from m4corpus.ledger import DROPPED, KEPT
from m4corpus.storage.digests import canonical_json

_TABLES = """
CREATE TABLE query (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE question (query INTEGER, id TEXT, PRIMARY KEY (query, id)) WITHOUT ROWID;
CREATE TABLE article (query INTEGER, id TEXT, PRIMARY KEY (query, id)) WITHOUT ROWID;
CREATE TABLE image (id TEXT PRIMARY KEY, info TEXT NOT NULL, sha1 TEXT NOT NULL, address TEXT NOT NULL,
                    content TEXT, same_as TEXT) WITHOUT ROWID;
CREATE TABLE found (image TEXT, query INTEGER, place INTEGER NOT NULL, PRIMARY KEY (image, query)) WITHOUT ROWID;
CREATE TABLE verdict (id TEXT PRIMARY KEY, outcome TEXT, slug TEXT, detail TEXT, outputs INTEGER) WITHOUT ROWID;
"""

#: Id of the article that a search's hit (edition, page id) leads to, empty where it leads nowhere.
ArticleOf = Callable[[str, int], str]


def image_id(url: str) -> str:
    """M4-RAG's id of an image."""
    return hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()


class ImageTable:
    """What :func:`m4corpus.crawl.images.find_images` knows so far. Nothing in it depends on the order it came in."""

    def __init__(self, article_of: ArticleOf) -> None:
        self._article_of = article_of
        # A database without a name lies in a temporary file that goes when it is closed.
        self._database = sqlite3.connect("")
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.executescript(_TABLES)

    def close(self) -> None:
        """Remove the database."""
        self._database.close()

    def add_answer(self, answer: Answer) -> None:
        """The queries of a question, with the articles each of them found."""
        run = self._database.execute
        for query, pages in zip(answer.queries, answer.found, strict=True):
            run("INSERT OR IGNORE INTO query (text) VALUES (?)", (query.text,))
            [(number,)] = run("SELECT number FROM query WHERE text = ?", (query.text,))
            run("INSERT OR IGNORE INTO question VALUES (?, ?)", (number, answer.question_id))
            for page in pages:
                if id := self._article_of(query.edition, page):
                    run("INSERT OR IGNORE INTO article VALUES (?, ?)", (number, id))

    def queries(self) -> list[str]:
        """The distinct texts, sorted."""
        return [text for (text,) in self._database.execute("SELECT text FROM query ORDER BY text")]

    def add_images(self, text: str, images: Iterable[ImageInfo]) -> None:
        """What the search for ``text`` found, best first."""
        run = self._database.execute
        [(number,)] = run("SELECT number FROM query WHERE text = ?", (text,))
        for place, image in enumerate(images):
            known = image.as_dict()
            address = known.pop("thumb_url") or image.url
            # A file may be changed between two searches: which answer came first must not matter.
            run(
                "INSERT INTO image (id, info, sha1, address) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                " info = excluded.info, sha1 = excluded.sha1, address = excluded.address"
                " WHERE excluded.info < info OR (excluded.info = info AND excluded.address < address)",
                (image_id(image.url), canonical_json(known).decode(), image.sha1, address),
            )
            run("INSERT OR IGNORE INTO found VALUES (?, ?, ?)", (image_id(image.url), number, place))

    def mark_same_files(self) -> None:
        """Of files with one SHA-1, the one with the smallest id stays and is named by the others."""
        self._database.execute(
            "UPDATE image SET same_as = (SELECT min(id) FROM image AS first WHERE first.sha1 = image.sha1)"
            " WHERE sha1 <> '' AND sha1 IN (SELECT sha1 FROM image GROUP BY sha1 HAVING count(*) > 1)"
        )
        self._database.execute("UPDATE image SET same_as = NULL WHERE same_as = id")

    def originals(self) -> list[str]:
        """Ids of the images that are not the same file as another, sorted."""
        return [id for (id,) in self._database.execute("SELECT id FROM image WHERE same_as IS NULL ORDER BY id")]

    def source(self, id: str) -> tuple[str, int]:
        """Address an image is fetched from, and bytes of the file it shows."""
        query = "SELECT address, info FROM image WHERE id = ?"
        [(address, info)] = self._database.execute(query, (id,))
        return address, json.loads(info)["size"]

    def add_content(self, id: str, content: dict[str, Any]) -> None:
        """What was fetched of an image; ``content_sha256`` that an image with a smaller id has makes it the same."""
        run = self._database.execute
        run("UPDATE image SET content = ? WHERE id = ?", (canonical_json(content).decode(), id))

    def mark_same_contents(self) -> None:
        """Likewise for what was fetched: images named by one that goes are the same as the one that stays."""
        first: dict[str, str] = {}
        query = "SELECT id, content FROM image WHERE content IS NOT NULL AND same_as IS NULL ORDER BY id"
        for id, content in self._database.execute(query).fetchall():
            kept = first.setdefault(json.loads(content)["content_sha256"], id)
            if kept != id:
                self._database.execute("UPDATE image SET same_as = ? WHERE id = ? OR same_as = ?", (kept, id, id))

    def add_verdict(self, id: str, outcome: str, slug: str = "", detail: str = "", outputs: int = 0) -> None:
        """What became of a search, an image or a download."""
        self._database.execute("INSERT INTO verdict VALUES (?, ?, ?, ?, ?)", (id, outcome, slug, detail, outputs))

    def conclude(self) -> None:
        """The verdict on every image: kept, or the same as another."""
        self._database.execute(
            "INSERT INTO verdict SELECT 'image:' || id, iif(same_as IS NULL, ?, ?),"
            " iif(same_as IS NULL, '', 'duplicate-content'), coalesce(same_as, ''), same_as IS NULL FROM image",
            (KEPT, DROPPED),
        )

    def verdicts(self) -> Iterator[tuple[str, str, str, str, int]]:
        """All verdicts, sorted by id."""
        yield from self._database.execute("SELECT id, outcome, slug, detail, outputs FROM verdict ORDER BY id")

    def records(self) -> Iterator[dict[str, Any]]:
        """The image records, sorted by id."""
        for id, info, content, same_as in self._database.execute(
            "SELECT id, info, content, same_as FROM image ORDER BY id"
        ):
            record = {
                "image_id": id,
                "image_info": json.loads(info),
                "questions": self._linked("question", id),
                "articles": self._linked("article", id),
                "queries": self._places(id),
            }
            yield record | (json.loads(content) if content else {}) | ({"same_as": same_as} if same_as else {})

    def _linked(self, table: str, image: str) -> list[str]:
        return [
            id
            for (id,) in self._database.execute(
                f"SELECT DISTINCT {table}.id FROM found JOIN {table} USING (query) WHERE image = ? ORDER BY 1", (image,)
            )
        ]

    def _places(self, image: str) -> list[list[Any]]:
        query = "SELECT text, place FROM found JOIN query ON number = found.query WHERE image = ? ORDER BY text"
        return [[text, place] for text, place in self._database.execute(query, (image,))]
