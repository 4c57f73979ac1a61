"""What a corpus is made of: its documents and chunks by language, variety and flag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from m4corpus.identify.labels import label_of
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
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
    for language, script, variety, mix, flagged in _rows(
        artifact, "language", "script", "variety", "language_mix", "flags"
    ):
        languages[label_of(language, script)] += 1
        varieties[variety] += 1
        flags.update(flagged or [])
        # Shares come back as floats of half the precision.
        mixed += sum(round(share, 4) >= MIXED for _, share in mix or []) > 1
    del varieties[""]
    return {
        "documents": dict(sorted(languages.items())),
        "varieties": dict(sorted(varieties.items())),
        "mixed": {"share": MIXED, "documents": mixed},
        "flags": dict(sorted(flags.items())),
    }


def chunk_counts(artifact: Artifact) -> dict[str, Any]:
    """``chunks`` by :func:`~m4corpus.identify.labels.label_of`."""
    counts = Counter(label_of(language, script) for language, script in _rows(artifact, "language", "script"))
    return {"chunks": dict(sorted(counts.items()))}


def _rows(artifact: Artifact, *columns: str) -> Iterator[tuple[Any, ...]]:
    """Some columns, row by row; None for one that the artifact, built by an earlier version, has not."""
    for part in artifact.parts():
        for batch in read_batches(artifact.directory / part.path, list(columns), batch_size=8192):
            found = set(batch.schema.names)
            yield from zip(
                *(batch.column(name).to_pylist() if name in found else [None] * len(batch) for name in columns),
                strict=True,
            )
