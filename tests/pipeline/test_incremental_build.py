"""A rebuild costs what changed, and ends where a build from scratch ends: the same rows, bytes and facts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rebuilds import SENTENCES, Corpus, assert_equal, column, happened

from m4corpus.dedup import shingles as signatures
from m4corpus.embed import encoder
from m4corpus.pipeline import RunResult
from m4corpus.storage.artifact import Artifact

pytestmark = pytest.mark.usefixtures("executor_here")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Four pages in each of three languages, and a copy of one under two names."""
    corpus = Corpus(tmp_path_factory.mktemp("built"))
    for language in SENTENCES:
        for number in range(4):
            corpus.write(f"{language}/page-{number}")
    corpus.write("en/copy-a", "en/page-1")
    corpus.write("en/copy-b", "en/page-1")
    corpus.build()
    return corpus


@pytest.fixture
def corpus(built: Corpus, tmp_path: Path) -> Corpus:
    return built.copy(tmp_path / "corpus")


def stages(result: RunResult) -> dict[str, tuple[int, int]]:
    """Inputs reused and computed by stage."""
    return {stage.stage: (stage.reused, stage.computed) for stage in result.stages}


def _survivor(corpus: Corpus) -> str:
    """The page that stands for its copies."""
    dedup = next(s for s in corpus.build().stages if s.stage == "dedup")
    kept = zip(column(dedup.directory, "id"), column(dedup.directory, "duplicates"), strict=True)
    return next(id for id, duplicates in kept if duplicates).removeprefix("s:").removesuffix(".html")


