"""Run files: M4-RAG's retrieval JSON, which its inference code reads, and the TREC format every evaluator reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote

from m4corpus.retrieve.queries import Query
from m4corpus.storage.atomic import replacing

if TYPE_CHECKING:
    from m4corpus.index.shards import Hit
    from m4corpus.snapshot import Snapshot

#: Queries with what was found for each, in order; a stream, since the hits of a benchmark do not fit in memory.
Run: TypeAlias = "Iterable[tuple[Query, list[Hit]]]"
#: Takes one query of a run.
Writer: TypeAlias = "Callable[[Query, list[Hit]], None]"

#: Queries encoded and searched at once.
BATCH = 256


def retrieve(
    snapshot: Snapshot, queries: Sequence[Query], k: int, languages: Iterable[str] | None = None
) -> Iterator[tuple[Query, list[Hit]]]:
    """The ``k`` best chunks for each query, in the order of ``queries``, a batch at a time."""
    wanted = None if languages is None else list(languages)
    for start in range(0, len(queries), BATCH):
        batch = queries[start : start + BATCH]
        texts, spoken = [query.text for query in batch], [query.language for query in batch]
        yield from zip(batch, snapshot.search_many(texts, k, wanted, spoken), strict=True)


@contextmanager
def m4rag_writer(path: Path) -> Iterator[Writer]:
    """M4-RAG's retrieval file: ``[{"ID", "chunk_retrieved_id": [int], "chunk_retrieved": [str]}]``.

    ``chunk_retrieved_id`` is the row of the chunk in the snapshot's index, counted over all shards. The file is at
    ``path`` once the block has ended without an error.
    """
    with _output(path) as target, target.open("w", encoding="utf-8") as stream:
        before = "["

        def write(query: Query, hits: list[Hit]) -> None:
            nonlocal before
            row = {
                "ID": query.id,
                "chunk_retrieved_id": [hit.row for hit in hits],
                "chunk_retrieved": [hit.chunk.text for hit in hits],
            }
            stream.write(before + json.dumps(row, ensure_ascii=False))
            before = ",\n"

        yield write
        stream.write("]\n" if before != "[" else "[]\n")


@contextmanager
def trec_writer(path: Path, tag: str) -> Iterator[Writer]:
    """TREC run: ``query Q0 document rank score tag``; a document's score is that of its best chunk.

    White space within an id, which the format cannot hold, is written percent-encoded.
    """
    with _output(path) as target, target.open("w", encoding="utf-8") as stream:

        def write(query: Query, hits: list[Hit]) -> None:
            asked = _unspaced(query.id)
            for rank, (document, score) in enumerate(document_ranking(hits), 1):
                # Nine digits tell any two single-precision scores apart: evaluators sort by them.
                stream.write(f"{asked} Q0 {_unspaced(document)} {rank} {score:.9g} {tag}\n")

        yield write


def document_ranking(hits: list[Hit]) -> list[tuple[str, float]]:
    """Documents by their best chunk, best first."""
    best: dict[str, float] = {}
    for hit in hits:
        best.setdefault(hit.chunk.document_id, hit.score)
    return list(best.items())


def _unspaced(identifier: str) -> str:
    return re.sub(r"\s", lambda space: quote(space.group()), identifier)


@contextmanager
def _output(path: Path) -> Iterator[Path]:
    """Where to write: beside a regular file, to be renamed over it; straight into a pipe or device."""
    target = path.resolve()
    if target.exists() and not target.is_file():
        yield target
    else:
        with replacing(target) as temporary:
            yield temporary
