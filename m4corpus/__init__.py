"""m4corpus builds multilingual retrieval corpora and their indexes, reproducibly.

>>> import m4corpus
>>> result = m4corpus.run("recipes/quickstart.yaml", workers=2)
>>> for hit in m4corpus.open_snapshot(result.snapshot).search("where do kites come from", k=3):
...     print(hit.score, hit.chunk.language, hit.chunk.title)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from m4corpus.stagenames import STAGES

if TYPE_CHECKING:
    from m4corpus.pipeline import Reporter, RunResult
    from m4corpus.snapshot import Snapshot

__version__ = "0.1.0"
__all__ = ["__version__", "open_snapshot", "run"]


def run(
    recipe: str | Path,
    workdir: str | Path = "work",
    *,
    workers: int = 1,
    first: str = STAGES[0],
    last: str = STAGES[-1],
    limit: int | None = None,
    executor: str = "local",
    reporter: Reporter | None = None,
) -> RunResult:
    """Run a recipe file from stage ``first`` to ``last``; with a ``limit``, a trial of that many inputs.

    ``reporter`` hears how the run goes. Raises :class:`m4corpus.errors.M4CorpusError`, which says what to do next.
    """
    from m4corpus.pipeline import Pipeline

    pipeline = Pipeline.from_file(Path(recipe), Path(workdir), limit)
    return pipeline.run(first=first, last=last, workers=workers, executor=executor, reporter=reporter)


def open_snapshot(
    where: str | Path,
    workdir: str | Path = "work",
    *,
    trust_remote_code: bool = False,
    encoder_path: str | Path | None = None,
) -> Snapshot:
    """Open a snapshot by directory, name or ``name@version``; its ``search`` finds chunks in any language.

    ``trust_remote_code`` lets Python code that came with the snapshot's encoder run; ``encoder_path`` is where the
    model lies, for an encoder that is a directory.
    """
    from m4corpus.snapshot import open_snapshot as open_

    return open_(where, Path(workdir), trust_remote_code, Path(encoder_path) if encoder_path else None)
