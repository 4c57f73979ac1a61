"""A release of ids, and its texts brought back from real wikis: whole, after edits and deletions, and after a kill."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from cli_work import Command, command_of
from crawl_recipes import crawl_of, on_wikis, quiet, start, write_recipe
from gate import Gate
from hub_uploads import UploadHub
from release_work import HTML, REPOSITORY, tree
from wikis import Wikis

from m4corpus.crawl.client import HostDown
from m4corpus.errors import IntegrityError, UserError
from m4corpus.pipeline import Pipeline
from m4corpus.rehydrate import Rehydration, Result, find
from m4corpus.release.layout import Release, read_release, write_release
from m4corpus.release.make import Options, make
from m4corpus.release.publish import publish
from m4corpus.release.pull import pull
from m4corpus.release.stores import LocalStore
from m4corpus.snapshot import open_snapshot
from m4corpus.storage.digests import text_digest

TITLES = {
    "en": ("Rawon", "Ful medames", "Okonomiyaki", "Kitchen measures"),
    "id": ("Rawon", "Gudeg"),
    "ja": ("ラウォン",),
}
#: Articles of the corpus; beside them are a web page and a file, which no revision stands for.
ARTICLES = sum(map(len, TITLES.values()))


@pytest.fixture(scope="module")
def gate(wikis: Wikis) -> Iterator[Gate]:
    """The wikis behind a gate; open when a test begins."""
    with Gate(wikis.base) as gate:
        yield gate


@pytest.fixture(scope="module")
def published(wikis: Wikis, gate: Gate, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Release]:
    """A corpus crawled from the wikis, with a web page and a file beside it, as ids. Not to be changed."""
    folder = tmp_path_factory.mktemp("crawled")
    rows = [f"q{n},{edition},{title}" for edition in TITLES for n, title in enumerate(TITLES[edition])]
    (folder / "titles.csv").write_text("\n".join(["question_id,edition,query", *rows]), encoding="utf-8")
    shutil.copytree(HTML / "sw", folder / "files", ignore=lambda _, names: sorted(names)[1:])
    sections = {
        **on_wikis(wikis, gate.base),
        "queries": [{"name": "dishes", "path": "titles.csv", "titles": True}],
        "sites": [{"name": "house", "start": [f"{gate.base}/en/wiki/Koshary"], "depth": 0}],
    }
    sources = [
        {"name": "wikipedia", "format": "crawl"},
        {"name": "files", "format": "html", "path": "files"},
    ]
    recipe = write_recipe(folder, sections, read={"sources": sources}, partitions=1)
    crawl_of(recipe, folder / "work").run(quiet)
    result = Pipeline.from_file(recipe, folder / "work").run()
    assert result.snapshot
    snapshot = open_snapshot(result.snapshot)
    return make(snapshot, folder / "work", Options(REPOSITORY, ids_only=True), None, lambda *_: None)


@pytest.fixture(autouse=True)
def _open(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("M4CORPUS_CONTACT", raising=False)
    gate.shut()
    gate.open()


@pytest.fixture
def manners(wikis: Wikis) -> dict[str, Any]:
    """Options of a crawl that no release tells."""
    sections = on_wikis(wikis, max_wait=0.2)
    return {key: sections[key] for key in ("contact", "allow_private", "politeness")}


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``m4corpus rehydrate`` with these arguments."""
    return command_of("rehydrate", monkeypatch, capsys)


def brought(where: Path, workdir: Path, manners: dict[str, Any], **options: Any) -> Result:
    return Rehydration(find(str(where), workdir), workdir, manners, **options).run()


def recorded(published: tuple[Path, Release]) -> dict[str, dict[str, Any]]:
    """The rows of the release by id."""
    tables = [pq.read_table(published[0] / file.path) for file in published[1].of("documents")]
    return {row["id"]: row for table in tables for row in table.to_pylist()}


def texts(workdir: Path) -> dict[str, str]:
    """Digests of the texts that came out of the last stage, by id."""
    recipe = next(workdir.glob("datasets/*/recipe.yaml"))
    dedup = next(a for a in Pipeline.from_file(recipe, workdir).status() if a.stage == "dedup")
    tables = [pq.read_table(dedup.directory / part.path) for part in dedup.parts()]
    return {row["id"]: text_digest(row["text"]).hex() for table in tables for row in table.to_pylist()}


