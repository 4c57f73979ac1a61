"""What a corpus is made of: its documents and chunks by language, variety and flag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from m4corpus.identify.labels import label_of
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    import pyarrow as pa

    from m4corpus.storage.artifact import Artifact

#: Share of its text from which a language counts towards making a document mixed.
MIXED = 0.1


def document_counts(artifact: Artifact) -> dict[str, Any]:
    """Counts over documents.

    ``documents`` by :func:`~m4corpus.identify.labels.label_of`; ``varieties`` by tag, those without one left out;
    ``mixed``, the ``documents`` with at least two languages that each make up the ``share`` of the text or more;
    ``flags``, the documents with each.
    """
    languages: Counter[str] = Counter()
    varieties: Counter[str] = Counter()
    flags: Counter[str] = Counter()
    mixed = 0
    for batch in _batches(artifact, "language", "script", "variety", "language_mix", "flags"):
        languages += _labels(batch)
        varieties.update(_column(batch, "variety"))
        flags.update(chain.from_iterable(found for found in _column(batch, "flags") if found))
        # Shares come back as floats of half the precision.
        mixes = (mix for mix in _column(batch, "language_mix") if mix and len(mix) > 1)
        mixed += sum(sum(round(share, 4) >= MIXED for _, share in mix) > 1 for mix in mixes)
    del varieties[""]
    return {
        "documents": dict(sorted(languages.items())),
        "varieties": dict(sorted(varieties.items())),
        "mixed": {"share": MIXED, "documents": mixed},
        "flags": dict(sorted(flags.items())),
    }


def chunk_counts(artifact: Artifact) -> dict[str, Any]:
    """``chunks`` by :func:`~m4corpus.identify.labels.label_of`."""
    counts: Counter[str] = Counter()
    for batch in _batches(artifact, "language", "script"):
        counts += _labels(batch)
    return {"chunks": dict(sorted(counts.items()))}


def _batches(artifact: Artifact, *columns: str) -> Iterator[pa.RecordBatch]:
    """Some columns, less those that the artifact, built by an earlier version, has not."""
    for part in artifact.parts():
        yield from read_batches(artifact.directory / part.path, list(columns), batch_size=8192)


def _labels(batch: pa.RecordBatch) -> Counter[str]:
    """How many rows have each label."""
    counts: Counter[str] = Counter()
    pairs = zip(_column(batch, "language"), _column(batch, "script"), strict=True)
    for (language, script), rows in Counter(pairs).items():
        counts[label_of(language, script)] += rows
    return counts


def _column(batch: pa.RecordBatch, name: str) -> list[Any]:
    """Values of a column, or as many of None."""
    # Not by functions of pyarrow on scalars or NumPy arrays, which load pandas: more than they save here.
    return batch.column(name).to_pylist() if name in batch.schema.names else [None] * batch.num_rows
