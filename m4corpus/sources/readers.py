"""One input file to pages and failures, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from m4corpus.ledger import DROPPED, FAILED, Verdict
from m4corpus.records import Page
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.failure import TRANSIENT, Failure
from m4corpus.sources.files import read_file_page
from m4corpus.sources.inventory import PROBLEMS, SourceFile
from m4corpus.sources.jsonl import read_jsonl
from m4corpus.sources.locate import locate
from m4corpus.sources.m4rag import read_m4rag
from m4corpus.sources.parquet import read_parquet
from m4corpus.sources.streams import InputFile, refusal
from m4corpus.sources.warc import read_warc

__all__ = ["TRANSIENT", "Failure", "read_file"]

Reader = Callable[[SourceConfig, SourceFile, InputFile], Iterator[Page | Failure]]

_READERS: dict[str, Reader] = {
    "html": read_file_page,
    "text": read_file_page,
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "warc": read_warc,
    "m4rag": read_m4rag,
}


def read_file(source: SourceConfig, base: Path, file: SourceFile) -> Iterator[Page | Failure]:
    """Pages and failures of one file of the inventory, in the order of the file, a bounded part of it in memory.

    Bad input raises nothing. What concerns the file as a whole (it is cut off, it is not what was listed, it cannot
    be opened) is one last failure under the id ``source:path``; what was read before stays.
    """
    id = f"{file.source}:{file.path}"
    if file.problem:
        outcome = DROPPED if file.problem == "linked-folder" else FAILED
        yield Failure(id, file.path, file.problem, PROBLEMS[file.problem], outcome)
        return
    try:
        with InputFile(locate(source, base).root / (file.native or file.path), file) as stream:
            yield from _READERS[source.format](source, file, stream)
    except Verdict as verdict:
        yield Failure.of(verdict, id, file.path)
    except OSError as error:
        yield Failure.of(refusal(error), id, file.path)