def listed(result: Result) -> dict[str, dict[str, Any]]:
    lines = (result.folder / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


def row_of(result: Result, title: str) -> dict[str, Any]:
    """What became of an English article."""
    [found] = [row for row in listed(result).values() if row["url"].endswith(f"/en/wiki/{title.replace(' ', '_')}")]
    return found


def test_every_text_comes_back(
    wikis: Wikis, published: tuple[Path, Release], manners: dict[str, Any], tmp_path: Path
) -> None:
    wikis.forget_hits()
    result = brought(published[0], tmp_path, manners)
    rows = recorded(published)
    articles = {id: row["text_digest"] for id, row in rows.items() if "@" in row["locator"]}
    assert len(articles) == ARTICLES
    assert texts(tmp_path) == articles
    assert result.report["documents"] == {
        "OK": ARTICLES, "differs": 0, "gone": 0, "failed": 0, "not-rehydratable": 2, "left-out": 0,
    }  # fmt: skip
    assert result.report["reasons"] == {"not-rehydratable": {"not-crawled": 1, "web-page": 1}}
    assert result.report["notes"] == []
    assert sum(sum(found.values()) for found in result.report["languages"].values()) == len(rows) == len(listed(result))
    # One request for each revision and nothing else: no search, no pin.
    asked = [hit.target for hit in wikis.hits()]
    revisions = [target.partition("oldid=")[2].partition("&")[0] for target in asked]
    assert sorted(revisions) == sorted(rows[id]["revision"] for id in articles)
    assert {hit.agent.split()[1] for hit in wikis.hits()} == {"(cook@example.org)"}
    # Once more asks nothing and says the same.
    wikis.forget_hits()
    assert brought(published[0], tmp_path, manners).report == result.report
    # The recipe it leaves builds the rest, and its crawl is replayed from its archive and the table of revisions.
    made = Pipeline.from_file(result.recipe, tmp_path).run()
    assert made.snapshot
    hits = open_snapshot(made.snapshot).search("soup", 20)
    assert {hit.chunk.document_id for hit in hits} == set(articles)
    assert crawl_of(result.recipe, tmp_path).replay(quiet).same
    assert not wikis.hits()


def test_every_outcome(
    wikis: Wikis, published: tuple[Path, Release], manners: dict[str, Any], tmp_path: Path, gate: Gate, command: Command
) -> None:
    """Rawon was edited since, Okonomiyaki deleted, a template that Kitchen measures has is another; a wiki is busy."""
    root, workdir = shutil.copytree(published[0], tmp_path / "release"), tmp_path / "work"
    made_with_other_tools(root)
    gate.refused = "/id/api.php"
    manners["politeness"] |= {"attempts": 1}
    try:
        wikis.edit("en", "Rawon", "Something else altogether.")
        wikis.delete("en", "Okonomiyaki")
        wikis.edit("en", "Template:Formatted number", "about {{{1}}}")
        result = brought(root, workdir, manners)
    finally:
        wikis.reset()
    counts = {"OK": 3, "differs": 1, "gone": 1, "failed": 2, "not-rehydratable": 2, "left-out": 0}
    assert result.report["documents"] == counts
    reasons = result.report["reasons"]
    assert (reasons["gone"], reasons["failed"]) == ({"api-nosuchrevid": 1}, {"http-status": 2})
    assert result.report["languages"]["eng_Latn"]["gone"] == 1
    outcomes = {title: row_of(result, title)["outcome"] for title in TITLES["en"]}
    assert outcomes == {"Rawon": "OK", "Ful medames": "OK", "Okonomiyaki": "gone", "Kitchen measures": "differs"}
    differing = row_of(result, "Kitchen measures")
    assert (differing["stage"], differing["reason"]) == ("clean", "text")

    # The next run asks again for what failed, and only for that; what it ends with is for its user to choose.
    gate.refused = ""
    wikis.forget_hits()
    options = [root, "--workdir", workdir, "--contact", "cook@example.org", "--allow-private", "127.0.0.1/32",
               "--per-second", "100", "-w", "1"]  # fmt: skip
    told = command(*options)
    assert (told.code, "3 documents of dishes@" in told.err) == (5, True)
    assert len(wikis.hits()) == 2
    assert "note: clean: lxml is" in told.err
    assert "here and was [31m0.1\n" in told.err
    assert "fastwarc" not in told.err
    assert told.out.split("all")[1].split()[:5] == ["5", "1", "1", "0", "2"]
    told = command(*options, "--allow-missing")
    assert (told.code, "1 documents of dishes@" in told.err) == (4, True)
    told = command(*options, "--allow-missing", "--allow-differing", "--json")
    assert told.code == 0
    assert json.loads(told.out)["documents"] == {**counts, "OK": 5, "failed": 0}
    assert json.loads((result.folder / "report.json").read_text(encoding="utf-8"))["documents"]["OK"] == 5
    assert len(wikis.hits()) == 2


def made_with_other_tools(root: Path) -> None:
    """Lets a release say that lxml was another when it was made."""
    with edited(root) as snapshot:
        snapshot["resources"]["clean"]["lxml"] = "0.1"
        # What a format that is not read here took.
        snapshot["resources"]["read"]["fastwarc"] = "0.1"
        snapshot["tools"]["m4corpus"] = "\x1b[31m0.1\x07"


@contextmanager
def edited(root: Path) -> Iterator[dict[str, Any]]:
    """What a release says of its snapshot, to be changed."""
    manifest = json.loads(json.dumps(read_release(root / "release.json").manifest))
    yield manifest["snapshot"]
    write_release(root / "release.json", {key: value for key, value in manifest.items() if key != "digest"})


def test_gone_with_the_other_parser(
    wikis: Wikis, published: tuple[Path, Release], manners: dict[str, Any], tmp_path: Path
) -> None:
    root = shutil.copytree(published[0], tmp_path / "release")
    with edited(root) as snapshot:
        snapshot["recipe"]["crawl"]["wiki"]["html"] = "parsoid"
    try:
        wikis.delete("en", "Okonomiyaki")
        result = Rehydration(find(str(root), tmp_path, ["en"]), tmp_path, manners).run()
    finally:
        wikis.reset()
    assert result.report["reasons"]["gone"] == {"http-status": 1}
    assert row_of(result, "Okonomiyaki")["outcome"] == "gone"


def test_a_page_that_cost_too_much_failed(
    published: tuple[Path, Release], manners: dict[str, Any], tmp_path: Path
) -> None:
    """That the machine gave it up says nothing of its text."""
    root = shutil.copytree(published[0], tmp_path / "release")
    with edited(root) as snapshot:
        snapshot["recipe"]["clean"]["stall_limit_s"] = 1e-6
    result = brought(root, tmp_path, manners, limit=1)
    assert result.report["reasons"]["failed"] == {"failed: timeout": 1}
    assert [note for note in result.report["notes"] if note.startswith("1 pages took more time")]


def test_what_a_stranger_asks_for(
    published: tuple[Path, Release], manners: dict[str, Any], tmp_path: Path, command: Command
) -> None:
    """A release may name any path and any model: no path is opened, and no code allowed."""
    root, pipe = shutil.copytree(published[0], tmp_path / "release"), tmp_path / "pipe"
    os.mkfifo(pipe)  # opened, it would wait for ever
    learnt = {"file": str(pipe), "sha256": "0" * 64}
    with edited(root) as snapshot:
        encoder = {"name": "stranger/model", "revision": "a" * 40, "trust_remote_code": True, "postprocess": learnt}
        snapshot["recipe"]["embed"]["encoder"] = encoder
        snapshot["encoder"]["config"]["postprocess"] = learnt
    result = brought(root, tmp_path, manners, limit=1)
    # What no wiki has is left out as well: nobody asked for it.
    assert (result.number("OK"), result.missing, result.number("left-out")) == (1, 0, ARTICLES - 1 + 2)
    written = yaml.safe_load(result.recipe.read_text(encoding="utf-8"))["embed"]["encoder"]
    assert written["trust_remote_code"] is False
    assert written["postprocess"]["file"] == "encoder/postprocess-00000000.npz"
    assert ["stranger/model" in note for note in result.report["notes"]] == [True, False]
    assert "encoder/postprocess-00000000.npz" in result.report["notes"][1]
    assert "stranger/model" in command(root, "--workdir", tmp_path, "--dry-run").err


def test_a_smaller_run_between_costs_nothing(
    wikis: Wikis, published: tuple[Path, Release], manners: dict[str, Any], tmp_path: Path
) -> None:
    found = find(str(published[0]), tmp_path)
    Rehydration(found, tmp_path, manners).run()
    wikis.forget_hits()
    for limit in (2, None):
        result = Rehydration(found, tmp_path, manners, limit).run()
    assert result.number("OK") == ARTICLES
    assert not wikis.hits()


def test_a_plan_of_another_version(published: tuple[Path, Release], manners: dict[str, Any], tmp_path: Path) -> None:
    work = Rehydration(find(str(published[0]), tmp_path), tmp_path, manners, limit=1)
    work.run()
    [path] = tmp_path.glob("*/crawl-00001/plan.json")
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "version": 0}), encoding="utf-8")
    with pytest.raises(UserError, match="another version") as caught:
        work.run()
    assert "--again" in caught.value.hint
    assert work.run(again=True).number("OK") == 1


