"""One input file to pages and failures, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from m4corpus.ledger import DROPPED, FAILED, Verdict
from m4corpus.records import Page
from m4corpus.sources.config import ReadConfig, SourceConfig
from m4corpus.sources.dump import read_dump, read_slice
from m4corpus.sources.dumpslices import cuts
from m4corpus.sources.enterprise import read_enterprise
from m4corpus.sources.failure import TRANSIENT, Failure
from m4corpus.sources.files import read_file_page
from m4corpus.sources.inventory import PROBLEMS, SourceFile
from m4corpus.sources.jsonl import read_jsonl
from m4corpus.sources.locate import locate
from m4corpus.sources.m4rag import read_m4rag
from m4corpus.sources.parquet import read_parquet
from m4corpus.sources.streams import InputFile, refusal
from m4corpus.sources.warc import read_warc
from m4corpus.sources.zim import read_zim, require_libzim

__all__ = ["TRANSIENT", "Failure", "Unit", "read_file", "read_unit", "require_packages", "units"]

Reader = Callable[[SourceConfig, SourceFile, InputFile], Iterator[Page | Failure]]

_READERS: dict[str, Reader] = {
    "html": read_file_page,
    "text": read_file_page,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "warc": read_warc,
    "m4rag": read_m4rag,
    "enterprise": read_enterprise,
    "zim": read_zim,
    "dump": read_dump,
}


def require_packages(config: ReadConfig) -> None:
    """Raise :class:`UserError` when a format of the recipe needs a package that is not installed."""
    for source in config.sources:
        if source.format == "zim":
            require_libzim(source.name)


@dataclass(frozen=True, slots=True)
class Unit:
    """What one task reads at a time: a file, or its bytes from ``start`` to ``end`` where it can be cut.

    ``number`` counts the units of a file from 0; ``end`` is 0 for a file read whole.
    """

    file: SourceFile
    number: int = 0
    start: int = 0
    end: int = 0

    @property
    def size(self) -> int:
        """Bytes of the file it covers."""
        return self.end - self.start if self.end else self.file.size


def units(source: SourceConfig, base: Path, file: SourceFile) -> list[Unit]:
    """How a file is read: decided by its content alone, so that tasks and workers leave no trace."""
    starts = [0]
    if source.format == "dump" and not file.problem:
        try:
            with InputFile(_path(source, base, file), file) as stream:
                starts = cuts(stream.rewind(), file.size)
        except (Verdict, OSError):
            pass  # reading it says why
    if len(starts) == 1:
        return [Unit(file)]
    return [Unit(file, number, *ends) for number, ends in enumerate(pairwise([*starts, file.size]))]


def read_file(source: SourceConfig, base: Path, file: SourceFile) -> Iterator[Page | Failure]:
    """Pages and failures of one file of the inventory, in the order of the file, a bounded part of it in memory.

    Bad input raises nothing. What concerns the file as a whole (it is cut off, it is not what was listed, it cannot
    be opened) is one last failure under the id ``source:path``; what was read before stays. A file that is cut into
    units can have such a failure for each, the later ones under ``source:path@start``.
    """
    for unit in units(source, base, file):
        yield from read_unit(source, base, unit)


def read_unit(source: SourceConfig, base: Path, unit: Unit) -> Iterator[Page | Failure]:
    """As :func:`read_file`, for one of its units."""
    file = unit.file
    locator = f"{file.path}@{unit.start}" if unit.start else file.path
    id = f"{file.source}:{locator}"
    if file.problem:
        outcome = DROPPED if file.problem == "linked-folder" else FAILED
        yield Failure(id, locator, file.problem, PROBLEMS[file.problem], outcome)
        return
    try:
        with InputFile(_path(source, base, file), file) as stream:
            if unit.end:
                yield from read_slice(source, file, stream, unit.start, unit.end)
            else:
                yield from _READERS[source.format](source, file, stream)
    except Verdict as verdict:
        yield Failure.of(verdict, id, locator)
    except OSError as error:
        yield Failure.of(refusal(error), id, locator)


def _path(source: SourceConfig, base: Path, file: SourceFile) -> Path:
    return locate(source, base).root / (file.native or file.path)
