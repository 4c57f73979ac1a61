from __future__ import annotations

from collections import Counter

from m4corpus.identify.varieties.decision import WAYS
from m4corpus.identify.varieties.groups import GROUPS, language_of
from m4corpus.identify.varieties.markers import KINDS
from m4corpus.languages import languages, varieties
from m4corpus.tables import read_table


def test_every_variety_has_its_line_of_evidence_in_the_registrys_order() -> None:
    rows = read_table("variety_evidence")
    assert [row["variety"] for row in rows] == [v.id for v in varieties()]
    assert len(rows) == 56
    for row in rows:
        assert set(row["ways"].split("|")) <= set(WAYS), row
        assert row["reliability"] in {"high", "medium", "low"}, row
        assert row["note"], row


def test_no_query_only_variety_is_known_from_a_source_or_a_language() -> None:
    query_only = {v.id for v in varieties() if v.query_only}
    for row in read_table("variety_evidence"):
        if row["variety"] in query_only:
            assert set(row["ways"].split("|")) <= {"markers", "model"}, row
            assert not row["from_language"], row


def test_a_language_speaks_for_one_variety_at_most() -> None:
    tags = {v.id: v.language for v in varieties()}
    rows = [row for row in read_table("variety_evidence") if row["from_language"]]
    assert max(Counter(tags[row["variety"]] for row in rows).values()) == 1
    assert all(0.5 < float(row["from_language"]) < 1 for row in rows)
    assert all(
        ("language" in row["ways"].split("|")) == bool(row["from_language"]) for row in read_table("variety_evidence")
    )


def test_markers_are_of_known_groups_kinds_and_varieties_and_none_comes_twice() -> None:
    groups = {g.name: g for g in GROUPS}
    codes = {language.code for language in languages()}
    seen = set()
    for row in read_table("variety_markers"):
        assert row["kind"] in KINDS, row
        assert 0 < float(row["weight"]) <= 4, row
        assert row["marker"] == row["marker"].strip() != "", row
        key = (row["group"], row["variety"], row["kind"], row["marker"])
        assert key not in seen, row
        seen.add(key)
        if row["group"] != "question":
            for variety in row["variety"].split("|"):
                # Other Arabic dialects are there so that they do not pass for Standard Arabic.
                assert language_of(variety) in groups[row["group"]].languages or variety in {"apc", "ary", "afb"}, row
    assert all(set(g.languages) <= codes for g in GROUPS)


def test_every_group_tells_at_least_two_varieties_apart() -> None:
    assert all(len(g.varieties) >= 2 for g in GROUPS)
