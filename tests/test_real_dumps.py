"""Real samples of Wikipedia's dumps (English, and Bulgarian in UTF-16), as gensim's wheel carries them:

pip download gensim --no-deps -d downloads
M4CORPUS_REAL=1 python -m pytest tests/test_real_dumps.py
"""

from __future__ import annotations

import bz2
import os
import re
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from m4corpus.clean.step import CleanStep
from m4corpus.ledger import Counts
from m4corpus.records import Page, from_batches
from m4corpus.sources.config import ReadConfig, SourceConfig
from m4corpus.sources.stage import ReadStage
from m4corpus.stage import StageContext
from m4corpus.storage.artifact import Completion
from m4corpus.storage.parts import read_batches

WHEELS = sorted((Path(__file__).resolve().parent.parent / "downloads").glob("gensim-*.whl"))
PARTS = 2

pytestmark = [
    pytest.mark.skipif(
        os.environ.get("M4CORPUS_REAL") != "1" or not WHEELS,
        reason="real dumps: pip download gensim --no-deps -d downloads, set M4CORPUS_REAL=1",
    ),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def dumps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dumps")
    with zipfile.ZipFile(WHEELS[-1]) as wheel:
        for name in wheel.namelist():
            if re.search(r"wiki-(?:latest|table).*\.bz2$", name):
                (folder / name.rpartition("/")[2]).write_bytes(wheel.read(name))
    return folder


@pytest.fixture(scope="module")
def stage(dumps: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Counts, list[Page]]:
    work = tmp_path_factory.mktemp("work")
    config = ReadConfig(sources=[SourceConfig(name="dumps", format="dump", path=str(dumps), include=["*.bz2"])])
    read = ReadStage(config, dumps, work)
    context = StageContext(work / "read", {}, PARTS, work)
    for phase in read.phases(context):
        for rank in range(phase.tasks):
            for step in phase.steps:
                list(step.run(None, rank, phase.tasks))
    counts = Counts.total(Completion.read(context.completion("gather", rank)).counts for rank in range(PARTS))
    parts = sorted(context.directory.glob("part-*.parquet"))
    return counts, [page for part in parts for page in from_batches(Page, read_batches(part))]


def test_every_page_of_every_dump_is_in_the_ledger(dumps: Path, stage: tuple[Counts, list[Page]]) -> None:
    counts, pages = stage
    written = 0
    for path in dumps.iterdir():
        content = bz2.decompress(path.read_bytes())
        written += content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8").count("<page>")
    assert counts.inputs == written > 200
    assert counts.kept == len(pages) > 100
    assert not counts.failed
    assert set(counts.dropped) <= {"redirect", "namespace", "duplicate-id", "older-revision"}
    assert Counter(page.language_hint for page in pages).keys() == {"en", "bg"}


def test_every_article_becomes_text_without_markup(stage: tuple[Counts, list[Page]]) -> None:
    step = CleanStep()
    step.prepare()
    try:
        documents = [document for page in stage[1] for document in step.process(page)]
    finally:
        step.close()
    assert len(documents) == len(stage[1])
    for document in documents:
        prose = [
            document.text[b.start : b.end] for b in document.blocks if b.kind in ("paragraph", "heading", "caption")
        ]
        left = [text for text in prose if re.search(r"\[\[|\]\]|\{\||\|\}|''|<ref|style=", text) and "\\" not in text]
        assert not left, document.title
        assert any(block.kind == "heading" for block in document.blocks) or len(document.text) < 5000
