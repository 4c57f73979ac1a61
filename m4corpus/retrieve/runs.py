"""Run files: M4-RAG's retrieval JSON, which its inference code reads, and the TREC format every evaluator reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from m4corpus.errors import UserError
from m4corpus.retrieve.queries import Query
from m4corpus.storage.atomic import replacing

if TYPE_CHECKING:
    from m4corpus.index.shards import Hit
    from m4corpus.snapshot import Snapshot

Run = list[tuple[Query, "list[Hit]"]]

#: Queries encoded and searched at once.
BATCH = 256


def retrieve(snapshot: Snapshot, queries: list[Query], k: int, languages: Iterable[str] | None = None) -> Run:
    """The ``k`` best chunks for each query, in the order of ``queries``."""
    wanted = None if languages is None else list(languages)
    run: Run = []
    for start in range(0, len(queries), BATCH):
        batch = queries[start : start + BATCH]
        run += zip(batch, snapshot.search_many([q.text for q in batch], k, wanted), strict=True)
    return run


def write_m4rag(run: Run, path: Path) -> None:
    """M4-RAG's retrieval file: ``[{"ID", "chunk_retrieved_id": [int], "chunk_retrieved": [str]}]``.

    ``chunk_retrieved_id`` is the row of the chunk in the snapshot's index, counted over all shards.
    """
    rows = [
        {
            "ID": query.id,
            "chunk_retrieved_id": [hit.row for hit in hits],
            "chunk_retrieved": [hit.chunk.text for hit in hits],
        }
        for query, hits in run
    ]
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


def write_trec(run: Run, path: Path, tag: str, *, documents: bool = True) -> None:
    """TREC run: ``query Q0 document rank score tag``; a document's score is that of its best chunk.

    With ``documents=False`` the ranked unit is the chunk. Raises :class:`UserError` for ids with white space, which
    the format cannot hold.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for query, hits in run:
            ranking = document_ranking(hits) if documents else [(hit.chunk.id, hit.score) for hit in hits]
            for rank, (identifier, score) in enumerate(ranking, 1):
                if len(f"{query.id} {identifier} {tag}".split()) != 3:
                    raise UserError(
                        f"a TREC run cannot hold ids with white space: query {query.id!r}, document {identifier!r}",
                        "Write M4-RAG's file instead (--out), or give the queries and pages other ids.",
                    )
                # Nine digits tell any two single-precision scores apart: evaluators sort by them.
                stream.write(f"{query.id} Q0 {identifier} {rank} {score:.9g} {tag}\n")


def document_ranking(hits: list[Hit]) -> list[tuple[str, float]]:
    """Documents by their best chunk, best first."""
    best: dict[str, float] = {}
    for hit in hits:
        best.setdefault(hit.chunk.document_id, hit.score)
    return list(best.items())
