"""What is published loads with the real `datasets` library, whole and streamed, a configuration for each benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hub_uploads import UploadHub
from release_work import REPOSITORY, build, documents

from m4corpus import ledger
from m4corpus.crawl.directory import QUESTIONS, CrawlDirectory
from m4corpus.errors import UserError
from m4corpus.ledger import Counts
from m4corpus.records import Page, schema, to_batch
from m4corpus.release.make import Options, make
from m4corpus.release.publish import publish
from m4corpus.snapshot import Snapshot
from m4corpus.storage.artifact import Artifact, Completion, Identity
from m4corpus.storage.parts import PartWriter

LOAD = """
import json, sys, datasets
datasets.disable_progress_bars()
found = {}
for name in sys.argv[2:]:
    whole = datasets.load_dataset(sys.argv[1], name, split="train")
    streamed = datasets.load_dataset(sys.argv[1], name, split="train", streaming=True)
    key = "id" if "id" in whole.column_names else "chunk_id"
    found[name] = sorted(row[key] for row in streamed)
    assert found[name] == sorted(whole[key]), name
print(json.dumps({"configs": datasets.get_dataset_config_names(sys.argv[1]), "ids": found}))
"""


def loaded(elsewhere: dict[str, str], *names: str) -> dict[str, Any]:
    """Ids of each configuration, by `datasets` in a process of its own."""
    elsewhere["HF_DATASETS_CACHE"] = f"{elsewhere['HF_HOME']}/datasets"
    command = [sys.executable, "-c", LOAD, REPOSITORY, *names]
    done = subprocess.run(command, env=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Snapshot, Path]:
    """The small corpus, as if a crawl for two benchmarks had brought it, and its work directory."""
    workdir = tmp_path_factory.mktemp("crawled")
    snapshot = build(workdir, documents(2))
    crawl = workdir / "small" / "crawl-00001"
    made = [
        Page(one.id, "wiki", one.locator, "text/html", f"<p>{one.text}</p>", one.title, one.url, one.language,
             revision=one.revision, fetched_at="2026-01-02T03:04:05Z", licence=one.licence, metadata={"pageid": str(n)})
        for n, one in enumerate(sorted(documents(2), key=lambda one: one.id))
    ]  # fmt: skip
    with (
        PartWriter(crawl / "pages" / "part-00000.parquet", schema(Page), crawl) as part,
        PartWriter(crawl / "ledger" / "part-00000.parquet", ledger.schema(), crawl) as accounts,
    ):
        part.write(to_batch(made))
    done = Completion([part.info], [accounts.info], Counts())
    artifact = Artifact.seal(crawl, Identity("crawl", 1, {}, {}, {}), [done], {"conditioned_on_answers": ["cvqa"]})
    (crawl / "plan.json").write_text("{}")
    asked = [
        {"plan": "worldcuisines", "question_id": "food-1", "queries": [], "article_ids": members("sw", "ja")},
        {"plan": "cvqa", "question_id": "1", "queries": [], "article_ids": members("ja", "en")},
    ]
    (crawl / QUESTIONS).write_text("".join(json.dumps(one) + "\n" for one in asked))
    assert CrawlDirectory(crawl).finished
    pins = {"wiki": {"crawl": crawl.name, "logical": artifact.logical}}
    return replace(snapshot, manifest={**snapshot.manifest, "crawls": pins}), workdir


def members(*codes: str) -> list[str]:
    return sorted(one.id for one in documents(2) if one.id.partition("-")[0] in codes)


def test_a_configuration_for_each_benchmark_and_language(
    hub: UploadHub, crawled: tuple[Snapshot, Path], elsewhere: dict[str, str], tmp_path: Path
) -> None:
    snapshot, workdir = crawled
    publish(*make(snapshot, workdir, Options(REPOSITORY), tmp_path / "out", lambda *_: None), REPOSITORY)
    found = loaded(elsewhere, "worldcuisines", "cvqa", "all", "swh_Latn", "und", "vectors", "chunks")
    assert found["ids"]["worldcuisines"] == members("sw", "ja")
    assert found["ids"]["cvqa"] == members("en", "ja")
    assert found["ids"]["all"] == sorted(one.id for one in documents(2))
    assert found["ids"]["swh_Latn"] == members("sw")
    assert found["ids"]["und"] == ["zz-numbers"]
    assert found["ids"]["vectors"] == found["ids"]["chunks"]
    assert {"worldcuisines", "cvqa", "all", "arb_Arab", "chunks"} <= set(found["configs"])


def test_the_layout_of_m4rag(
    hub: UploadHub, crawled: tuple[Snapshot, Path], elsewhere: dict[str, str], tmp_path: Path
) -> None:
    snapshot, workdir = crawled
    root, release = make(snapshot, workdir, Options(REPOSITORY, m4rag=True), tmp_path / "out", lambda *_: None)
    publish(root, release, REPOSITORY)
    found = loaded(elsewhere, "worldcuisines", "cvqa")
    assert found["ids"] == {"worldcuisines": members("sw", "ja"), "cvqa": members("en", "ja")}
    path = next(root.glob("m4rag/worldcuisines/articles-*.jsonl"))
    record = json.loads(path.read_text(encoding="utf-8").splitlines()[0])
    assert set(record) == {"id", "pageid", "title", "url", "content", "revision", "licence"}
    assert {one.id: one.revision for one in documents(2)}[record["id"]] == record["revision"]
    assert set(record["content"][0]) == {"heading", "content", "images", "access_time"}
    mapping = json.loads(next(root.glob("m4rag/cvqa/question_article-*.jsonl")).read_text())
    assert mapping["question_id"] == "1"
    assert sorted(mapping["article_ids"]) == members("en", "ja")


def test_the_layout_of_m4rag_needs_a_crawl(snapshot: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="crawl"):
        make(snapshot, tmp_path, Options(REPOSITORY, m4rag=True), None, lambda *_: None)


def test_one_configuration_where_there_is_no_benchmark(hub: UploadHub, release: Any, elsewhere: dict[str, str]) -> None:
    publish(*release, REPOSITORY)
    found = loaded(elsewhere, "small")
    assert found["ids"]["small"] == sorted(one.id for one in documents())
    assert found["configs"][0] == "small"
