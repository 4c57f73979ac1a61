"""A small snapshot of real pages, built once: with a page that is dropped, one that fails, and one that has a twin."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import m4corpus
from m4corpus.snapshot import Snapshot, open_snapshot

PAGES = Path(__file__).parents[2] / "data" / "quickstart" / "html"
LANGUAGES = ("en", "ja", "sw")
RECIPE = """
name: tiny
partitions: 2
read:
  sources: [{name: pages, format: jsonl, path: pages.jsonl, fields: {media_type: text/html}}]
chunk: {size: 96, overlap: 16}
index: {shard_rows: 20}
"""


@dataclass(frozen=True)
class Small:
    """A project and its work directory, finished. Tests change copies only."""

    root: Path

    @property
    def recipe(self) -> Path:
        return self.root / "recipe.yaml"

    @property
    def pages(self) -> Path:
        return self.root / "pages.jsonl"

    @property
    def workdir(self) -> Path:
        return self.root / "work"

    def clone(self, target: Path) -> Small:
        """A copy whose artifacts are links to the same bytes; what is not immutable is copied."""

        def place(source: str, destination: str) -> str:
            immutable = Path(source).suffix in (".parquet", ".faiss")
            return str(os.link(source, destination) if immutable else shutil.copy2(source, destination))

        shutil.copytree(self.root, target, copy_function=place)
        return Small(target)

    def open(self, name: str = "tiny") -> Snapshot:
        return open_snapshot(name, self.workdir)

    def run(self) -> Path:
        directory = m4corpus.run(self.recipe, self.workdir).snapshot
        assert directory is not None
        return directory

    def edit(self, rows: list[dict[str, Any]]) -> None:
        self.pages.unlink(missing_ok=True)
        self.pages.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.pages.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    made = Small(tmp_path_factory.mktemp("small"))
    made.recipe.write_text(RECIPE, encoding="utf-8")
    files = [path for code in LANGUAGES for path in sorted((PAGES / code).glob("*.html"))[:6]]
    rows: list[dict[str, Any]] = [
        {
            "id": f"{path.parent.name}/{path.stem}",
            "text": path.read_text(encoding="utf-8"),
            "revision": str(100 + number),
        }
        for number, path in enumerate(files)
    ]
    rows.append({**rows[0], "id": "twin"})
    rows.append({**rows[1], "id": "short", "text": "<p lang=en>Too short."})
    rows.append({**rows[1], "id": "broken", "text": 7})
    made.edit(rows)
    made.run()
    return made
