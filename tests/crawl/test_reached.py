"""What is to be written, collected on disk."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from m4corpus.crawl.reached import Reached
from m4corpus.ledger import Entry


def test_two_faults_of_one_row_are_two_rows_of_the_ledger(tmp_path: Path) -> None:
    faults = [
        Entry("table:7", "7", "failed", "no-expansions", "7-Spanish", 0),
        Entry("table:7", "7", "failed", "no-expansions", "7-English", 0),
        Entry("table:7", "7", "dropped", "empty-query", "answer in English", 0),
    ]
    with closing(Reached(tmp_path / "reached.sqlite", 3)) as reached:
        for fault in faults:
            reached.note(fault)
        assert [entry for part in range(3) for entry in reached.notes(part)] == faults
