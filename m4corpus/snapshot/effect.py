"""What a new version does to retrieval: how much of what the old one found the new one finds, per query language."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from m4corpus.retrieve.queries import Query
from m4corpus.retrieve.runs import retrieve
from m4corpus.storage.digests import text_digest

if TYPE_CHECKING:
    from m4corpus.index.shards import Hit
    from m4corpus.snapshot.open import Snapshot

#: How far down a reader of a ranking looks: after each rank he goes on with this probability.
PERSISTENCE = 0.9
#: All languages together, as a row of the table.
ALL = "all"


@dataclass(frozen=True)
class Effect:
    """Means over the queries of one language. ``chunks`` and ``documents`` are overlap@k, from 0 to 1; ``rbo`` is the
    rank-biased overlap of chunks; ``first`` the share of queries whose best chunk is the same."""

    queries: int
    chunks: float
    documents: float
    rbo: float
    first: float

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "queries": self.queries,
            "overlap_chunks": round(self.chunks, 6),
            "overlap_documents": round(self.documents, 6),
            "rbo": round(self.rbo, 6),
            "same_first": round(self.first, 6),
        }


def effect(before: Snapshot, after: Snapshot, queries: Sequence[Query], k: int) -> dict[str, Effect]:
    """By query language, :data:`ALL` last: each snapshot encodes the queries with its own encoder.

    A chunk is the same when document and text are, whatever its place is called.
    """
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for query, old, new in _both(before, after, queries, k):
        one, two = _chunks(old), _chunks(new)
        scores = (
            overlap(one, two),
            overlap(_documents(old), _documents(new)),
            rank_biased_overlap(one, two),
            float(one[:1] == two[:1]),
        )
        for group in (query.language or "?", ALL):
            found.setdefault(group, []).append(scores)
    order = [*sorted(found.keys() - {ALL}), *([ALL] if found else [])]
    return {group: Effect(len(found[group]), *map(fmean, zip(*found[group], strict=True))) for group in order}


def overlap(one: Sequence[Hashable], two: Sequence[Hashable]) -> float:
    """Share of the longer list that both hold; 1 when both are empty."""
    longest = max(len(one), len(two))
    return len(set(one) & set(two)) / longest if longest else 1.0


def rank_biased_overlap(one: Sequence[Hashable], two: Sequence[Hashable], p: float = PERSISTENCE) -> float:
    """Agreement of two rankings without repetitions, from 0 to 1, the upper ranks counting more; extrapolated from
    the depth that is seen (Webber, Moffat and Zobel 2010, equation 32)."""
    short, long = sorted((one, two), key=len)
    if not short:
        return float(not long)
    s, l = len(short), len(long)  # noqa: E741  (the paper's names)
    first, second, common = set[Hashable](), set[Hashable](), [0]
    for depth in range(1, l + 1):
        first.update(short[depth - 1 : depth])
        second.add(long[depth - 1])
        common.append(len(first & second))
    seen = sum(common[d] / d * p**d for d in range(1, l + 1))
    beyond = sum(common[s] * (d - s) / (s * d) * p**d for d in range(s + 1, l + 1))
    tail = ((common[l] - common[s]) / l + common[s] / s) * p**l
    return (1 - p) / p * (seen + beyond) + tail


def _both(
    before: Snapshot, after: Snapshot, queries: Sequence[Query], k: int
) -> Iterator[tuple[Query, list[Hit], list[Hit]]]:
    pairs = zip(retrieve(before, queries, k), retrieve(after, queries, k), strict=True)
    yield from ((query, old, new) for (query, old), (_, new) in pairs)


def _chunks(hits: list[Hit]) -> list[Hashable]:
    return list(dict.fromkeys((hit.chunk.document_id, text_digest(hit.chunk.text)) for hit in hits))


def _documents(hits: list[Hit]) -> list[Hashable]:
    return list(dict.fromkeys(hit.chunk.document_id for hit in hits))
