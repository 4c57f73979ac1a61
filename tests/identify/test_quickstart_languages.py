"""Every page of the quickstart corpus, original text in 42 languages, is told right from its text alone."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from m4corpus import languages as registry
from m4corpus.clean.step import CleanStep
from m4corpus.identify.step import IdentifyStep
from m4corpus.records import Page

QUICKSTART = Path(__file__).parents[2] / "data/quickstart"


def pages() -> dict[str, tuple[Page, str]]:
    """Whole pages without a hint, and their language as the corpus records it."""
    found = {}
    for line in (QUICKSTART / "pages.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        path = QUICKSTART / "html" / row["id"].removeprefix("quickstart:")
        if row["role"] in ("page", "copy", "mirror", "misplaced") and path.is_file():
            language = registry.get(row["language"]).code
            found[row["id"]] = (
                Page(row["id"], "quickstart", path.name, "text/html", path.read_text(encoding="utf-8")),
                language,
            )
    return found


def test_all_42_are_told_without_a_hint() -> None:
    expected = pages()
    documents = IdentifyStep().run(CleanStep().run(iter(page for page, _ in expected.values())))
    wrong = Counter((expected[d.id][1], d.language) for d in documents if d.language != expected[d.id][1])
    assert not wrong
    assert len({language for _, language in expected.values()}) == 42
