"""Articles that a program wrote from a table: their phrases are those of many others, only numbers and names differ.

No list of templates is needed and no script's capital letters: a phrase of four words (or as much) that many documents
of a language have is part of a template, and what counts is how much of a document such phrases cover. Templates are
frequent by nature, so a sample of the documents finds them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

from m4corpus.datatrove import PipelineStep
from m4corpus.filters.units import phrase_length, units
from m4corpus.progress import Progress
from m4corpus.stage import StageContext
from m4corpus.storage.artifact import Completion
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

PHRASES, TEMPLATES = "phrases", "templates"
#: Documents phrases are counted in, about; of a larger corpus so many are sampled by a hash of their ids.
SAMPLE = 50_000
_WORDS = 4


def phrases(text: str, script: str, language: str) -> Hashes:
    """A hash for every run of four words (or as much), numbers all alike; empty for a text of fewer."""
    import numpy as np

    from m4corpus.dedup.hashing import mix, rolling

    found = units(text, script)
    size = phrase_length(script, _WORDS)
    if len(found) < size:
        return np.zeros(0, np.uint64)
    salt = crc32(language.encode())
    codes = [crc32(b"0" if unit.isdecimal() else unit.encode("utf-8", "replace"), salt) for unit in found]
    return mix(rolling(mix(np.array(codes, np.uint64)), size))


def template_share(text: str, script: str, language: str, templates: Hashes) -> float | None:
    """Share of the units within phrases that are among the sorted ``templates``; None for a text without phrases."""
    import numpy as np

    own = phrases(text, script, language)
    if not own.size:
        return None
    if not templates.size:
        return 0.0
    places = np.minimum(np.searchsorted(templates, own), templates.size - 1)
    size = phrase_length(script, _WORDS)
    steps = np.zeros(own.size + size, np.int32)
    common = np.flatnonzero(templates[places] == own)
    steps[common] += 1
    steps[common + size] -= 1
    return float(np.count_nonzero(np.cumsum(steps[:-1])) / (own.size + size - 1))


class CountPhrases(PipelineStep):
    """Counts in how many of a part's sampled documents each phrase occurs."""

    name = "count phrases"

    def __init__(self, context: StageContext, parts: list[Path], documents: int) -> None:
        super().__init__()
        self.context = context
        self.parts = parts
        self.every = -(-documents // SAMPLE) or 1

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Yields nothing: the counts of part ``rank`` go to the scratch directory."""
        import numpy as np

        progress = Progress(self.context.progress(PHRASES), rank)
        found: list[Hashes] = [np.zeros(0, np.uint64)]
        for batch in read_batches(self.parts[rank], ["id", "text", "script", "language"], batch_size=256):
            for row in batch.to_pylist():
                if _order(row["id"]) % self.every == 0:
                    found.append(np.unique(phrases(row["text"], row["script"], row["language"])))
            progress.advance(batch.num_rows)
        progress.flush()
        hashes, counts = np.unique(np.concatenate(found), return_counts=True)
        folder = self.context.scratch / "phrase-counts"
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{rank:05d}-hashes.npy", hashes)
        np.save(folder / f"{rank:05d}-counts.npy", counts.astype(np.int64))
        Completion().write(self.context.completion(PHRASES, rank))
        yield from ()


class FindTemplates(PipelineStep):
    """Adds up the counts of all parts, one after the other, and keeps the phrases many documents have."""

    name = "find templates"

    def __init__(self, context: StageContext, parts: int, documents: int) -> None:
        super().__init__()
        self.context = context
        self.parts = parts
        self.documents = documents

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Yields nothing: the phrases go to :func:`templates_file`."""
        import numpy as np

        folder = self.context.scratch / "phrase-counts"
        hashes, counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        for part in range(self.parts):
            more = np.concatenate([hashes, np.load(folder / f"{part:05d}-hashes.npy")])
            weights = np.concatenate([counts, np.load(folder / f"{part:05d}-counts.npy")])
            hashes, places = np.unique(more, return_inverse=True)
            counts = np.zeros(hashes.size, np.int64)
            np.add.at(counts, places, weights)
        np.save(templates_file(self.context), hashes[counts >= self.documents])
        Completion().write(self.context.completion(TEMPLATES, 0))
        yield from ()


def templates_file(context: StageContext) -> Path:
    """Where the sorted hashes of the phrases of templates are, while the stage runs."""
    return context.scratch / "templates.npy"


def _order(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
