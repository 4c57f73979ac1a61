"""Retrieval quality against qrels, overall and for each query language."""

from m4corpus.evaluate.metrics import Report, evaluate, read_qrels

__all__ = ["Report", "evaluate", "read_qrels"]
