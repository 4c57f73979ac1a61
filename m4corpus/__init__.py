"""m4corpus builds multilingual retrieval corpora and their indexes, reproducibly.

>>> import m4corpus
>>> result = m4corpus.run("recipes/quickstart.yaml", workers=2)
>>> for hit in m4corpus.open_snapshot(result.snapshot).search("where do kites come from", k=3):
...     print(hit.score, hit.chunk.language, hit.chunk.title)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from m4corpus.pipeline import RunResult
    from m4corpus.snapshot import Snapshot

__version__ = "0.1.0"
__all__ = ["__version__", "open_snapshot", "run"]


def run(recipe: str | Path, workdir: str | Path = "work", *, limit: int | None = None, **options: Any) -> RunResult:
    """Run a recipe file; ``options`` are those of :meth:`m4corpus.pipeline.Pipeline.run` (workers, last, ...)."""
    from m4corpus.pipeline import Pipeline

    return Pipeline.from_file(Path(recipe), Path(workdir), limit).run(**options)


def open_snapshot(where: str | Path, workdir: str | Path = "work") -> Snapshot:
    """Open a snapshot by directory, name or ``name@version``; its ``search`` finds chunks in any language."""
    from m4corpus.snapshot import open_snapshot as open_

    return open_(where, Path(workdir))
