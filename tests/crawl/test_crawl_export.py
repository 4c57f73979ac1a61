"""A finished crawl, written as M4-RAG's files."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import pytest

from m4corpus.crawl.export import Exported, export, export_images
from m4corpus.crawl.messages import Failed, Judge, Request, Response
from m4corpus.errors import UserError
from m4corpus.ledger import Counts
from m4corpus.records import Page, schema, to_batch, weight
from m4corpus.sources.m4rag import article_id
from m4corpus.storage.artifact import Artifact, Completion, Identity
from m4corpus.storage.digests import canonical_json, partition_of
from m4corpus.storage.parts import Buffered, PartWriter, part_name

PARTS = 3


def page(pageid: int, edition: str = "en", html: str = "<p>Text.</p>") -> Page:
    return Page(
        article_id(str(pageid), edition), "wiki", f"{edition}:{pageid}@1", "text/html",
        f'<div class="mw-parser-output">{html}</div>', f"Page {pageid}", f"https://{edition}.wikipedia.org/wiki/{pageid}",
        fetched_at="2025-04-30T12:00:00Z", metadata={"pageid": str(pageid), "edition": edition, "queries": "[]"},
    )  # fmt: skip


def question(plan: str, id: str, queries: list[tuple[str, str, str]], articles: list[str]) -> dict[str, Any]:
    asked = [{"edition": edition, "text": text, "how": how, "article_ids": []} for edition, text, how in queries]
    return {"question_id": id, "plan": plan, "conditioned": False, "queries": asked, "article_ids": articles}


def image(id: str, *queries: tuple[str, int], **more: Any) -> dict[str, Any]:
    info = {"url": f"https://x.org/{id}"}
    return {"image_id": id, "image_info": info, "questions": [], "articles": [], "queries": queries, **more}


def crawl(base: Path, pages: list[Page], questions: list[dict[str, Any]], images: list[dict[str, Any]]) -> Path:
    """A crawl's directory as its last step leaves it."""
    parts = []
    for part in range(PARTS):
        rows = sorted((p for p in pages if partition_of(p.id, PARTS) == part), key=lambda p: p.id)
        writer = PartWriter(base / "pages" / part_name(part), schema(Page), base)
        with writer:
            buffered: Buffered[Page] = Buffered(writer, to_batch)
            for row in rows:
                buffered.append(row, weight(row))
            buffered.flush()
        parts.append(writer.info)
    for name, records in (("questions", questions), ("images", images)):
        (base / f"{name}.jsonl").write_bytes(b"".join(canonical_json(record) + b"\n" for record in records))
    completion = Completion(parts, [], Counts(len(pages), len(pages), len(pages)))
    Artifact.seal(base, Identity("crawl", 1, {}, {}, {}), [completion], {})
    return base


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


A, B, C, D = (article_id(str(number), "en") for number in (1, 2, 3, 4))
LOCAL = article_id("1", "zh-yue")
PAGES = [page(1), page(2), page(3, html="<img src='//a.org/x.png'>"), page(1, "zh-yue"), page(9)]
QUESTIONS = [
    question(
        "worldcuisines",
        "food-1",
        [("en", "rawon", "name"), ("zh-yue", "爪哇牛肉湯", "langlink"), ("fr", "rawon", "fallback")],
        [B, A, LOCAL, C],
    ),
    question("worldcuisines", "7-ja", [("ja", "ジャワ 料理", "cuisine")], []),
    question(
        "cvqa", "5868", [("en", "What soup?", "question"), ("id", "Rawon", "answer"), ("en", "Rawon", "answer")], [A, D]
    ),
]
IMAGES = [
    image("i1", ("rawon", 1), ("What soup?", 0)),
    image("i2", ("爪哇牛肉湯", 0)),
    image("i3", ("rawon", 0)),
    image("i4", ("Rawon", 0), same_as="i1"),
    image("i5", ("never asked", 0)),
]


def test_each_plan_has_the_references_files(tmp_path: Path) -> None:
    counts = export(crawl(tmp_path / "crawl", PAGES, QUESTIONS, IMAGES), tmp_path / "out")
    wc, cvqa = tmp_path / "out" / "worldcuisines", tmp_path / "out" / "cvqa"
    assert lines(wc / "question_article.jsonl") == [
        {
            "question_id": "food-1",
            "queries": ["(en) rawon", "(zh-yue) 爪哇牛肉湯", "(fr) rawon"],
            "article_ids": [B, A, LOCAL, C],
        },
        {"question_id": "7-ja", "queries": ["ジャワ 料理"], "article_ids": []},
    ]
    assert lines(cvqa / "question_article.jsonl") == [
        {"question_id": "5868", "queries": ["What soup?", "Rawon"], "article_ids": [A, D]}
    ]
    assert [record["id"] for record in lines(wc / "articles.jsonl")] == sorted([A, B, LOCAL])
    assert lines(cvqa / "articles.jsonl") == [
        {
            "id": A,
            "pageid": 1,
            "title": "Page 1",
            "url": "https://en.wikipedia.org/wiki/1",
            "content": [
                {"heading": "Introduction", "content": ["Text."], "images": [], "access_time": "2025-04-30T12:00:00Z"}
            ],
        }
    ]
    assert lines(wc / "failed.jsonl") == [
        {
            "id": C,
            "title": "Page 3",
            "url": "https://en.wikipedia.org/wiki/3",
            "reason": "empty-text",
            "detail": "no text in the content area",
        }
    ]
    assert [(row["id"], row["reason"]) for row in lines(cvqa / "failed.jsonl")] == [(D, "no-page")]
    assert lines(wc / "question_images.jsonl") == [
        {"question_id": "food-1", "image_ids": ["i3", "i1", "i2"]},
        {"question_id": "7-ja", "image_ids": []},
    ]
    assert lines(wc / "images.jsonl") == [
        {"image_id": id, "image_info": {"url": f"https://x.org/{id}"}} for id in ("i1", "i2", "i3")
    ]
    assert [row["image_id"] for row in lines(cvqa / "images.jsonl")] == ["i1"]
    assert lines(cvqa / "question_images.jsonl") == [{"question_id": "5868", "image_ids": ["i1"]}]
    assert counts == {
        "cvqa": Exported(questions=1, articles=1, images=1, failed={"no-page": 1}),  # type: ignore[arg-type]
        "worldcuisines": Exported(questions=2, articles=3, images=3, failed={"empty-text": 1}),  # type: ignore[arg-type]
    }