def test_killed_it_goes_on(
    wikis: Wikis, published: tuple[Path, Release], manners: dict[str, Any], tmp_path: Path
) -> None:
    wikis.forget_hits()
    process = start("rehydrate", published[0], "--workdir", tmp_path, "--contact", "cook@example.org",
                    "--allow-private", "127.0.0.1/32", "--per-second", "4")  # fmt: skip
    while len(wikis.hits()) < 3 and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert process.returncode == -9
    assert not list(tmp_path.rglob("report.json"))
    assert brought(published[0], tmp_path, manners).number("OK") == ARTICLES
    # What was under way when it was killed may have been asked twice, and nothing else.
    assert len(wikis.hits()) <= ARTICLES + 2


def test_a_dry_run_asks_no_wiki(
    wikis: Wikis, published: tuple[Path, Release], tmp_path: Path, gate: Gate, command: Command
) -> None:
    wikis.forget_hits()
    told = command(published[0], "--workdir", tmp_path, "--dry-run", "--json")
    found = json.loads(told.out)
    assert (told.code, found["requests"], found["to_fetch"]) == (0, ARTICLES, ARTICLES)
    assert found["hosts"] == {gate.base.removeprefix("http://"): ARTICLES}
    assert found["not-rehydratable"] == 2
    assert found["hours"] == pytest.approx(ARTICLES / 5 / 3600, abs=1e-4)
    told = command(published[0], "--workdir", tmp_path, "--dry-run", "--lang", "ja")
    assert (told.code, "jpn_Jpan" in told.out, "less than a minute" in told.out) == (0, True, True)
    assert not wikis.hits()
    assert not list(tmp_path.rglob("crawl-*"))


