"""How limits are learnt, and that the table the package carries is whole."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from m4corpus import languages as registry
from m4corpus.cli.filters import command
from m4corpus.filters.learn import LEAST_STRETCHES, Reference, limit, relative_lengths, stop_words, stretches, tables
from m4corpus.filters.measures import LEARNT, Measure
from m4corpus.filters.thresholds import EVERY, relative_length, threshold
from m4corpus.tables import read_table

NOTHING = Measure(lambda document: 0.0)


def text(seed: int, words: int = 160) -> str:
    """Words that vary, held together by two that do not."""
    return " ".join(f"the w{(seed * 7 + n) % 97}x{n % 13} of" for n in range(words // 3)) + "."


def references(count: int) -> list[Reference]:
    return [Reference("eng", "Latn", "\n".join([text(n)] * 2), "a" if n % 2 else "b") for n in range(count)]


def test_limits_lie_as_far_out_again_as_the_tail() -> None:
    values = [float(n) for n in range(101)]
    assert limit(Measure(NOTHING.of, least=0.0), values) == 2 * 95 - 50
    assert limit(Measure(NOTHING.of, least=500.0), values) == 500
    assert limit(Measure(NOTHING.of, most=100.0), values) == 0
    assert limit(Measure(NOTHING.of, most=0.5, relative=True), [10.0] * 20) == 5
    assert limit(Measure(NOTHING.of, most=0.5, relative=True, firm=0.25), values) == 12.5


def test_stretches_hold_the_whole_text_and_are_of_like_content() -> None:
    lines = [f"Line {n} of a long text that goes on and on." for n in range(100)]
    reference = Reference("eng", "Latn", "\n".join(lines), "s")
    parts = list(stretches([reference], {}))
    assert "\n".join(part.text for part in parts) == reference.text
    assert len(parts) == 4
    assert len(list(stretches([reference], {"eng": 0.5}))) == 8


def test_frequent_words_are_those_of_every_source() -> None:
    ships = [Reference("eng", "Latn", "the ship and a sail of it in on to by " * 20, "ships")]
    bread = [Reference("eng", "Latn", "the bread and a crust of it in on to by " * 20, "bread")]
    assert stop_words(ships + bread)["eng"] == ["a", "and", "by", "in", "it", "of", "on", "the", "to"]
    # Too few words tell nothing.
    assert stop_words([Reference("kor", "Hang", "연 바람 " * 30, "a")]) == {}


def test_lengths_are_compared_by_translations_alone() -> None:
    rows = [Reference("eng", "Latn", "kites", "u", True), Reference("cmn", "Hans", "风筝", "u", True)]
    assert relative_lengths([*rows, Reference("cmn", "Hans", "不算" * 50, "v")]) == {"cmn": 0.4, "eng": 1.0}


def test_a_language_with_few_texts_falls_back_and_says_so() -> None:
    few = [Reference("swh", "Latn", text(n), "a") for n in range(2)]
    rows, _ = tables([*references(2 * LEAST_STRETCHES), *few], {"eng": "Latn", "swh": "Latn", "amh": "Ethi"})
    found = {(row.measure, row.code): row for row in rows}
    assert found["distinct_share", "eng"].basis == "eng"
    assert (found["distinct_share", "swh"].basis, found["distinct_share", "swh"].stretches) == ("Latn", 2)
    assert ("distinct_share", "amh") not in found
    assert found["distinct_share", EVERY].limit == found["distinct_share", "swh"].limit


def test_the_table_has_every_language_and_measure() -> None:
    for language in registry.languages():
        script = language.scripts[0]
        missing = [name for name in LEARNT if threshold(name, language.code, script) is None]
        assert missing == [], language.code
        assert 0.2 < relative_length(language.code, script) < 1.5
    assert threshold("word_length", "ell", "Grek") is not None
    assert {row["measure"] for row in read_table("filter_thresholds")} == {*LEARNT, "relative_length"}


def test_no_learnt_limit_is_stricter_than_what_holds_for_all() -> None:
    for row in read_table("filter_thresholds"):
        if row["measure"] == "relative_length":
            continue
        measure, scale = LEARNT[row["measure"]], float(row["median"]) if LEARNT[row["measure"]].relative else 1.0
        if measure.least is not None:
            assert float(row["limit"]) >= round(measure.least * scale, 2) - 0.01
        else:
            assert float(row["limit"]) <= (measure.most or 0) * scale + 0.01


def test_the_command_writes_both_tables(tmp_path: Path) -> None:
    source = tmp_path / "texts.jsonl"
    rows = [{"language": "en", "text": reference.text} for reference in references(LEAST_STRETCHES)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = CliRunner().invoke(command, ["learn", str(source), "--into", str(tmp_path / "tables")])
    assert done.exit_code == 0, done.output
    with (tmp_path / "tables" / "filter_thresholds.csv").open(encoding="utf-8", newline="") as file:
        assert {row["code"] for row in csv.DictReader(file)} == {"eng", "Latn", EVERY}
    assert (tmp_path / "tables" / "stop_words.csv").is_file()
    source.write_text("{}\n", encoding="utf-8")
    failed = CliRunner().invoke(command, ["learn", str(source), "--into", str(tmp_path)])
    assert "line 1" in str(failed.exception)


@pytest.mark.parametrize("arguments", [["thresholds", "--lang", "sw"], ["thresholds", "--json"]])
def test_limits_are_listed(arguments: list[str]) -> None:
    shown = CliRunner().invoke(command, arguments)
    assert shown.exit_code == 0, shown.output
    assert "stop_word_share" in shown.output


def test_a_file_is_explained_against_a_recipe(tmp_path: Path) -> None:
    page, recipe = tmp_path / "page.txt", tmp_path / "recipe.yaml"
    page.write_text("buy kites now " * 40, encoding="utf-8")
    recipe.write_text(
        "name: r\nread: {sources: [{name: s, format: html, path: ., licence: CC0-1.0}]}\n"
        "filter: {max_repeated_ngrams_share: auto}\n",
        encoding="utf-8",
    )
    shown = CliRunner().invoke(command, ["explain", str(recipe), str(page), "--json", "--workdir", str(tmp_path / "w")])
    assert shown.exit_code == 0, shown.output
    verdicts = {row["rule"]: row for row in json.loads(shown.output)["rules"]}
    assert verdicts["max-repeated-ngrams-share"]["verdict"] == "DROP"
    assert "maximum=0.2" in verdicts["max-repeated-ngrams-share"]["limit"]
    assert verdicts["min-chars"]["verdict"] == "keep"
    assert verdicts["min-distinct-share"]["verdict"] == "(would drop; off)"
