"""The whole pipeline over real pages: the Debian installation guide in 19 languages.

Runs with ``make check-real``, or by hand:

    python benchmarks/real_data.py installation-guide
    M4CORPUS_REAL=1 python -m pytest tests/test_real_input.py

``M4CORPUS_REAL_WORKDIR`` keeps the work directory, so that a second run is short.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import m4corpus
from m4corpus.pipeline import CACHED, STAGES, Pipeline, RunResult

PROJECT = Path(__file__).resolve().parent.parent
RECIPE = PROJECT / "recipes" / "installation-guide.yaml"
GUIDE = PROJECT / "downloads" / "installation-guide"

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("M4CORPUS_REAL") != "1" or not GUIDE.is_dir(),
        reason="real pages: fetch them with benchmarks/real_data.py, set M4CORPUS_REAL=1 (make check-real does both)",
    ),
    pytest.mark.timeout(3600),
    pytest.mark.slow,
]

#: Folder of the guide -> what its pages must be identified as.
LANGUAGES = {
    "ca": "cat", "cs": "ces", "da": "dan", "de": "deu", "el": "ell", "en": "eng", "es": "spa", "fr": "fra",
    "id": "ind", "it": "ita", "ja": "jpn", "ko": "kor", "nl": "nld", "pt": "por", "ro": "ron", "ru": "rus",
    "sv": "swe", "vi": "vie", "zh_CN": "cmn",
}  # fmt: skip

#: A question in one language, and the section of the English guide that answers it.
QUESTIONS = {
    "de": ("Wie prüfe ich, ob das heruntergeladene Installationsabbild unbeschädigt ist?", "ch04s07"),
    "fr": ("Comment créer une clé USB d'installation amorçable ?", "ch04s03"),
    "es": ("¿Cuánta memoria y cuánto espacio en disco hacen falta?", "ch03s04"),
    "ja": ("既存のパーティションを分割し直すにはどうすればよいですか", "ch03s05"),
    "ru": ("Как восстановить систему, которая больше не загружается?", "ch08s06"),
    "zh": ("如何用网络启动安装程序(TFTP)?", "ch04s05"),
}


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get("M4CORPUS_REAL_WORKDIR")
    return Path(kept) if kept else tmp_path_factory.mktemp("real")


@pytest.fixture(scope="module")
def result(workdir: Path) -> RunResult:
    return m4corpus.run(RECIPE, workdir, workers=os.cpu_count() or 1)


@pytest.fixture(scope="module")
def documents(result: RunResult) -> list[Any]:
    return list(records_of(result, "identify"))


@pytest.fixture(scope="module")
def snapshot(result: RunResult) -> Any:
    assert result.snapshot is not None
    return m4corpus.open_snapshot(result.snapshot)


def records_of(result: RunResult, stage: str) -> Iterator[Any]:
    from m4corpus.records import Chunk, Document, from_batches
    from m4corpus.storage.artifact import Artifact
    from m4corpus.storage.parts import read_batches

    artifact = Artifact.open(next(s.directory for s in result.stages if s.stage == stage))
    for part in artifact.parts():
        yield from from_batches(Chunk if stage == "chunk" else Document, read_batches(artifact.directory / part.path))


def test_every_page_is_accounted_for(result: RunResult) -> None:
    counts = {stage.stage: stage.counts for stage in result.stages}
    assert counts["read"].inputs == len(list(GUIDE.rglob("*.html")))
    assert all(count.adds_up() for count in counts.values())
    for before, after in pairwise(STAGES):
        assert counts[after].inputs == counts[before].outputs, after
    assert result.quarantined == 0


def test_languages_are_found_by_the_text(documents: list[Any]) -> None:
    found = {folder: Counter[str]() for folder in LANGUAGES}
    for document in documents:
        # The licence (apf) is in English in many folders, and other pages are in part: Russian and Chinese most.
        if not document.locator.endswith("apf.html"):
            found[document.locator.split("/")[-2]][document.language] += 1
    for folder, language in LANGUAGES.items():
        share = found[folder][language] / found[folder].total()
        assert share >= 0.8, f"{folder}: {found[folder]}"


def test_text_is_kept_and_navigation_is_not(documents: list[Any]) -> None:
    text = {document.locator: document.text for document in documents}
    page = text[next(locator for locator in text if locator.endswith("en/ch04s01.html"))]
    assert "By far the easiest way to install Debian GNU/Linux is from a set of official" in " ".join(page.split())
    # The header names the chapter, the footer the next section.
    assert "Downloading Files from Debian Mirrors" not in page


def test_an_untranslated_page_survives_once(result: RunResult) -> None:
    licences = [d for d in records_of(result, "dedup") if d.locator.endswith("apf.html") and d.language == "eng"]
    assert len(licences) == 1
    assert len(licences[0].duplicates) >= 3


def test_chunks_are_exact_slices(result: RunResult) -> None:
    texts = {document.id: document.text for document in records_of(result, "dedup")}
    chunks = list(records_of(result, "chunk"))
    assert len(chunks) > len(texts)
    assert all(texts[chunk.document_id][chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert {chunk.document_id for chunk in chunks} == set(texts)


def test_questions_find_the_english_section(snapshot: Any, result: RunResult) -> None:
    locators = {document.id: document.locator for document in records_of(result, "dedup")}
    missed = []
    for language, (question, section) in QUESTIONS.items():
        hits = snapshot.search(question, k=10, languages=["en"])
        found = [Path(locators[hit.chunk.document_id]).stem for hit in hits]
        if section not in found:
            missed.append((language, section, found))
    # The encoder is small and the sections overlap: most questions must find theirs, not all.
    assert len(missed) <= 2, missed


def test_second_run_is_cached(result: RunResult, workdir: Path) -> None:
    started = time.monotonic()
    again = Pipeline.from_file(RECIPE, workdir).run()
    assert [stage.state for stage in again.stages] == [CACHED] * len(STAGES)
    assert [stage.logical for stage in again.stages] == [stage.logical for stage in result.stages]
    assert time.monotonic() - started < 10
