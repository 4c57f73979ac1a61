"""nDCG, recall and reciprocal rank through ir_measures, which wraps the evaluators the field trusts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from m4corpus.errors import UserError
from m4corpus.retrieve.queries import numbered_lines
from m4corpus.retrieve.runs import Run, document_ranking

if TYPE_CHECKING:
    from m4corpus.index.shards import Hit

Qrels = dict[str, dict[str, int]]

#: Measures in ir_measures' notation.
MEASURES = ("nDCG@10", "R@10", "R@100", "RR")


@dataclass(frozen=True)
class Report:
    """Mean of each measure over the judged queries of each language, and over all of them under ``all``."""

    queries: dict[str, int]
    scores: dict[str, dict[str, float]]
    unjudged: int


def read_qrels(path: Path) -> Qrels:
    """TREC qrels: ``query 0 document relevance``, one judgement a line, separated by white space.

    Raises :class:`UserError` naming a line that is no judgement or contradicts an earlier one. A document's id may
    itself hold spaces.
    """
    qrels: Qrels = defaultdict(dict)
    for number, line in numbered_lines(path, "qrels"):
        try:
            query, _, rest = line.split(maxsplit=2)
            document, relevance = rest.rsplit(maxsplit=1)
            judged = int(relevance)
        except ValueError:
            raise UserError(f"{path}:{number} is not a judgement", "Each line is: query 0 document relevance") from None
        if qrels[query].setdefault(document, judged) != judged:
            raise UserError(f"{path}:{number} judges {document!r} for {query!r} again, otherwise", "Keep one of them.")
    if not qrels:
        raise UserError(f"{path} holds no judgements", "Each line is: query 0 document relevance")
    return dict(qrels)


def evaluate(run: Run, qrels: Qrels) -> Report:
    """Score a run's documents; a judged query that found nothing scores 0, a query without judgements is left out."""
    try:
        import ir_measures
    except ImportError:
        raise UserError(
            "evaluation needs the package ir_measures", "Install it with: pip install 'm4corpus[evaluate]'"
        ) from None
    measures = [ir_measures.parse_measure(name) for name in MEASURES]
    languages: dict[str, str] = {}
    ranking: dict[str, dict[str, float]] = {}
    unjudged = 0
    for query, hits in run:
        if query.id in qrels:
            languages[query.id], ranking[query.id] = query.language, _by_rank(hits)
        else:
            unjudged += 1
    if not languages:
        raise UserError("no query of the run has a judgement in the qrels", "Check that both files use the same ids.")
    judged = {query: qrels[query] for query in languages}
    groups: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for metric in ir_measures.iter_calc(measures, judged, ranking):
        for group in {languages[metric.query_id] or "unknown", "all"}:
            groups[group][str(metric.measure)].append(metric.value)
    sizes = {group: len(next(iter(values.values()))) for group, values in groups.items()}
    scores = {
        group: {name: sum(values[name]) / sizes[group] for name in MEASURES} for group, values in sorted(groups.items())
    }
    return Report(dict(sorted(sizes.items())), scores, unjudged)


def _by_rank(hits: list[Hit]) -> dict[str, float]:
    """Scores that say no more than the rank: evaluators would order equal scores by document id, not as found."""
    return {document: float(-rank) for rank, (document, _) in enumerate(document_ranking(hits))}
