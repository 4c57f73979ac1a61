from __future__ import annotations

import pytest

from m4corpus.identify.telltale import weigh
from m4corpus.tables import read_table


def test_words_of_one_language_decide_between_relatives() -> None:
    found = weigh({"zsm": 0.6, "ind": 0.4}, "itu karena mobil di kantor")
    assert list(found) == ["ind", "zsm"]
    assert sum(found.values()) == pytest.approx(1)
    assert found["ind"] == pytest.approx(10.8 / 11.4)


def test_a_word_said_twice_counts_once() -> None:
    assert weigh({"nob": 0.5, "nno": 0.5}, "ikkje ikkje ikkje")["nno"] == pytest.approx(3 / 4)


@pytest.mark.parametrize("probabilities", [{"ind": 0.995, "zsm": 0.005}, {"ind": 0.5, "jav": 0.5}, {}])
def test_where_no_relative_is_in_question_nothing_changes(probabilities: dict[str, float]) -> None:
    assert weigh(dict(probabilities), "kerana kereta pejabat") == probabilities


def test_no_word_is_listed_for_all_languages_of_a_group() -> None:
    groups: dict[str, list[set[str]]] = {}
    for row in read_table("lid_telltale"):
        groups.setdefault(row["group"], []).append(set(row["words"].split("|")))
    assert all(len(group) > 1 and not set.intersection(*group) for group in groups.values())
