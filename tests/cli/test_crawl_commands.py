"""``m4corpus crawl`` as people use it, against real wikis: what it says, where, and the code it ends with."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli_work import Command, command_of
from click.testing import CliRunner
from crawl_recipes import crawl_of, dishes, on_wikis, outputs, quiet, start, write_recipe
from gate import Gate
from wikis import Wikis

from m4corpus.cli import report
from m4corpus.cli.main import cli


@pytest.fixture(autouse=True)
def _no_contact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("M4CORPUS_CONTACT", raising=False)


@pytest.fixture
def crawl(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``m4corpus crawl`` with these arguments."""
    return command_of("crawl", monkeypatch, capsys)


@pytest.fixture(scope="module")
def gate(wikis: Wikis) -> Iterator[Gate]:
    """The wikis behind a gate; open when a test begins."""
    with Gate(wikis.base) as gate:
        yield gate


def recipe_in(folder: Path, wikis: Wikis, gate: Gate, **politeness: Any) -> Path:
    """The same questions for every test; manners, which a crawl may change as it goes on, as each needs them."""
    return write_recipe(folder, {**on_wikis(wikis, gate.base, **politeness), **dishes(folder)})


@pytest.fixture
def recipe(tmp_path: Path, wikis: Wikis, gate: Gate) -> Path:
    return recipe_in(tmp_path, wikis, gate)