def test_through_the_hub(hub: UploadHub, published: tuple[Path, Release], tmp_path: Path, gate: Gate) -> None:
    publish(*published, REPOSITORY)
    found = find(f"{REPOSITORY}@{published[1].version}", tmp_path, ["Japanese"])
    assert found.left_out.keys() == {file.language for file in published[1].of("documents")} - {"jpn_Jpan"}
    estimate, counts = Rehydration(found, tmp_path).estimate()
    assert estimate.hosts == {gate.base.removeprefix("http://"): 1}
    assert {label: dict(found) for label, found in counts.items() if not found["left-out"]} == {"jpn_Jpan": {"": 1}}
    # By the name it was pulled under, which is no second pull; English was not pulled.
    assert find("dishes", tmp_path).directory == found.directory
    # A name that stands for something already goes on doing so.
    latest = tmp_path / "snapshots" / "dishes" / "latest"
    latest.write_text("0123456789ab")
    find(f"{REPOSITORY}@{published[1].version}", tmp_path, ["Japanese"])
    assert latest.read_text() == "0123456789ab"
    latest.write_text(published[1].version)
    with pytest.raises(UserError, match="were not pulled"):
        find("dishes", tmp_path, ["en"])


def test_an_unfinished_run_over_other_documents(
    published: tuple[Path, Release], manners: dict[str, Any], tmp_path: Path, gate: Gate
) -> None:
    hasty = {**manners, "politeness": {**manners["politeness"], "patience": 1, "attempts": 1}}
    gate.shut()
    with pytest.raises(HostDown):
        brought(published[0], tmp_path, hasty, limit=3)
    gate.open()
    with pytest.raises(UserError, match="table revisions changed") as caught:
        brought(published[0], tmp_path, manners)
    assert "--again" in caught.value.hint
    work = Rehydration(find(str(published[0]), tmp_path), tmp_path, manners, limit=2)
    result = work.run(again=True)
    assert (result.number("OK"), result.number("left-out")) == (2, ARTICLES - 2 + 2)


def test_what_cannot_be_brought_back(published: tuple[Path, Release], tmp_path: Path, command: Command) -> None:
    told = command(published[0], "--workdir", tmp_path)
    assert (told.code, "without a contact" in told.err) == (2, True)
    assert not tree(tmp_path)
    with pytest.raises(UserError, match="holds no release"):
        find(str(tmp_path), tmp_path / "work")
    done = pull(LocalStore(published[0]), tmp_path / "work")
    path = next(done.directory.glob("documents/*/*.parquet"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match="is not the file the release names"):
        find("dishes", tmp_path / "work")


def test_a_release_with_texts(published: tuple[Path, Release], tmp_path: Path) -> None:
    body = {key: value for key, value in published[1].manifest.items() if key != "digest"}
    write_release(tmp_path / "whole" / "release.json", {**body, "ids_only": False})
    with pytest.raises(UserError, match="was published with its texts"):
        find(str(tmp_path / "whole"), tmp_path)
    assert not (tmp_path / "snapshots").exists()