def tree(root: Path) -> dict[str, str]:
    paths = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_an_export_is_the_same_again_and_leaves_nothing_else(tmp_path: Path) -> None:
    source = crawl(tmp_path / "crawl", PAGES, QUESTIONS, IMAGES)
    export(source, tmp_path / "out")
    first = tree(tmp_path / "out")
    assert len(first) == 10
    export(source, tmp_path / "out")
    script = (
        "import sys; from pathlib import Path; from m4corpus.crawl.export import export;"
        "export(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    subprocess.run(
        [sys.executable, "-c", script, source, tmp_path / "other"],
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )
    assert tree(tmp_path / "out") == tree(tmp_path / "other") == first


def test_a_crawl_without_images_has_no_files_of_them(tmp_path: Path) -> None:
    export(crawl(tmp_path / "crawl", PAGES, QUESTIONS, []), tmp_path / "out")
    names = {path.name for path in (tmp_path / "out" / "cvqa").iterdir()}
    assert names == {"articles.jsonl", "question_article.jsonl", "failed.jsonl"}


def test_an_unfinished_crawl_is_not_exported(tmp_path: Path) -> None:
    source = crawl(tmp_path / "crawl", PAGES, QUESTIONS, [])
    (source / "manifest.json").unlink()
    with pytest.raises(UserError, match="no finished crawl"):
        export(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_that_breaks_leaves_the_files_of_the_one_before(tmp_path: Path) -> None:
    source = crawl(tmp_path / "crawl", PAGES, QUESTIONS, IMAGES)
    export(source, tmp_path / "out")
    first = tree(tmp_path / "out")
    part = next(path for path in sorted((source / "pages").iterdir()) if path.stat().st_size > 3000)
    part.write_bytes(part.read_bytes()[:-1000])
    with pytest.raises(Exception, match=r"Parquet|parquet|Couldn't|magic"):
        export(source, tmp_path / "out")
    assert tree(tmp_path / "out") == first


class Archived:
    """Holds responses by address, as an archive does."""

    def __init__(self, responses: dict[str, Response]) -> None:
        self.responses = responses

    def get(self, request: Request, judge: Judge | None = None) -> Awaitable[Response]:
        return self._get(request)

    async def _get(self, request: Request) -> Response:
        assert request.kind == "image"
        if request.url not in self.responses:
            raise Failed("not-archived")
        return self.responses[request.url]


def archived(media_type: str, body: bytes, **headers: str) -> Response:
    given = [("Content-Type", media_type), *((name.replace("_", "-"), value) for name, value in headers.items())]
    return Response("https://x.org", 200, tuple(given), body, "2025-04-30T12:00:00Z")


def test_fetched_images_become_files(tmp_path: Path) -> None:
    fetched = [
        image(id, content_url=f"https://x.org/t/{id}", content_bytes=4, **more)
        for id, more in (("i1", {}), ("i2", {}), ("i3", {"same_as": "i1"}), ("i4", {}), ("i5", {}))
    ]
    source = crawl(tmp_path / "crawl", [], [], [*fetched, image("i6")])
    archive = Archived(
        {
            "https://x.org/t/i1": archived("image/jpeg", b"jpeg"),
            "https://x.org/t/i2": archived("image/png; x=y", gzip.compress(b"png!"), Content_Encoding="gzip"),
            "https://x.org/t/i3": archived("image/jpeg", b"jpeg"),
            "https://x.org/t/i5": archived("image/x-odd", b"odd!"),
        }
    )
    assert asyncio.run(export_images(source, tmp_path / "out", archive)) == {"kept": 3, "not-archived": 1}
    assert {path.name: path.read_bytes() for path in (tmp_path / "out" / "images").iterdir()} == {
        "i1.jpg": b"jpeg",
        "i2.png": b"png!",
        "i5.bin": b"odd!",
    }


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
def test_memory_does_not_grow_with_the_crawl(tmp_path: Path) -> None:
    script = (
        "import re, sys; from pathlib import Path; from m4corpus.crawl.export import export;"
        "export(Path(sys.argv[1]), Path(sys.argv[2]));"
        r"print(re.search(r'VmHWM:\s*(\d+)', Path('/proc/self/status').read_text())[1])"
    )
    peaks = []
    for number in (500, 1500):
        pages = [page(n, html=f"<p>{'kite ' * 12_000}</p>") for n in range(number)]
        asked = [question("cvqa", str(n), [], [article_id(str(n), "en")]) for n in range(number)]
        source = crawl(tmp_path / f"crawl-{number}", pages, asked, [])
        command = [sys.executable, "-c", script, source, tmp_path / f"out-{number}"]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    assert peaks[1] - peaks[0] < 30_000, f"{peaks} KB, for 60 MB more of HTML"
