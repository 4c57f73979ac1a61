"""A step accounts for every record; one bad record never takes others with it."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from m4corpus.ledger import Counts, Drop, Entry, Fail, Verdict, noted, to_batch
from m4corpus.steps import Step


@dataclass
class Word:
    id: str
    locator: str = "here"


class Doubles(Step):
    """Yields each record twice, unless its id asks for something else."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def prepare(self) -> None:
        self.calls.append("prepare")

    def close(self) -> None:
        self.calls.append("close")

    def process(self, record: Word) -> Iterable[Word]:
        self.calls.append(record.id)
        if record.id == "drop":
            raise Drop("rule", "because=1")
        if record.id == "fail":
            raise Fail("reason", "at 2")
        if record.id == "crash":
            raise KeyError("unforeseen")
        if record.id == "half":
            yield record
            raise ValueError("after a first output")
        if record.id == "disk":
            raise OSError(28, "No space left on device")
        if record.id == "memory":
            raise MemoryError
        if record.id != "none":
            yield record
            yield record


class Batched(Doubles):
    """The same in batches, where one crash takes the whole call down."""

    batch_size = 4

    def process_batch(self, records: Sequence[Word]) -> list[list[Word] | Verdict]:
        ids = [record.id for record in records]
        self.calls.append(",".join(ids))
        if "crash" in ids:
            raise KeyError("unforeseen")
        if "disk" in ids:
            raise OSError(28, "No space left on device")
        return [Drop("rule", "because=1") if record.id == "drop" else [record, record] for record in records]


def run(step: Step, ids: Iterable[str]) -> tuple[list[str], list[Entry]]:
    entries: list[Entry] = []
    step.ledger = entries.append
    return [record.id for record in step(Word(i) for i in ids)], entries


def test_kept_dropped_failed() -> None:
    out, entries = run(Doubles(), ["a", "drop", "fail", "none", "b"])
    assert out == ["a", "a", "b", "b"]
    assert entries == [
        Entry("a", "here", "kept", "", "", 2),
        Entry("drop", "here", "dropped", "rule", "because=1", 0),
        Entry("fail", "here", "failed", "reason", "at 2", 0),
        Entry("none", "here", "failed", "no-output", "the step returned nothing for it", 0),
        Entry("b", "here", "kept", "", "", 2),
    ]


def test_an_unforeseen_error_quarantines_its_record_alone() -> None:
    out, entries = run(Doubles(), ["a", "crash", "b"])
    assert out == ["a", "a", "b", "b"]
    assert entries[1] == Entry("crash", "here", "failed", "error-KeyError", "'unforeseen'", 0)


def test_outputs_before_an_error_are_taken_back() -> None:
    out, entries = run(Doubles(), ["half", "b"])
    assert out == ["b", "b"]
    assert entries[0].slug == "error-ValueError"


def test_in_a_batch_the_culprit_fails_alone() -> None:
    step = Batched()
    out, entries = run(step, ["a", "crash", "drop", "b", "c"])
    assert out == ["a", "a", "b", "b", "c", "c"]
    assert [(e.id, e.outcome) for e in entries] == [
        ("a", "kept"), ("crash", "failed"), ("drop", "dropped"), ("b", "kept"), ("c", "kept"),
    ]  # fmt: skip
    assert step.calls == ["prepare", "a,crash,drop,b", "a", "crash", "drop", "b", "c", "close"]


def test_batches_are_cut_by_position() -> None:
    step = Batched()
    run(step, "abcdefghij")
    assert step.calls[1:-1] == ["a,b,c,d", "e,f,g,h", "i,j"]


@pytest.mark.parametrize(("kind", "error"), [(Doubles, "disk"), (Doubles, "memory"), (Batched, "disk")])
def test_a_fault_of_the_machine_ends_the_task(kind: type[Doubles], error: str) -> None:
    step = kind()
    entries: list[Entry] = []
    step.ledger = entries.append
    with pytest.raises((OSError, MemoryError)):
        list(step(Word(i) for i in ["a", "b", "c", "d", error]))
    assert "failed" not in {e.outcome for e in entries}
    assert step.calls[-1] == "close"


def test_interrupt_ends_the_task() -> None:
    class Interrupted(Step):
        def process(self, record: Word) -> Iterable[Word]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(Interrupted()(iter([Word("a")])))


def test_a_batch_of_the_wrong_length_is_never_swallowed() -> None:
    class Short(Step):
        batch_size = 3

        def process_batch(self, records: Sequence[Word]) -> list[list[Word] | Verdict]:
            return [[records[0]]]

    with pytest.raises(ValueError, match="zip"):
        run(Short(), "abc")


def test_nothing_in_nothing_out_and_nothing_loaded() -> None:
    step = Doubles()
    assert run(step, []) == ([], [])
    assert step.calls == []


def test_what_is_noted_of_kept_inputs_stands_in_their_detail() -> None:
    class Notes(Step):
        batch_size = 2

        def process_batch(self, records: Sequence[Word]) -> list[list[Word] | Verdict]:
            for record in records:
                self.note(record.id, {"seen": 2, "absent": 0, "also": 1})
            if len(records) > 1:
                raise ValueError("the batch comes again, one by one")
            return [Drop("rule") if record.id == "drop" else [record] for record in records]

    step = Notes()
    _, entries = run(step, ["a", "drop", "b"])
    assert [e.detail for e in entries] == ["also=1 seen=2", "", "also=1 seen=2"]
    assert step.facts == {"seen": 4, "also": 2}
    assert noted(entries[0].detail) == {"seen": 2, "also": 1}


@given(st.lists(st.sampled_from(["a", "drop", "fail", "none", "crash", "half"])))
def test_every_input_is_accounted_for(ids: list[str]) -> None:
    out, entries = run(Doubles(), ids)
    counts = Counts()
    for entry in entries:
        counts.add(entry)
    assert [e.id for e in entries] == ids
    assert counts.adds_up()
    assert counts.outputs == len(out)


def test_details_are_the_same_in_every_process_and_can_be_written() -> None:
    class Odd(Step):
        def process(self, record: Word) -> Iterable[Word]:
            raise ValueError(f"{object()!r} in \ud83d" + "x" * 10_000)

    first, second = (run(Odd(), "a")[1][0] for _ in range(2))
    assert first == second
    assert "0x" not in first.detail
    assert r"\ud83d" in first.detail
    assert len(first.detail) <= 500
    assert to_batch([first]).num_rows == 1


def test_a_step_travels_between_processes() -> None:
    step = pickle.loads(pickle.dumps(Doubles()))
    assert run(step, ["a"])[0] == ["a", "a"]