EDITS: dict[str, Callable[[Corpus], None]] = {
    "edited": lambda c: c.write("es/page-2", "another text"),
    "added": lambda c: c.write("ru/page-9"),
    "deleted": lambda c: c.delete("en/page-3"),
    "moved to another language": lambda c: c.move("ru/page-1", "es/page-7"),
    "survivor of copies deleted": lambda c: c.delete(_survivor(c)),
    "survivor of copies edited": lambda c: c.write(_survivor(c), "no copy any more"),
    "all of a language deleted": lambda c: [c.delete(f"ru/page-{n}") for n in range(4)],  # type: ignore[dict-item]
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_rebuild_equals_a_build_from_scratch(corpus: Corpus, edit: str) -> None:
    EDITS[edit](corpus)
    rebuilt = corpus.build()
    assert_equal(rebuilt, corpus.from_scratch())
    reused, computed = stages(rebuilt)["read"]
    assert computed <= 1
    assert reused >= 10
    assert stages(rebuilt)["clean"] == (reused, computed)


def test_the_fork_server_is_started_where_there_is_work(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[bool] = []
    monkeypatch.setattr("m4corpus.fork_server.start", lambda: started.append(True))
    corpus.build()
    assert started == []
    corpus.write("ru/page-9")
    corpus.build()
    assert started


def test_a_page_that_was_deleted_comes_back(corpus: Corpus) -> None:
    before = corpus.build()
    corpus.delete("es/page-0")
    corpus.build()
    corpus.write("es/page-0")
    assert_equal(corpus.build(), before)


def test_one_threshold_changes(corpus: Corpus) -> None:
    corpus.options["filter"] = {"min_chars": 400}
    plan = {step.stage: step for step in corpus.pipeline().plan()}
    assert "option changed: min_chars 50 -> 400" in plan["filter"].why
    assert plan["filter"].donor == ""
    assert plan["chunk"].donor.startswith("chunk-")
    rebuilt = corpus.build()
    inputs = {stage.stage: stage.counts for stage in rebuilt.stages}
    assert 0 < inputs["filter"].dropped["min-chars"] < 13
    assert stages(rebuilt)["filter"] == (0, 14)
    assert stages(rebuilt)["chunk"][1] <= 1  # a page may have lost the copy it stood for
    assert stages(rebuilt)["embed"][1] == 0
    assert_equal(rebuilt, corpus.from_scratch())


def test_facts_of_the_whole_corpus_decide_again(corpus: Corpus) -> None:
    corpus.options["filter"] = {
        "max_template_share": 0.9,
        "template_documents": 2,
        "record_parallel": True,
        "mask": ["email"],
    }
    corpus.build()
    # Three documents with the phrases of a fourth make them a template.
    for number in range(3):
        corpus.write(f"en/template-{number}", "en/page-2")
    assert_equal(corpus.build(), corpus.from_scratch())


def test_no_vector_is_computed_for_a_chunk_that_is_the_same(corpus: Corpus) -> None:
    before = {s.stage: s.directory for s in corpus.build().stages}
    known = set(column(before["chunk"], "text"))
    for path in (corpus.root / "work" / "cache" / "vectors").rglob("*"):
        if path.is_file():
            path.unlink()  # so that nothing but the earlier artifact can help
    corpus.write("en/page-0", "other words")
    rebuilt = {s.stage: s for s in corpus.build().stages}
    new = set(column(rebuilt["chunk"].directory, "text")) - known
    assert 0 < happened(rebuilt["embed"].directory)["computed"] <= len(new)
    assert rebuilt["embed"].reused == rebuilt["embed"].counts.inputs - rebuilt["embed"].computed > 30


def test_models_are_not_loaded_where_nothing_is_computed(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.delete("es/page-1")
    full = corpus.from_scratch()

    def load(config: object) -> None:
        raise AssertionError("the encoder was loaded")

    monkeypatch.setattr(encoder, "load", load)
    monkeypatch.setattr("m4corpus.identify.step._loaded", load)
    # Found without loading by other encoders; of this one, loading is finding.
    identity = Artifact.open(full.stages[6].directory).info["identity"]
    monkeypatch.setattr(encoder, "provenance", lambda config: identity)
    assert_equal(corpus.build(), full)


def test_documents_are_signed_once(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    signed: list[str] = []

    def shingles(points: object, script: str, config: object) -> object:
        signed.append(script)
        return signatures.shingles(points, script, config)  # type: ignore[arg-type]

    monkeypatch.setattr("m4corpus.dedup.signatures.shingles", shingles)
    corpus.write("en/page-0", "other words")
    corpus.build()
    assert len(signed) == 1
    corpus.options["dedup"] = {"threshold": 0.9}
    rebuilt = corpus.build()
    assert len(signed) == 1
    assert_equal(rebuilt, corpus.from_scratch())


def test_shards_and_parts_without_change_are_the_same_files(corpus: Corpus) -> None:
    before = {s.stage: s.directory for s in corpus.build().stages}
    corpus.delete("es/page-1")
    after = {s.stage: s.directory for s in corpus.build().stages}
    for stage in ("clean", "chunk", "embed", "index"):
        names = {p.path for p in Artifact.open(after[stage]).parts()}
        shared = {name for name in names if (before[stage] / name).exists()
                  and (before[stage] / name).samefile(after[stage] / name)}  # fmt: skip
        assert 0 < len(shared) < len(names), stage


@pytest.mark.parametrize("damage", ["byte", "short", "gone"])
def test_damaged_files_of_earlier_artifacts_harm_nothing(corpus: Corpus, damage: str) -> None:
    corpus.write("en/page-0", "other words")
    for path in [*(corpus.root / "work" / "c").rglob("*.parquet"), *(corpus.root / "work" / "c").rglob("*.faiss")]:
        content = bytearray(path.read_bytes())
        path.unlink()  # it may be a file of other tests too
        content[len(content) // 2] ^= 1
        if damage != "gone":
            path.write_bytes(content if damage == "byte" else content[:-7])
    for path in (corpus.root / "work" / "cache" / "signatures").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] + b"x")
    rebuilt = corpus.build()
    assert stages(rebuilt)["clean"][0] == 0
    assert_equal(rebuilt, corpus.from_scratch())


def test_an_edited_manifest_makes_no_donor(corpus: Corpus) -> None:
    for manifest in (corpus.root / "work" / "c").glob("*/manifest.json"):
        manifest.write_text(manifest.read_text().replace('"rows": ', '"rows": 1'))
    corpus.write("en/page-0", "other words")
    rebuilt = corpus.build()
    assert {stage.donor for stage in rebuilt.stages} == {""}
    assert_equal(rebuilt, corpus.from_scratch())


def test_a_run_cut_off_after_reading_what_changed_is_taken_up_without_its_donor(corpus: Corpus) -> None:
    corpus.write("en/page-0", "other words")
    pipeline = corpus.pipeline()
    stage = pipeline._checked(("read",))["read"]
    context = pipeline._context(stage, pipeline._identity(stage, {}), {})
    scatter = stage.phases(context)[0]
    for rank in range(scatter.tasks):
        assert list(scatter.steps[0].run(None, rank, scatter.tasks)) == []
    assert context.donor is not None
    (context.donor.directory / "manifest.json").unlink()
    rebuilt = corpus.build()
    assert rebuilt.stages[0].state == "resume"
    assert_equal(rebuilt, corpus.from_scratch())


def test_plan_tells_what_will_be_computed(corpus: Corpus) -> None:
    corpus.write("en/page-0", "other words")
    corpus.write("en/page-8")
    corpus.delete("es/page-0")
    plan = {step.stage: step for step in corpus.pipeline().plan()}
    assert str(plan["read"].forecast) == "files: 1 new, 1 changed, 1 gone, 12 reused"
    assert plan["clean"].state == "pending"
    assert plan["clean"].donor.startswith("clean-")
    corpus.pipeline().run(last="read", executor="here")
    forecast = next(step.forecast for step in corpus.pipeline().plan() if step.stage == "clean")
    assert str(forecast) == "documents: 1 new, 1 changed, 1 gone, 12 reused"
    assert stages(corpus.build())["clean"] == (12, 2)


def test_the_summary_tells_what_was_reused(corpus: Corpus) -> None:
    corpus.write("en/page-8")
    summary = {stage["stage"]: stage for stage in corpus.build().as_dict()["stages"]}
    assert (summary["clean"]["reused"], summary["clean"]["computed"]) == (14, 1)
    assert summary["clean"]["donor"].startswith("clean-")
    again = {stage["stage"]: stage for stage in corpus.build().as_dict()["stages"]}
    assert (again["clean"]["state"], again["clean"]["computed"]) == ("cached", 0)


def test_lines_that_move_are_known_again(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    lines = [
        json.dumps({"id": f"p{n:02d}", "text": " ".join(SENTENCES["en"]) + f" {n} times {n * n}."}) for n in range(12)
    ]
    source = {"name": "j", "format": "jsonl", "path": "pages.jsonl"}
    corpus.options["read"] = {"sources": [source]}
    (tmp_path / "pages.jsonl").write_text("\n".join(lines[1:]), encoding="utf-8")
    corpus.build()
    (tmp_path / "pages.jsonl").write_text("\n".join(lines), encoding="utf-8")
    rebuilt = corpus.build()
    assert stages(rebuilt)["clean"] == (11, 1)
    locators = column(next(s for s in rebuilt.stages if s.stage == "dedup").directory, "locator")
    assert any(locator.endswith(":12") for locator in column(rebuilt.stages[1].directory, "locator")), locators
    assert_equal(rebuilt, corpus.from_scratch())
