"""The logic of the quality gate: verdicts, floors that rise by a run and sink only with a reason."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from benchmark_modules import BENCHMARKS, load

TODAY = date(2026, 11, 21)


gate = load("quality_gate")


def floors_of(**values: float) -> Any:
    """Floors with ``identify__udhr__F1`` for ``identify/udhr/F1``."""
    change = gate.Change("2026-11-20", "first", {name.replace("__", "/"): v for name, v in values.items()})
    return gate.Floors((change,), dict(change.floors))


def measures_of(texts: int = 1000, **values: float) -> Any:
    return {name.replace("__", "/"): gate.Measure(value, texts) for name, value in values.items()}


def verdicts(measured: Any, floors: Any, skipped: dict[str, str] | None = None) -> dict[str, str]:
    return {row.measure: row.verdict for row in gate.judged(measured, floors, skipped or {})}


def test_a_value_below_its_floor_fails_and_one_at_it_holds() -> None:
    floors = floors_of(a__b__c=0.9, a__b__d=0.9)
    found = verdicts(measures_of(a__b__c=0.8999, a__b__d=0.9), floors)
    assert found == {"a/b/c": "FAIL", "a/b/d": "OK"}
    assert "FAIL" in gate.FAILING
    assert "OK" not in gate.FAILING


def test_what_is_no_number_fails() -> None:
    assert verdicts(measures_of(a__b__c=float("nan")), floors_of(a__b__c=0.1)) == {"a/b/c": "FAIL"}


def test_a_measure_nobody_pinned_and_a_floor_nothing_measures_fail() -> None:
    found = verdicts(measures_of(a__b__new=1.0), floors_of(a__b__gone=0.5))
    assert found == {"a/b/new": "NO FLOOR", "a/b/gone": "MISSING"}
    assert set(found.values()) <= set(gate.FAILING)


def test_floors_of_a_skipped_group_are_skipped_and_of_no_other() -> None:
    floors = floors_of(identify__udhr__F1=0.9, identify__udhr2__F1=0.9, mixed__a__F1=0.9)
    found = verdicts({}, floors, {"identify/udhr": "no network", "mixed": "no network"})
    assert found == {"identify/udhr/F1": "SKIPPED", "identify/udhr2/F1": "MISSING", "mixed/a/F1": "SKIPPED"}


def test_a_skipped_group_fails_the_gate_where_all_data_is_required() -> None:
    skipped = {"identify/udhr": "no network"}
    rows = gate.judged(measures_of(a__b__c=1.0), floors_of(identify__udhr__F1=0.9, a__b__c=0.9), skipped)
    assert gate.passes(rows, skipped, require=False)
    assert not gate.passes(rows, skipped, require=True)
    assert gate.passes(rows, {}, require=True)
    below = gate.judged(measures_of(a__b__c=0.5), floors_of(a__b__c=0.9), {})
    assert not gate.passes(below, {}, require=False)


def test_a_floor_is_pinned_below_its_value_by_the_margin_or_the_weight_of_a_text() -> None:
    assert gate.pinned(gate.Measure(0.98, 10_000)) == pytest.approx(0.975)
    assert gate.pinned(gate.Measure(1.0, 8)) == pytest.approx(0.875)
    assert gate.pinned(gate.Measure(0.0, 8)) == 0.0


def test_a_run_raises_floors_and_adds_new_ones_but_lowers_none() -> None:
    before = floors_of(a__b__up=0.5, a__b__down=0.9, a__b__elsewhere=0.7)
    after = gate.raised(before, measures_of(a__b__up=0.8, a__b__down=0.6, a__b__new=0.4), TODAY)
    assert after.now == {"a/b/up": 0.795, "a/b/down": 0.9, "a/b/elsewhere": 0.7, "a/b/new": 0.395}
    assert after.history[:1] == before.history
    assert after.history[1].date == "2026-11-21"
    assert dict(after.history[1].floors) == {"a/b/up": 0.795, "a/b/new": 0.395}
    assert gate.raised(after, measures_of(a__b__up=0.8), TODAY) == after


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_lowering_needs_a_reason(reason: str) -> None:
    with pytest.raises(gate.FloorsError, match="needs a reason"):
        gate.lowered(floors_of(a__b__c=0.9), "a/b/c", 0.8, reason, TODAY)


@pytest.mark.parametrize("value", [0.9, 0.95, -0.1, float("nan")])
def test_lowering_lowers(value: float) -> None:
    with pytest.raises(gate.FloorsError, match="not between 0 and that"):
        gate.lowered(floors_of(a__b__c=0.9), "a/b/c", value, "a new corpus", TODAY)


def test_what_has_no_floor_cannot_be_lowered() -> None:
    with pytest.raises(gate.FloorsError, match="has no floor"):
        gate.lowered(floors_of(a__b__c=0.9), "a/b/d", 0.1, "a new corpus", TODAY)


def test_a_lowered_floor_keeps_its_reason_and_its_day_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "floors.json"
    gate.write(path, gate.lowered(floors_of(a__b__c=0.9, a__b__d=0.5), "a/b/c", 0.8, " harder pages ", TODAY))
    assert gate.read(path).now == {"a/b/c": 0.8, "a/b/d": 0.5}
    last = json.loads(path.read_text(encoding="utf-8"))["history"][-1]
    assert last == {"date": "2026-11-21", "reason": "harder pages", "floors": {"a/b/c": 0.8}}


def test_a_measure_can_be_let_go_of_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "floors.json"
    gate.write(path, gate.lowered(floors_of(a__b__c=0.9, a__b__d=0.5), "a/b/c", None, "renamed", TODAY))
    assert gate.read(path).now == {"a/b/d": 0.5}


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    gate.write(tmp_path / "floors.json", floors_of(a__b__c=0.9))
    found: dict[str, Any] = json.loads((tmp_path / "floors.json").read_text(encoding="utf-8"))
    return found


def refused(tmp_path: Path, content: Any, why: str) -> None:
    (tmp_path / "edited.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(gate.FloorsError, match=why):
        gate.read(tmp_path / "edited.json")


def test_a_floor_edited_by_hand_is_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    refused(tmp_path, content | {"floors": {"a/b/c": 0.1}}, "history does not give: a/b/c")
    refused(tmp_path, content | {"floors": {}}, "history does not give: a/b/c")
    refused(tmp_path, content | {"history": []}, "history does not give: a/b/c")


def test_a_change_without_reason_or_date_or_with_a_floor_out_of_range_is_refused(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    change = {"date": "2026-11-21", "reason": "why", "floors": {"a/b/c": 0.1}}
    edited = content | {"floors": {"a/b/c": 0.1}}
    for wrong, why in (
        ({"reason": " "}, "gives no reason"),
        ({"reason": None}, "gives no reason"),
        ({"date": "yesterday"}, "has no date"),
        ({"floors": {"a/b/c": 1.5}}, "no numbers between 0 and 1"),
        ({"floors": {"a/b/c": True}}, "no numbers between 0 and 1"),
        ({"floors": [0.1]}, "no numbers between 0 and 1"),
        ({"author": "x"}, "nothing else"),
    ):
        refused(tmp_path, edited | {"history": [*content["history"], change | wrong]}, why)


def test_a_file_that_is_none_of_the_gates_is_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    refused(tmp_path, [], "must hold floors and history")
    refused(tmp_path, content | {"margin": 0}, "must hold floors and history")
    refused(tmp_path, content | {"history": {}}, "must be a list")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    with pytest.raises(gate.FloorsError, match="no JSON"):
        gate.read(tmp_path / "broken.json")


def test_where_there_is_no_file_there_are_no_floors(tmp_path: Path) -> None:
    assert gate.read(tmp_path / "none.json") == gate.Floors()


def test_the_pinned_floors_are_as_the_gate_wrote_them(tmp_path: Path) -> None:
    pinned = BENCHMARKS / "quality_floors.json"
    floors = gate.read(pinned)
    assert floors.now
    gate.write(tmp_path / "again.json", floors)
    assert (tmp_path / "again.json").read_bytes() == pinned.read_bytes()
