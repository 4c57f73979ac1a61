"""The command line as a program: fast, quiet, honest exit codes, no traceback for a user's mistake."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fresh import modules_loaded_by

from m4corpus.cli.main import COMMANDS, cli, main

HEAVY = (
    "torch", "faiss", "transformers", "sentence_transformers", "pyarrow", "datatrove", "pydantic", "numpy",
    "trafilatura", "lxml", "fasttext", "sentencepiece", "rich", "yaml", "loguru",
)  # fmt: skip
RECIPE = "name: tiny\nread: {sources: [{name: pages, format: html, path: pages}]}\n"


def m4corpus(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "m4corpus", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, **options)


@pytest.mark.parametrize(
    "code",
    [
        "import m4corpus",
        "import m4corpus; m4corpus.run, m4corpus.open_snapshot, m4corpus.__version__",
        "from m4corpus.cli.main import cli; cli.main(['--help'], standalone_mode=False)",
        "from m4corpus.cli.main import cli; cli.main(['run', '--help'], standalone_mode=False)",
        "from m4corpus.cli.main import cli; cli.main(['search', '--help'], standalone_mode=False)",
    ],
    ids=["import", "names", "help", "run-help", "search-help"],
)
def test_light(code: str) -> None:
    assert modules_loaded_by(code) & set(HEAVY) == set()


def test_a_recipe_is_read_without_what_runs_it() -> None:
    recipe = Path(__file__).parents[2] / "recipes" / "quickstart.yaml"
    code = f"from pathlib import Path; from m4corpus.recipe import load; load(Path({str(recipe)!r}))"
    # A recipe is YAML, and pydantic checks it.
    unneeded = {*HEAVY, "huggingface_hub", "pandas"} - {"pydantic", "yaml"}
    assert modules_loaded_by(code) & unneeded == set()


def test_help_answers_in_half_a_second() -> None:
    best = 9.0
    for _ in range(5):
        started = time.perf_counter()
        done = m4corpus("--help")
        best = min(best, time.perf_counter() - started)
    assert done.returncode == 0
    assert best < 0.5


def test_help_lists_every_command_and_the_exit_codes() -> None:
    done = m4corpus("-h")
    for name in COMMANDS:
        assert f"  {name} " in done.stdout
    assert "Exit codes: 0 done" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"])
    assert result.exit_code == 0
    assert f"{command} [OPTIONS]" in result.output


def test_version() -> None:
    from m4corpus import __version__

    assert m4corpus("--version").stdout.strip() == f"m4corpus, version {__version__}"


def test_stage_names_are_those_of_the_pipeline() -> None:
    from m4corpus.cli.run import STAGES
    from m4corpus.pipeline import STAGES as REAL

    assert STAGES == REAL


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "rnu"),
        (["run"], "RECIPE"),
        (["run", "--workers", "0", "recipe.yaml"], "--workers"),
        (["run", "--executor", "abacus", "recipe.yaml"], "abacus"),
        (["run", "--stage", "dedupe", "recipe.yaml"], "dedupe"),
        (["run", "--stage", "dedup", "--from", "clean", "recipe.yaml"], "--stage cannot be combined"),
        (["run", "nowhere.yaml"], "recipe not found: nowhere.yaml"),
        (["plan", "broken.yaml"], "did you mean 'chunk'?"),
        (["recipe", "check", "broken.yaml"], "broken.yaml:3: unknown key 'chnuk'"),
        (["run", "recipe.yaml"], "pages"),
        (["plan", "recipe.yaml"], "pages"),
        (["search", "nothing", "text"], "no snapshot nothing"),
        (["search", "nothing", "text", "-k", "0"], "-k"),
        (["verify", "nothing"], "no snapshot nothing"),
        (["retrieve", "nothing", "queries.jsonl"], "--out"),
        (["evaluate", "nothing", "queries.jsonl", "qrels"], "qrels"),
    ],
)
def test_a_wrong_request_is_told_without_a_traceback(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "broken.yaml").write_text(RECIPE + "chnuk: {}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["m4corpus", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    said = capsys.readouterr()
    assert caught.value.code == 2
    assert words in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_a_held_work_directory_exits_3_and_names_the_holder(tmp_path: Path) -> None:
    from m4corpus.storage.lock import locked

    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.html").write_text("<p>text</p>")
    with locked(tmp_path / "work"):
        done = m4corpus("run", "recipe.yaml", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert f"process {os.getpid()}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_snapshot_exits_4(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "manifest.json").write_text("{}")
    done = m4corpus("verify", "s", cwd=tmp_path)
    assert done.returncode == 4
    assert "altered" in done.stderr


def test_a_work_directory_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "work").touch()
    done = m4corpus("run", "recipe.yaml", cwd=tmp_path)
    assert done.returncode in (2, 6)
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_gone_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m m4corpus languages --json | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "0"
    assert "Error" not in done.stderr


def test_recipe_keys_describe_every_option() -> None:
    done = m4corpus("recipe", "keys")
    assert done.returncode == 0
    for key in (
        "name",
        "partitions",
        "read.sources[].path",
        "chunk.size",
        "chunk.overlap",
        "dedup.threshold",
        "index.kind",
    ):
        assert any(line.split()[:1] == [key] for line in done.stdout.splitlines()), key


def test_recipe_keys_of_one_section() -> None:
    keys = [line.split()[0] for line in m4corpus("recipe", "keys", "chunk").stdout.splitlines()[1:]]
    assert "chunk.size" in keys
    assert all(key.startswith("chunk.") for key in keys)
    assert m4corpus("recipe", "keys", "chunks").returncode == 2


def test_recipe_check(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    done = m4corpus("recipe", "check", "recipe.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "recipe.yaml is a valid recipe named 'tiny'\n")


def test_plan_writes_nothing_and_speaks_json(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.html").write_text("<p>text</p>")
    done = m4corpus("plan", "recipe.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    steps = json.loads(done.stdout)
    assert [s["stage"] for s in steps][:3] == ["read", "clean", "identify"]
    assert steps[0]["state"] == "run"
    assert {s["state"] for s in steps[1:]} == {"pending"}
    assert not list((tmp_path / "work").glob("tiny*"))


def test_status_before_any_run_is_empty(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    done = m4corpus("status", "recipe.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


def test_an_interrupt_says_how_to_resume(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "pages").mkdir()
    for number in range(300):
        (tmp_path / "pages" / f"{number}.html").write_text(f"<p>{number} {'text ' * 2000}</p>")
    process = subprocess.Popen(
        [sys.executable, "-m", "m4corpus", "run", "recipe.yaml", "-w", "1"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 40
    while not list(tmp_path.glob("work/tiny/clean-*/logs/*/progress/*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    # From a terminal the signal reaches every process of the group.
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert "run the same command to resume" in stderr
    assert "Traceback" not in stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_stdout_is_told() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "m4corpus", "languages"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 6
    assert "no space left" in done.stderr
    assert "Traceback" not in done.stderr
