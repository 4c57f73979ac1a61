"""A small snapshot of real pages, built once: with a page that is dropped, one that fails, and one that has a twin."""

from __future__ import annotations

from typing import Any

import pytest
from projects import PAGES, LinesProject

LANGUAGES = ("en", "ja", "sw")
RECIPE = """
name: tiny
partitions: 2
read:
  sources: [{name: pages, format: jsonl, path: pages.jsonl, fields: {media_type: text/html}}]
chunk: {size: 96, overlap: 16}
index: {shard_rows: 20}
"""


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> LinesProject:
    made = LinesProject(tmp_path_factory.mktemp("small"))
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
