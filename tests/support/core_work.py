"""Steps that misbehave on request, and artifacts and phases to run them over."""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from m4corpus import ledger
from m4corpus.datatrove import PipelineStep
from m4corpus.errors import IntegrityError, UserError
from m4corpus.ledger import Counts, Drop, Entry, Fail
from m4corpus.mapstage import map_phase, record_rows
from m4corpus.records import Document, schema, to_batch
from m4corpus.stage import Phase, StageContext
from m4corpus.steps import Step
from m4corpus.storage.artifact import Artifact, Completion, Identity
from m4corpus.storage.parts import PartWriter, part_name


def document(identifier: str, text: str = "") -> Document:
    return Document(identifier, "s", f"{identifier}.html", "title", text or f"text of {identifier}")


def build_input(root: Path, parts: list[list[Document]], stage: str = "read") -> Artifact:
    """A sealed artifact with these documents in these parts."""
    completions = []
    for rank, documents in enumerate(parts):
        with PartWriter(root / part_name(rank), schema(Document), root) as writer:
            if documents:
                writer.write(to_batch(documents))
        with PartWriter(root / "ledger" / part_name(rank), ledger.schema(), root) as accounts:
            if documents:
                accounts.write(ledger.to_batch([Entry(d.id, d.locator, "kept", "", "", 1) for d in documents]))
        counts = Counts(len(documents), len(documents), len(documents))
        completions.append(Completion([writer.info], [accounts.info], counts))
    return Artifact.seal(root, Identity(stage, 1, {}, {}, {}), completions, {})


def context(root: Path, parts: list[list[Document]]) -> StageContext:
    """A stage's place to work, over a new input artifact."""
    source = build_input(root / "input", parts)
    made = StageContext(root / "output", {"read": source.directory}, len(parts), root / "cache")
    made.scratch.mkdir(parents=True)
    return made


def phase(where: StageContext, step: Step) -> Phase:
    return map_phase("work", where, "read", Document, step, record_rows(Document))


def completions(where: StageContext) -> list[Completion]:
    return [Completion.read(where.completion("work", rank)) for rank in range(where.partitions)]


class Shout(Step):
    """Upper-cases texts; obeys orders given in a document's text."""

    name = "shout"

    def __init__(self, marks: Path, seconds: float = 0.0) -> None:
        super().__init__()
        self.marks = marks
        self.seconds = seconds
        self.model_missing = False

    def process(self, record: Document) -> Iterable[Document]:
        time.sleep(self.seconds)
        order, _, argument = record.text.partition(":")
        self._stop(order, argument)
        if order == "noise":
            print("printed to stderr", file=sys.stderr)
            warnings.warn("warned of something", stacklevel=1)
        if order == "hash":
            record.text = f"{hash('fixed')} {os.environ.get('OMP_NUM_THREADS')}"
        elif order == "meet":
            record.text = f"met {self._meet(int(argument))}"
        elif order == "loaded":
            record.text = str(argument in sys.modules)
        elif order == "environ":
            record.text = os.environ.get(argument, "unset")
        elif order == "pid":
            record.text = str(os.getpid())
        else:
            record.text = record.text.upper()
        return [record]

    def _stop(self, order: str, argument: str) -> None:
        """Orders that end in an error, or in death."""
        if order == "drop":
            raise Drop(argument, "because")
        if order == "fail":
            raise Fail(argument, "because")
        if order == "kill-once" and not self._marked(argument):
            os.kill(os.getpid(), signal.SIGKILL)
        if order == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if order == "full":
            raise OSError(28, "No space left on device", str(self.marks / "x"))
        if order == "broken-disk":
            raise OSError(5, "Input/output error")
        if order == "memory":
            raise MemoryError
        if order == "damage":
            raise IntegrityError("the cache is damaged", "Delete it.")

    def prepare(self) -> None:
        if self.model_missing:
            raise UserError("the model is missing", "Install it.")

    def _meet(self, expected: int) -> int:
        """Wait until so many processes are here; how many came."""
        self.marks.mkdir(parents=True, exist_ok=True)
        (self.marks / f"pid-{os.getpid()}").touch()
        deadline = time.monotonic() + 20
        while len(list(self.marks.glob("pid-*"))) < expected and time.monotonic() < deadline:
            time.sleep(0.02)
        return len(list(self.marks.glob("pid-*")))

    def _marked(self, name: str) -> bool:
        """Whether this was called before with ``name``, in any process."""
        try:
            (self.marks / name).touch(exist_ok=False)
        except FileExistsError:
            return True
        return False


class Unpicklable(Exception):
    """An error that cannot be sent between processes as it is."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")
        self.callback = lambda: one


class Raises(PipelineStep):
    """Not a :class:`Step`: what it raises ends the task, after ``after`` records went through."""

    type = "test"
    name = "raises"

    def __init__(self, rank: int, error: str, after: int = 0) -> None:
        super().__init__()
        self.rank = rank
        self.error = error
        self.after = after

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        for number, record in enumerate(data):
            if rank == self.rank and number == self.after:
                if self.error == "unpicklable":
                    raise Unpicklable("spoilt", "error")
                raise RuntimeError("spoilt by a bug")
            time.sleep(0.01)
            yield record


class Loses(Step):
    """Breaks the rules: forgets to write ledger rows."""

    def _account(self, record: Any, result: Any) -> Iterator[Any]:
        yield record


class Idle(PipelineStep):
    """Ends without a completion record."""

    type = "test"
    name = "idle"

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        yield from ()


def hit(row: int, document_id: str, score: float, text: str = "") -> Any:
    """A search result."""
    from m4corpus.index.shards import Hit
    from m4corpus.records import Chunk

    return Hit(score, row, Chunk(f"c{row}", document_id, 0, 0, 1, 1, text or f"text {row}"))
