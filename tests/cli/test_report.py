"""What a run shows: every rule and reason with its count, on stdout; progress on stderr."""

from __future__ import annotations

from pathlib import Path

import pytest

from m4corpus.cli import report
from m4corpus.cli.output import table
from m4corpus.ledger import Counts
from m4corpus.pipeline import PlannedStage, RunResult, StageResult


@pytest.fixture
def result() -> StageResult:
    counts = Counts.from_dict(
        {"inputs": 1205, "kept": 1200, "outputs": 1200, "dropped": {"min-chars": 3}, "failed": {"too-deep": 2}}
    )
    return StageResult("clean", "run", 1.25, Path("work/x/clean-0123"), counts, "00")


def test_a_finished_run_names_every_rule_and_reason(result: StageResult, capsys: pytest.CaptureFixture[str]) -> None:
    report.print_run(RunResult("x", [result]), "m4corpus status my.yaml --ledger failed")
    out = capsys.readouterr().out
    assert "1,205" in out
    assert "min-chars 3" in out
    assert "too-deep 2" in out
    assert "2 inputs were quarantined" in out
    assert "list them: m4corpus status my.yaml --ledger failed" in out


def test_a_log_gets_plain_lines(result: StageResult, capsys: pytest.CaptureFixture[str]) -> None:
    with report.reporter() as heard:
        heard.stage(PlannedStage("clean", "run", "never built"))
        heard.progress("clean", "clean", 10, 1205, "documents")
        heard.finished(result)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "clean: run (never built)",
        "clean: 1,205 in, 1,200 kept, 3 dropped, 2 FAILED, 1.2 s",
    ]


def test_long_work_speaks_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "LOG_INTERVAL", 0.0)
    report.LineReporter().progress("embed", "embed", 10, 1205, "chunks")
    assert capsys.readouterr().err == "embed/embed: 10 of 1,205 chunks\n"


def test_a_log_tells_rate_and_remaining_time_of_the_phase(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(report, "LOG_INTERVAL", 0.0)
    monkeypatch.setattr(report.time, "monotonic", lambda: now[0])
    reporter = report.LineReporter()
    for seconds, phase, done in [(0, "apply", 50), (0, "embed", 1000), (20, "embed", 1500), (40, "embed", 1000)]:
        now[0] = 100.0 + seconds
        reporter.progress("embed", phase, done, 4000, "chunks")
    assert capsys.readouterr().err.splitlines() == [
        "embed/apply: 50 of 4,000 chunks",
        "embed/embed: 1,000 of 4,000 chunks",
        "embed/embed: 1,500 of 4,000 chunks, 25/s, 0:01:40 left",
        "embed/embed: 1,000 of 4,000 chunks",
    ]


def test_tables_keep_brackets_and_long_cells_whole(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 300
    table(["a", "n"], [["[bold]", 1234], [long, 5]])
    out = capsys.readouterr().out
    assert "[bold]" in out
    assert long in out
    assert "1,234" in out


def test_varieties_mixed_and_flagged_documents_are_counted_where_there_are_any(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts = {
        "documents": {"arz_Arab": 3, "eng_Latn": 1200},
        "chunks": {"eng_Latn": 5000},
        "varieties": {"arz": 2, "es-MX": 40},
        "mixed": {"share": 0.1, "documents": 7},
        "flags": {"romanised": 1, "untranslated": 6},
    }
    report.print_languages(counts)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "es-MX" in line or "arz" in line] == ["arz_Arab", "es-MX", "arz"]
    assert "mixed: 7 documents, with 10% or more in a second language" in lines
    assert "flags: 6 untranslated, 1 romanised" in lines
    # As a manifest was written before varieties were counted.
    report.print_languages({"documents": {"eng_Latn": 2}, "chunks": {"eng_Latn": 2}})
    old = capsys.readouterr().out
    assert "variety" not in old
    assert "mixed" not in old
