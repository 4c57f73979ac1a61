from __future__ import annotations

import pickle

import pytest

from m4corpus.errors import UserError
from m4corpus.filters.config import FilterConfig
from m4corpus.filters.step import FilterStep
from m4corpus.ledger import Counts, Entry
from m4corpus.records import Document

PROSE = "A kite is a light frame covered with paper or cloth, flown in the wind at the end of a long string."
JAPANESE = (
    "凧は竹の骨組みに紙や布を張り、糸で引いて風の力で空に揚げる遊び道具である。正月に河原で揚げる光景は今も見られる。"
)


def document(key: str, text: str, **labels: str) -> Document:
    return Document(key, "test", f"{key}.html", "", text, script="Latn", language="eng", **labels)  # type: ignore[arg-type]


def apply(step: FilterStep, *documents: Document) -> tuple[list[str], list[Entry]]:
    rows: list[Entry] = []
    step.ledger = rows.append
    return [kept.id for kept in step.run(iter(documents))], rows


def test_prose_passes_the_defaults_in_scripts_with_and_without_spaces() -> None:
    kept, _ = apply(FilterStep(), document("en", PROSE), document("ja", JAPANESE))
    assert kept == ["en", "ja"]


def test_each_drop_names_its_rule_and_the_evidence_and_counts_add_up() -> None:
    kept, rows = apply(
        FilterStep(),
        document("short", "Too short."),
        document("numbers", "12 34 56 78 90 " * 12),
        document("symbols", PROSE + "=+" * 35),
        document("loop", (PROSE + "\n") * 4),
        document("good", PROSE),
    )
    assert kept == ["good"]
    assert [(row.id, row.slug, row.detail) for row in rows if row.outcome == "dropped"] == [
        ("short", "min-chars", "chars=8 minimum=50"),
        ("numbers", "min-letter-share", "letter-share=0 minimum=0.4"),
        ("symbols", "max-symbol-share", "symbol-share=0.473 maximum=0.3"),
        ("loop", "max-repeated-lines-share", "repeated-lines-share=0.75 maximum=0.5"),
    ]
    counts = Counts()
    for row in rows:
        counts.add(row)
    assert counts.adds_up()


def test_a_document_is_dropped_by_the_first_rule_it_breaks() -> None:
    config = FilterConfig(min_chars=50, languages=("am",))
    _, rows = apply(FilterStep(config), document("short", "Too short."), document("english", PROSE))
    assert [row.slug for row in rows] == ["min-chars", "languages"]


def test_documents_pass_unchanged() -> None:
    before = document("en", PROSE)
    assert list(FilterStep().run(iter([document("en", PROSE)]))) == [before]


def test_a_wrong_language_is_refused_before_anything_runs() -> None:
    with pytest.raises(UserError, match="unknown language"):
        FilterStep(FilterConfig(languages=("Klingon",)))


def test_the_step_can_be_pickled_before_and_after_a_run() -> None:
    step = FilterStep(FilterConfig(languages=("en",)))
    assert pickle.loads(pickle.dumps(step)).config == step.config
    list(step.run(iter([document("en", PROSE)])))
    assert pickle.loads(pickle.dumps(step)).config == step.config
