"""Base of every stage's work: a datatrove ``PipelineStep`` that accounts for each record it is given.

A stage subclasses :class:`Step` and writes :meth:`Step.process` (one record in, any number out) or, where a model
wants batches, :meth:`Step.process_batch`. It says *no* by raising ``Drop`` or ``Fail``; this base class turns that,
and any unexpected error on one record, into ledger rows, so that one bad document never ends a run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from m4corpus.datatrove import PipelineStep
from m4corpus.errors import M4CorpusError
from m4corpus.ledger import KEPT, Drop, Entry, Fail, Verdict, note

Record = Any
#: Receives one ledger row for every input record.
LedgerSink = Callable[[Entry], None]

# Faults of the machine, of stored data or of the request, not of one record: these end the task, to be resumed.
FATAL = (OSError, MemoryError, KeyboardInterrupt, SystemExit, M4CorpusError)


class Step(PipelineStep):
    """One stage's transformation of a stream of records.

    ``batch_size`` records are handed to :meth:`process_batch` at a time. What becomes of a record must not depend on
    the others of its batch: those that an earlier build has dealt with are left out.
    """

    name = "step"
    batch_size = 1
    #: Reasons for failing that do not lie in the input: one that failed so is not known again by a later build, but
    #: tried again.
    again: frozenset[str] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self.ledger: LedgerSink = _nowhere
        #: What was noted of the inputs so far, summed; see :meth:`note`.
        self.facts: Counter[str] = Counter()
        #: Counts that may differ from run to run (what was cached); they go to the log.
        self.happened: Counter[str] = Counter()
        self._notes: dict[str, Mapping[str, int]] = {}

    def besides(self, rank: int, ids: Sequence[str]) -> list[bytes] | None:
        """What else than itself and the stage's configuration decides about each record of a part, such as what was
        found out about the whole corpus; None when nothing does. Called before :meth:`prepare`."""
        return None

    def prepare(self) -> None:
        """Load models and other resources; called once a task, in the worker, before the first record. A task without
        records does without."""

    def close(self) -> None:
        """Release what :meth:`prepare` acquired; called once a task, also after an error."""

    def note(self, id: str, counts: Mapping[str, int]) -> None:
        """Count something about an input that the input alone decides. It stands in the detail of its ledger row if it
        is kept, so that it is known again when the row is; noting again replaces."""
        self._notes[id] = {name: count for name, count in counts.items() if count}

    def process(self, record: Record) -> Iterable[Record]:
        """What one record becomes; raises ``Drop`` or ``Fail`` when it goes no further."""
        raise NotImplementedError

    def process_batch(self, records: Sequence[Record]) -> list[list[Record] | Verdict]:
        """One entry for each record, in order: the records it becomes, or its verdict."""
        return [self._guarded(record) for record in records]

    def run(self, data: Iterable[Record], rank: int = 0, world_size: int = 1) -> Iterator[Record]:
        """Generator datatrove drives: yields what is kept and writes one ledger row for every input."""
        stream = iter(data)
        self.facts.clear()
        self.happened.clear()
        self._notes.clear()
        if not (batch := list(islice(stream, self.batch_size))):
            return
        try:
            self.prepare()
            while batch:
                for record, result in zip(batch, self._results(batch), strict=True):
                    yield from self._account(record, result)
                batch = list(islice(stream, self.batch_size))
        finally:
            self.close()

    def _results(self, batch: list[Record]) -> list[list[Record] | Verdict]:
        try:
            return self.process_batch(batch)
        except FATAL:
            raise
        except Exception as error:
            if len(batch) == 1:
                return [unexpected(error)]
            # One record spoilt the batch: take them one by one, so only the culprit fails.
            return [result for record in batch for result in self._results([record])]

    def _guarded(self, record: Record) -> list[Record] | Verdict:
        try:
            return list(self.process(record))
        except (Drop, Fail) as verdict:
            return verdict
        except FATAL:
            raise
        except Exception as error:
            return unexpected(error)

    def _account(self, record: Record, result: list[Record] | Verdict) -> Iterator[Record]:
        locator = getattr(record, "locator", "")
        if not result:
            result = Fail("no-output", "the step returned nothing for it")
        notes = self._notes.pop(record.id, {})
        if isinstance(result, Verdict):
            self.ledger(Entry(record.id, locator, result.outcome, result.slug, result.detail, 0))
            return
        self.facts.update(notes)
        self.ledger(Entry(record.id, locator, KEPT, "", note(notes), len(result)))
        yield from result


def unexpected(error: Exception) -> Fail:
    """Verdict for an error no stage foresaw; the class is the reason, so that counts group by kind of fault."""
    if isinstance(error, Fail):
        return error
    # Reprs of objects end in their address, which differs from run to run.
    return Fail(f"error-{type(error).__name__}", re.sub(r" at 0x[0-9a-f]+", "", str(error))[:400])


def _nowhere(entry: Entry) -> None:
    """Ledger of a step used on its own, outside a recipe."""
