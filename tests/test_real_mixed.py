"""English paragraphs among others on real pages: LibreOffice help, whose translations are unfinished.

Runs with ``make check-real``, or by hand:

    python benchmarks/real_data.py libreoffice-help --lang en-us --lang hi --lang ja --lang tr --lang vi
    M4CORPUS_REAL=1 python -m pytest tests/test_real_mixed.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parent.parent
HELP = PROJECT / "downloads" / "libreoffice-help"
LANGUAGES = ("hi", "ja", "tr", "vi")

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("M4CORPUS_REAL") != "1" or not all((HELP / name).is_dir() for name in ("en-US", *LANGUAGES)),
        reason="real pages: fetch them with benchmarks/real_data.py, set M4CORPUS_REAL=1 (make check-real does both)",
    ),
    pytest.mark.timeout(600),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What the benchmark measures, by language."""
    path = tmp_path_factory.mktemp("mixed") / "scores.json"
    named = [word for language in LANGUAGES for word in ("--lang", language)]
    command = [sys.executable, str(PROJECT / "benchmarks" / "mixed.py"), "--pages", "120", *named, "--json", str(path)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(path.read_text(encoding="utf-8"))["scores"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_english_paragraphs_are_found(scores: dict[str, dict[str, Any]], language: str) -> None:
    assert scores[language]["pages"] > 100
    assert scores[language]["precision"] >= 0.95
    assert scores[language]["recall"] >= 0.95


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_mix_is_that_of_the_page(scores: dict[str, dict[str, Any]], language: str) -> None:
    assert scores[language]["mix error"] <= 0.05


def test_a_page_is_in_the_language_of_most_of_it(scores: dict[str, dict[str, Any]]) -> None:
    assert scores["all"]["main"] >= 0.97
    assert scores["all"]["main"] >= scores["all"]["main by sample"]
