from __future__ import annotations

import json

from click.testing import CliRunner, Result

from m4corpus.cli.languages import command
from m4corpus.errors import UserError


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_lists_all_languages_on_stdout_and_the_totals_on_stderr() -> None:
    result = invoke()
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split() == ["code", "name", "639-1", "script", "edition", "varieties"]
    assert len(lines) == 43
    assert ["spa", "Spanish", "es", "Latn", "es", "7"] in [line.split() for line in lines]
    assert result.stderr == "42 languages, 56 varieties\n"


def test_filters_narrow_languages_and_the_varieties_counted() -> None:
    assert invoke("--dataset", "cvqa").stderr.endswith(" 39 varieties\n")
    assert invoke("--dataset", "worldcuisines").stderr.endswith(" 30 varieties\n")
    arabic = invoke("--script", "arab").stdout.splitlines()[1:]
    assert [line.split()[0] for line in arabic] == ["arb", "arz", "urd"]
    registers = json.loads(invoke("--kind", "register", "--json").stdout)
    assert {v["kind"] for language in registers for v in language["varieties"]} == {"register"}
    assert sum(len(language["varieties"]) for language in registers) == 12


def test_explains_a_language_under_any_name() -> None:
    for name in ("zh-yue", "yue", "yuewiki", "https://zh-yue.wikipedia.org/wiki/X"):
        shown = invoke(name).stdout
        assert shown.startswith("Cantonese (粵語)")
        assert "zh-yue.wikipedia.org" in shown
        assert "zh_yuewiki" in shown


def test_marks_the_variety_asked_for() -> None:
    marked = [line for line in invoke("es-AR").stdout.splitlines() if line.startswith("  *")]
    assert marked == ["  * es-AR  Spanish of Argentina  [regional; CVQA Argentina]"]
    assert json.loads(invoke("ja_casual", "--json").stdout)["variety"] == "ja_casual"


def test_json_holds_everything_known() -> None:
    answer = json.loads(invoke("no", "--json").stdout)
    assert answer["code"] == "nob"
    assert answer["macrolanguage"] == "nor"
    assert answer["dump"] == "nowiki"
    assert answer["varieties"][0]["bcp47"] == "nb-NO"
    assert len(json.loads(invoke("--json").stdout)) == 42


def test_an_unknown_name_and_mixed_arguments_are_refused() -> None:
    assert isinstance(invoke("Spansh").exception, UserError)
    assert invoke("es", "--kind", "dialect").exit_code == 2
