"""First phase: what is compared of each document, a task for each part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from m4corpus.datatrove import PipelineStep
from m4corpus.dedup.config import DedupConfig
from m4corpus.dedup.minhash import MinHash
from m4corpus.dedup.shingles import codes, exact_key, shingles
from m4corpus.dedup.store import FACTS, KEY, Columns, ColumnWriter, order_of
from m4corpus.progress import Progress
from m4corpus.stage import StageContext
from m4corpus.storage.artifact import Completion
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    import pyarrow as pa

SIGNATURES = "signatures"

# Of equal texts, the one whose language its source knew is worth most, and the one its source was wrong about least.
_RANKS = {"agree": 0, "unsupported": 1, "none": 1, "disagree": 2}


class Sign(PipelineStep):
    """Computes facts, signature and band keys of the documents of one part, in the order of its rows."""

    name = "sign documents"

    def __init__(self, context: StageContext, config: DedupConfig, parts: list[Path], columns: Columns) -> None:
        super().__init__()
        self.context = context
        self.config = config
        self.parts = parts
        self.columns = columns

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Yields nothing: part ``rank`` becomes columns in the scratch directory."""
        progress = Progress(self.context.progress(SIGNATURES), rank)
        wanted = ["id", "text", "script", "hint_agreement"]
        minhash = MinHash(self.config)
        with self.columns.writer(rank) as writer:
            for batch in read_batches(self.parts[rank], wanted, batch_size=256):
                self._sign(batch, minhash, writer)
                progress.advance(batch.num_rows)
        progress.flush()
        Completion().write(self.context.completion(SIGNATURES, rank))
        yield from ()

    def _sign(self, batch: pa.RecordBatch, minhash: MinHash, writer: ColumnWriter) -> None:
        facts = np.zeros(batch.num_rows, FACTS)
        signatures = np.zeros((batch.num_rows, minhash.length), np.uint32)
        signed = np.zeros(batch.num_rows, np.bool_)
        for row, document in enumerate(batch.to_pylist()):
            points = codes(document["text"])
            facts[row] = (
                order_of(document["id"]),
                _RANKS.get(document["hint_agreement"], 1),
                len(document["text"]),
                exact_key(points),
            )
            hashes = shingles(points, document["script"], self.config) if self.config.near else np.zeros(0, np.uint32)
            if hashes.size:
                signatures[row] = minhash.signature(hashes)
                signed[row] = True
        writer.append("facts", facts)
        if self.config.near:
            keys = np.where(signed[:, None], minhash.band_keys(signatures), KEY.type(0))
            writer.append("signature", signatures)
            for band in range(self.config.bands):
                writer.append(band_column(band), keys[:, band])


def band_column(band: int) -> str:
    """Name of the column that holds the keys of one band."""
    return f"band-{band:03d}"
