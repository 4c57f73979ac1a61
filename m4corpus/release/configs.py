"""Configurations of the published data set: what ``datasets.load_dataset(repository, NAME)`` loads."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from m4corpus.release.benchmarks import RESERVED, members
from m4corpus.release.layout import ARTICLES, CHUNKS, DOCUMENTS, VECTORS, ReleaseFile

#: The configuration of all documents, where it is not named after the one thing they are.
ALL = "all"


def configs(name: str, sets: list[str], files: list[ReleaseFile]) -> list[dict[str, Any]]:
    """Configurations as a card has them, each with the exact files it consists of.

    One for each benchmark (``sets``, by their published names); one of all documents, named after the snapshot where
    there is no benchmark and the name is not reserved; one for each language, by label; ``chunks`` and ``vectors``.
    M4-RAG's article records take the place of a benchmark's documents where they are part of the release. No two can
    have one name: see :data:`~m4corpus.release.benchmarks.RESERVED`.
    """
    documents = [file for file in files if file.kind == DOCUMENTS]
    articles = [file for file in files if file.kind == ARTICLES]
    found: dict[str, list[str]] = {}
    for one in sets:
        folder = [f.path for f in articles if f.path.startswith(f"m4rag/{one}/articles-")]
        found[one] = folder or [f.path for f in documents if one in members(stem(f.path))]
    whole = ALL if sets or name in RESERVED else name
    found[whole] = [f.path for f in documents]
    for label in sorted({f.language for f in documents}):
        found[label] = [f.path for f in documents if f.language == label]
    for kind in (CHUNKS, VECTORS):
        found[kind] = [f.path for f in files if f.kind == kind]
    first = sets[0] if len(sets) == 1 else whole
    return [
        {
            "config_name": config,
            **({"default": True} if config == first else {}),
            "data_files": [{"split": "train", "path": paths}],
        }
        for config, paths in found.items()
        if paths
    ]


def stem(path: str) -> str:
    """The stem of a file of rows: its name without number and digest."""
    return PurePosixPath(path).stem.rsplit("-", 2)[0]
