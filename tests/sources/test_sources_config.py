from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from m4corpus.sources.config import ReadConfig


def parse(*sources: dict[str, Any]) -> ReadConfig:
    return TypeAdapter(ReadConfig).validate_python({"sources": list(sources)})


PAGES = {"name": "pages", "format": "html", "path": "pages"}
LINES = {"name": "lines", "format": "jsonl", "path": "lines"}


def test_sources_are_found_by_name() -> None:
    config = parse(PAGES, LINES)
    assert config.source("lines").format == "jsonl"
    with pytest.raises(KeyError):
        config.source("other")


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([], "at least 1"),
        ([PAGES, PAGES], "pages"),
        ([{**PAGES, "name": "Pages!"}], "pattern"),
        ([{**PAGES, "fomat": "html"}], "fomat"),
        ([{**PAGES, "format": "pdf"}], "html"),
        ([{**PAGES, "language": "paths"}], "language is one of"),
        ([{**PAGES, "language": "field:lang"}], "needs records with fields"),
        ([{**PAGES, "fields": {"text": "body"}}], "fields are for jsonl"),
        ([{**LINES, "url_prefix": "https://x/"}], "url_prefix is for html"),
        ([{**LINES, "max_bytes": 0}], "greater than 0"),
    ],
)
def test_mistakes_are_refused(sources: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        parse(*sources)


@pytest.mark.parametrize("language", ["auto", "none", "path", "attribute", "field:meta.lang", "sw", "zh-yue", "pt_BR"])
def test_every_form_of_language(language: str) -> None:
    assert parse({**LINES, "language": language}).source("lines").language == language


def test_include_defaults_to_the_names_of_the_format() -> None:
    assert "**/*.html" in parse(PAGES).source("pages").patterns
    assert "**/*.jsonl.zst" in parse(LINES).source("lines").patterns
    assert parse({**PAGES, "include": ["*.php"]}).source("pages").patterns == ("*.php",)