@pytest.fixture(scope="module")
def untroubled(wikis: Wikis, gate: Gate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work directory with one crawl of the recipe, finished; not to be changed."""
    folder = tmp_path_factory.mktemp("untroubled")
    crawl_of(recipe_in(folder, wikis, gate), folder / "work").run(quiet)
    return folder / "work"


@pytest.fixture
def done(untroubled: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    shutil.copytree(untroubled, tmp_path / "work")
    return tmp_path / "work"


def first(workdir: Path) -> Path:
    return workdir / "dishes" / "crawl-00001"


# What is said before anything is sent


def test_help_teaches() -> None:
    said = CliRunner().invoke(cli, ["crawl", "--help"]).output
    for words in ("crawl RECIPE", "resumes", "--dry-run", "crawl status", "crawl replay", "crawl export"):
        assert words in said
    assert "..." not in said.split("Commands:")[1], "each command is told in one whole line"


@pytest.mark.parametrize("name", ["run", "status", "replay", "export"])
def test_each_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, ["crawl", name, "--help"])
    assert result.exit_code == 0
    assert f"crawl {name} [OPTIONS] RECIPE" in result.output


def test_a_dry_run_sends_nothing(crawl: Command, recipe: Path, tmp_path: Path, wikis: Wikis) -> None:
    body = yaml.safe_load(recipe.read_text())
    del body["crawl"]["contact"]
    recipe.write_text(yaml.safe_dump(body))
    wikis.forget_hits()
    told = crawl("--dry-run", recipe, "--workdir", tmp_path / "work")
    assert told.code == 0, told.err
    assert "worldcuisines: 6 questions" in told.out
    assert "all requests" in told.out
    assert told.out.splitlines()[-1] == "nothing was sent"
    asked = json.loads(crawl(recipe, "--workdir", tmp_path / "work", "--dry-run", "--json").out)
    assert asked["questions"] == {"worldcuisines": 6}
    assert not wikis.hits()
    assert not (tmp_path / "work").exists()


def test_nothing_is_sent_without_a_contact(crawl: Command, recipe: Path, tmp_path: Path, wikis: Wikis) -> None:
    body = yaml.safe_load(recipe.read_text())
    del body["crawl"]["contact"]
    recipe.write_text(yaml.safe_dump(body))
    wikis.forget_hits()
    told = crawl(recipe, "--workdir", tmp_path / "work")
    assert told.code == 2
    assert "M4CORPUS_CONTACT" in told.err
    assert told.out == ""
    assert not wikis.hits()
    # Nothing was begun that would be in the way of another recipe.
    assert not list((tmp_path / "work").rglob("plan.json"))


def test_a_recipe_without_a_crawl_is_told(crawl: Command, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text("name: tiny\nread: {sources: [{name: pages, format: html, path: pages}]}\n")
    for arguments in ([], ["--dry-run"]):
        told = crawl(tmp_path / "tiny.yaml", "--workdir", tmp_path / "work", *arguments)
        assert told.code == 2
        assert "recipe tiny has no crawl section" in told.err
    assert crawl("status", tmp_path / "tiny.yaml").code == 2


@pytest.mark.parametrize("command", [["status"], ["replay"], ["export", "--out", "export"]])
def test_before_anything_was_crawled(crawl: Command, command: list[str], recipe: Path, tmp_path: Path) -> None:
    told = crawl(command[0], recipe, "--workdir", tmp_path / "work", *command[1:])
    assert told.code == 2
    assert "no crawl of dishes" in told.err
    assert "Begin with `m4corpus crawl`" in told.err
    assert told.out == ""


def test_status_in_the_moment_a_crawl_begins(crawl: Command, done: Path, recipe: Path) -> None:
    for path in first(done).iterdir():
        if path.name != "plan.json":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert "does not exist" in crawl("status", recipe, "--workdir", done).err
    # SQLite makes the file first and its tables then.
    (first(done) / "frontier.sqlite").touch()
    for arguments in ([], ["--requests"]):
        assert crawl("status", recipe, "--workdir", done, *arguments).code in (0, 2)


# Crawling


def test_run_needs_no_name(crawl: Command, untroubled: Path, recipe: Path, tmp_path: Path) -> None:
    short = crawl(recipe, "--workdir", tmp_path / "short")
    long = crawl("run", recipe, "--workdir", tmp_path / "long", "--json")
    assert (short.code, long.code) == (0, 0)
    assert outputs(first(tmp_path / "short")) == outputs(first(tmp_path / "long")) == outputs(first(untroubled))
    told = json.loads(long.out)
    assert told["outputs"] == 7
    assert f"digest {told['logical']}" in short.out
    assert "right answers of worldcuisines" in short.out
    assert f"next: m4corpus run {recipe}" in short.out


def test_progress_goes_to_stderr(crawl: Command, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "LOG_INTERVAL", 0.0)
    told = crawl(recipe, "--workdir", tmp_path / "work", "--json")
    assert told.code == 0
    assert json.loads(told.out)["fetched"] > 20
    for line in ("crawl/questions: 6 of 6 questions", "crawl/pages: 7 of", "crawl/writing: 7 of 7 pages"):
        assert line in told.err


def test_a_finished_crawl_is_not_done_again(crawl: Command, done: Path, recipe: Path, wikis: Wikis) -> None:
    wikis.forget_hits()
    told = crawl(recipe, "--workdir", done)
    assert told.code == 0
    assert "is finished; --again begins a new one" in told.out
    assert not wikis.hits()


def test_again_takes_over_what_nobody_edited(crawl: Command, done: Path, recipe: Path, wikis: Wikis) -> None:
    wikis.forget_hits()
    told = crawl(recipe, "--workdir", done, "--again", "--json")
    assert told.code == 0
    asked = [hit.target for hit in wikis.hits()]
    assert asked
    assert not [target for target in asked if "action=parse" in target]
    assert json.loads(told.out)["crawl"].endswith("crawl-00002")
    assert outputs(done / "dishes" / "crawl-00002") == outputs(first(done))
    # Each stands alone.
    shutil.rmtree(first(done))
    assert crawl("replay", recipe, "--workdir", done).code == 0
    assert crawl("status", recipe, "--workdir", done, "--crawl", "1").code == 2


def test_again_counts_what_was_sent(crawl: Command, done: Path, recipe: Path, wikis: Wikis) -> None:
    wikis.forget_hits()
    told = json.loads(crawl(recipe, "--workdir", done, "--again", "--json").out)
    assert told["fetched"] == len(wikis.hits())


@pytest.mark.parametrize("refused", ["oldid=", "srsearch=rawon&", "pageids="])
def test_what_failed_is_asked_once_more(
    crawl: Command, refused: str, recipe: Path, tmp_path: Path, untroubled: Path, wikis: Wikis, gate: Gate
) -> None:
    gate.refused = refused
    try:
        told = crawl(recipe, "--workdir", tmp_path / "work")
    finally:
        gate.refused = ""
    assert told.code == 0, told.err
    assert "failed: http-status" in told.out
    assert "--retry asks again" in told.out
    assert outputs(first(tmp_path / "work")) != outputs(first(untroubled))
    failed = json.loads(crawl("status", recipe, "--workdir", tmp_path / "work", "--requests", "--json").out)
    assert failed
    assert {row["reason"] for row in failed} == {"http-status"}
    assert all(refused in row["address"] for row in failed)
    rows = json.loads(crawl("status", recipe, "--workdir", tmp_path / "work", "--ledger", "failed", "--json").out)
    assert {(row["failed"], row["detail"]) for row in rows} == {("http-status", "status=503")}
    wikis.forget_hits()
    assert "--retry" in crawl(recipe, "--workdir", tmp_path / "work").out
    assert not wikis.hits(), "not without being told"
    told = crawl(recipe, "--workdir", tmp_path / "work", "--retry")
    assert told.code == 0, told.err
    assert "failed:" not in told.out
    assert "--retry" not in told.out
    assert outputs(first(tmp_path / "work")) == outputs(first(untroubled))
    assert crawl("replay", recipe, "--workdir", tmp_path / "work").code == 0


def test_what_a_failure_let_in_goes_when_it_has_passed(
    crawl: Command, recipe: Path, tmp_path: Path, wikis: Wikis, gate: Gate
) -> None:
    # Found by the English name, which is searched where no language link is known, and not by the Japanese one.
    wikis.edit("ja", "台所のメモ", "Har gow の作り方は難しい。")
    try:
        assert crawl(recipe, "--workdir", tmp_path / "whole").code == 0
        gate.refused = "prop=langlinks"
        try:
            assert crawl(recipe, "--workdir", tmp_path / "work").code == 0
        finally:
            gate.refused = ""
        assert len({*_articles(tmp_path / "work")} - {*_articles(tmp_path / "whole")}) == 1
        assert crawl(recipe, "--workdir", tmp_path / "work", "--retry").code == 0
    finally:
        wikis.reset()
    assert outputs(first(tmp_path / "work")) == outputs(first(tmp_path / "whole"))
    assert crawl("replay", recipe, "--workdir", tmp_path / "work").code == 0


def test_a_host_that_goes_down(
    crawl: Command, recipe: Path, tmp_path: Path, untroubled: Path, wikis: Wikis, gate: Gate
) -> None:
    recipe_in(tmp_path, wikis, gate, attempts=30, patience=5, concurrency=2)
    gate.left = 12
    try:
        told = crawl(recipe, "--workdir", tmp_path / "work")
    finally:
        gate.open()
    assert told.code == 6
    assert "127.0.0.1 does not answer" in told.err
    assert "run the same command" in told.err
    assert told.out == ""
    state = crawl("status", recipe, "--workdir", tmp_path / "work")
    assert "unfinished" in state.out
    assert crawl("export", recipe, "--workdir", tmp_path / "work", "--out", tmp_path / "out").code == 2
    listing = crawl("status", recipe, "--workdir", tmp_path / "work", "--ledger", "failed")
    assert listing.code == 2
    assert "not finished" in listing.err
    told = crawl(recipe, "--workdir", tmp_path / "work")
    assert told.code == 0, told.err
    assert outputs(first(tmp_path / "work")) == outputs(first(untroubled))


def test_a_replay_does_not_harm_an_unfinished_crawl(
    crawl: Command, recipe: Path, tmp_path: Path, untroubled: Path, wikis: Wikis, gate: Gate
) -> None:
    recipe_in(tmp_path, wikis, gate, attempts=30, patience=5, concurrency=2)
    gate.left = 12
    try:
        assert crawl(recipe, "--workdir", tmp_path / "work").code == 6
    finally:
        gate.open()
    told = crawl("replay", recipe, "--workdir", tmp_path / "work")
    assert told.code == 2
    assert "is not complete" in told.err
    assert crawl(recipe, "--workdir", tmp_path / "work").code == 0
    assert outputs(first(tmp_path / "work")) == outputs(first(untroubled))


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_watched_and_resumed(
    crawl: Command, by: signal.Signals, recipe: Path, tmp_path: Path, untroubled: Path, wikis: Wikis, gate: Gate
) -> None:
    recipe_in(tmp_path, wikis, gate, per_second=8, total_per_second=8)
    process = start("crawl", recipe, "--workdir", tmp_path / "work")
    try:
        _await(lambda: _answers(first(tmp_path / "work")) >= 3)
        running = crawl("status", recipe, "--workdir", tmp_path / "work")
        assert running.code == 0, running.err
        assert "crawl-00001: unfinished, begun 20" in running.out
        told = json.loads(crawl("status", recipe, "--workdir", tmp_path / "work", "--json").out)
        assert not told["finished"]
        assert told["requests"]["search"]["done"] >= 3
        assert told["per_second"] > 0
        second = crawl(recipe, "--workdir", tmp_path / "work")
        assert second.code == 3
        assert f"process {process.pid}" in second.err
        assert crawl("replay", recipe, "--workdir", tmp_path / "work").code == 3
        assert process.poll() is None, "it ended too early for this test"
        process.send_signal(by)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, err
    assert "run the same command to resume" in err
    assert "Traceback" not in err
    assert "never retrieved" not in err
    assert out == ""
    recipe_in(tmp_path, wikis, gate)
    before = _answers(first(tmp_path / "work"))
    resumed = json.loads(crawl(recipe, "--workdir", tmp_path / "work", "--json").out)
    assert resumed["reused"] >= before
    assert outputs(first(tmp_path / "work")) == outputs(first(untroubled))


# Of a finished crawl


def test_status_of_a_finished_crawl(crawl: Command, untroubled: Path, recipe: Path) -> None:
    told = crawl("status", recipe, "--workdir", untroubled)
    assert told.code == 0
    assert told.out.startswith("crawl-00001: finished\nquestions 6 of 6")
    assert told.err == ""
    rows = {line.split()[0]: line.split()[1:] for line in told.out.splitlines() if line}
    assert rows["parse"] == ["7", "0", "0"]
    data = json.loads(crawl("status", recipe, "--workdir", untroubled, "--json").out)
    assert data["finished"]
    assert data["questions"] == [6, 6]
    assert data["requests"]["parse"] == {"done": 7}
    assert (data["failures"], data["troubles"], data["seconds_left"]) == ({}, [], None)
    assert data["bytes"] > 10_000


def test_lists_of_a_finished_crawl(crawl: Command, untroubled: Path, recipe: Path) -> None:
    assert json.loads(crawl("status", recipe, "--workdir", untroubled, "--requests", "--json").out) == []
    rows = json.loads(crawl("status", recipe, "--workdir", untroubled, "--ledger", "dropped", "--json").out)
    assert {row["dropped"] for row in rows} == {"redirect"}
    table = crawl("status", recipe, "--workdir", untroubled, "--ledger", "dropped").out.splitlines()
    assert len(table) == 1 + len(rows)
    assert json.loads(crawl("status", recipe, "--workdir", untroubled, "--ledger", "failed", "--json").out) == []


def test_a_replay_says_whether_it_is_the_same(crawl: Command, done: Path, recipe: Path, wikis: Wikis) -> None:
    wikis.forget_hits()
    told = crawl("replay", recipe, "--workdir", done)
    assert (told.code, told.err) == (0, "")
    assert "the archive gives the same pages" in told.out
    assert json.loads(crawl("replay", recipe, "--workdir", done, "--json").out)["same"]
    assert not wikis.hits()


def test_a_replay_finds_a_flipped_byte(crawl: Command, done: Path, recipe: Path) -> None:
    archive = first(done) / "warc" / "00000.warc.gz"
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    told = crawl("replay", recipe, "--workdir", done)
    assert told.code == 4
    assert f"{archive} is damaged at offset" in told.err
    assert told.out == ""


def test_a_replay_finds_that_the_end_is_gone(crawl: Command, done: Path, recipe: Path) -> None:
    archive = first(done) / "warc" / "00000.warc.gz"
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    told = crawl("replay", recipe, "--workdir", done)
    assert told.code == 4
    assert str(first(done)) in told.err


def test_a_replay_needs_no_table(crawl: Command, done: Path, recipe: Path) -> None:
    table = recipe.parent / "dishes.csv"
    with table.open("a") as file:
        file.write('Koshary,[],"[""stew""]","[""stew""]"\n')
    assert crawl("replay", recipe, "--workdir", done).code == 0
    table.unlink()
    told = crawl("replay", recipe, "--workdir", done)
    assert (told.code, told.err) == (0, "")


def test_another_question_is_no_replay(crawl: Command, done: Path, recipe: Path) -> None:
    text = recipe.read_text()
    recipe.write_text(text.replace("worldcuisines:", "worldcuisines:\n    linked: 1"))
    told = crawl("replay", recipe, "--workdir", done)
    assert (told.code, "asked other things" in told.err) == (2, True)
    recipe.write_text(text)
    (first(done) / "asked.jsonl").write_text('{"inputs": {}}\n{"name": 1}\n')
    told = crawl("replay", recipe, "--workdir", done)
    assert (told.code, "asked.jsonl is damaged" in told.err) == (4, True)
    # Without the questions the tables are read, and must be those of then.
    (first(done) / "asked.jsonl").unlink()
    assert crawl("replay", recipe, "--workdir", done).code == 0
    with (recipe.parent / "dishes.csv").open("a") as table:
        table.write('Koshary,[],"[""stew""]","[""stew""]"\n')
    told = crawl("replay", recipe, "--workdir", done)
    assert (told.code, "asked other things" in told.err, "asked.jsonl" in told.err) == (2, True, True)


def test_an_export(crawl: Command, untroubled: Path, recipe: Path, tmp_path: Path) -> None:
    told = crawl("export", recipe, "--workdir", untroubled, "--out", tmp_path / "export")
    assert told.code == 0, told.err
    assert f"written to {tmp_path / 'export'}" in told.out
    plan = tmp_path / "export" / "worldcuisines"
    articles = [json.loads(line) for line in (plan / "articles.jsonl").read_text().splitlines()]
    mapping = [json.loads(line) for line in (plan / "question_article.jsonl").read_text().splitlines()]
    assert len(articles) == 7
    assert [row["question_id"] for row in mapping[:3]] == ["food-1", "food-2", "food-3"]
    assert {id for row in mapping for id in row["article_ids"]} == {article["id"] for article in articles}
    counts = json.loads(crawl("export", recipe, "--workdir", untroubled, "--out", tmp_path / "again", "--json").out)
    assert counts["worldcuisines"]["articles"] == 7
    assert (tmp_path / "again" / "worldcuisines" / "articles.jsonl").read_bytes() == (
        plan / "articles.jsonl"
    ).read_bytes()


def _articles(workdir: Path) -> Iterator[str]:
    """Ids of the articles that questions lead to."""
    for line in (first(workdir) / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        yield from json.loads(line)["article_ids"]


def _answers(crawl: Path) -> int:
    """Requests answered so far, as another process sees them."""
    from m4corpus.crawl.frontier import Frontier
    from m4corpus.errors import UserError

    # Before its tables are made there are none.
    if (crawl / "frontier.sqlite-wal").is_file():
        frontier = crawl / "frontier.sqlite"
        with suppress(sqlite3.OperationalError, UserError), Frontier(frontier, read_only=True) as told:
            return sum(states.get("done", 0) for states in told.counts().values())
    return 0


def _await(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not ready():
        assert time.monotonic() < deadline, "nothing happened for 30 seconds"
        time.sleep(0.05)
