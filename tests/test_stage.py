"""Stages over artifacts: parts map to parts, and accounts are checked before a part counts as complete."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

import pytest
from core_work import Loses, Shout, build_input, completions, context, document, phase

from m4corpus import progress
from m4corpus.accounts import Accounts
from m4corpus.config import config
from m4corpus.ledger import KEPT, Entry, entries
from m4corpus.mapstage import MapStage, record_rows
from m4corpus.records import Chunk, Document, Page, from_batches
from m4corpus.stage import Stage, StageContext
from m4corpus.steps import Step
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.parts import read_batches


def run_here(where: StageContext, step: Step) -> None:
    """Every task of a phase in this process, as datatrove pipes its steps."""
    work = phase(where, step)
    for rank in range(work.tasks):
        data = None
        for one in work.steps:
            data = one(data, rank, work.tasks)
        assert list(data or []) == []


@config
class ShoutConfig:
    loud: bool = True


class ShoutStage(MapStage):
    name: ClassVar[str] = "shout"
    needs: ClassVar[tuple[str, ...]] = ("read",)

    def step(self, context: StageContext) -> Shout:
        return Shout(context.scratch)


def test_parts_map_to_parts(tmp_path: Path) -> None:
    where = context(tmp_path, [[document("a"), document("b", "drop:rule")], [], [document("c")]])
    run_here(where, Shout(tmp_path))
    done = completions(where)
    assert [c.parts[0].rows for c in done] == [1, 0, 1]
    assert [c.counts.inputs for c in done] == [2, 0, 1]
    assert [c.parts[0].path for c in done] == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    assert [c.ledger[0].path for c in done][:1] == ["ledger/part-00000.parquet"]
    (kept,) = from_batches(Document, read_batches(where.directory / "part-00000.parquet"))
    assert asdict(kept) == {**asdict(document("a")), "text": "TEXT OF A"}
    assert progress.total(where.progress("work")) == 3


def test_a_map_stage_has_one_phase_with_a_task_for_each_part(tmp_path: Path) -> None:
    where = context(tmp_path, [[document("a"), document("b")], [document("c")]])
    stage = ShoutStage(ShoutConfig())
    (work,) = stage.phases(where)
    assert (work.name, work.tasks, work.total, work.unit) == ("shout", 2, 3, "documents")
    assert stage.config_dict() == {"loud": True}
    assert stage.resources() == {}


def test_stages_must_say_how_they_work() -> None:
    with pytest.raises(TypeError):
        Stage(ShoutConfig())  # type: ignore[abstract]


def test_a_step_that_forgets_its_ledger_never_completes(tmp_path: Path) -> None:
    where = context(tmp_path, [[document("a")]])
    with pytest.raises(AssertionError, match="0 inputs and 0 outputs, but 1 were read and 1 written"):
        run_here(where, Loses())
    assert not where.completion("work", 0).exists()


ENTRIES = [Entry("a", "", "kept", "", "", 2), Entry("b", "", "dropped", "rule", "", 0)]


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 2), (3, 2), (2, 1), (2, 3)])
def test_accounts_that_do_not_match(tmp_path: Path, inputs: int, outputs: int) -> None:
    with Accounts(tmp_path, 0) as accounts:
        for entry in ENTRIES:
            accounts(entry)
    with pytest.raises(AssertionError, match="somewhere: the ledger holds 2 inputs and 2 outputs"):
        accounts.check("somewhere", inputs, outputs)


def test_accounts_that_match(tmp_path: Path) -> None:
    with Accounts(tmp_path, 0) as accounts:
        for entry in ENTRIES:
            accounts(entry)
    accounts.check("somewhere", 2, 2)
    assert list(entries(tmp_path, [accounts.info])) == ENTRIES


@pytest.mark.parametrize("locator", ["fine", "half a pair \ud800"])
def test_an_error_leaves_no_ledger(tmp_path: Path, locator: str) -> None:
    accounts = Accounts(tmp_path, 0)

    def fails() -> None:
        with accounts:
            accounts(Entry("a", locator, KEPT, "", "", 1))
            if locator == "fine":
                raise RuntimeError

    with pytest.raises((RuntimeError, UnicodeEncodeError)):
        fails()
    assert list((tmp_path / "ledger").iterdir()) == []


def test_a_stage_over_a_damaged_manifest_refuses(tmp_path: Path) -> None:
    from m4corpus.errors import IntegrityError

    where = context(tmp_path, [[document("a")]])
    manifest = where.inputs["read"] / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"rows": 1', '"rows": 2', 1))
    with pytest.raises(IntegrityError, match="altered"):
        phase(where, Shout(tmp_path))


def test_weight_is_the_length_of_the_text() -> None:
    assert record_rows(Page).weight(Page("i", "s", "l", "m", "12345")) == 5
    assert record_rows(Document).weight(Document("i", "s", "l", "t", "1234")) == 4
    assert record_rows(Chunk).weight(Chunk("i", "d", 0, 0, 1, 1, "123")) == 3


def test_rerunning_a_task_gives_the_same_bytes(tmp_path: Path) -> None:
    where = context(tmp_path, [[document(f"{n:03d}") for n in range(50)]])
    run_here(where, Shout(tmp_path))
    first = (where.directory / "part-00000.parquet").read_bytes()
    run_here(where, Shout(tmp_path))
    assert (where.directory / "part-00000.parquet").read_bytes() == first


def test_input_is_read_in_order(tmp_path: Path) -> None:
    source = build_input(tmp_path, [[document(i) for i in "abc"]])
    assert [p.rows for p in Artifact.open(source.directory).parts()] == [3]


def test_progress_counts_and_survives_rubbish(tmp_path: Path) -> None:
    first, second = progress.Progress(tmp_path, 0), progress.Progress(tmp_path, 12)
    first.advance(3)
    first.advance(4)
    first.flush()
    second.advance(5)
    second.flush()
    (tmp_path / "00003").write_text("half a numb")
    assert progress.total(tmp_path) == 12
    assert progress.total(tmp_path / "nowhere") == 0
