"""First phase: what is compared of each document, a task for each part."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from m4corpus.datatrove import PipelineStep
from m4corpus.dedup.config import DedupConfig
from m4corpus.dedup.minhash import MinHash
from m4corpus.dedup.remembered import Remembered, remembered_path
from m4corpus.dedup.shingles import codes, exact_key, shingles
from m4corpus.dedup.store import FACTS, KEY, Columns, ColumnWriter, order_of
from m4corpus.images import IMAGE, image_of
from m4corpus.progress import Progress
from m4corpus.stage import StageContext
from m4corpus.storage.artifact import Completion
from m4corpus.storage.parts import read_batches
from m4corpus.storage.rowdigests import row_digests

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

SIGNATURES = "signatures"
#: All that exact keys and signatures are computed from.
SIGNED = ["text", "script", "metadata"]
_NO_KEY = np.zeros((), "V16")

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
        wanted = ["id", *SIGNED, "hint_agreement"]
        minhash = MinHash(self.config)
        remembered = self._remembered(minhash, rank)
        with self.columns.writer(rank) as writer:
            for batch in read_batches(self.parts[rank], wanted, batch_size=256):
                self._write(batch, self._signed(batch, minhash, remembered), minhash, writer)
                progress.advance(batch.num_rows)
        remembered.save()
        progress.flush()
        Completion().write(self.context.completion(SIGNATURES, rank))
        yield from ()

    def known(self, rank: int) -> Iterator[tuple[str, bool]]:
        """The ids of a part, and whether the document was signed in an earlier run."""
        remembered = self._remembered(MinHash(self.config), rank)
        for batch in read_batches(self.parts[rank], ["id", *SIGNED]):
            found = remembered.find(row_digests(batch.select(SIGNED)))["key"] != _NO_KEY
            yield from zip(batch.column("id").to_pylist(), found.tolist(), strict=True)

    def _remembered(self, minhash: MinHash, rank: int) -> Remembered:
        path = remembered_path(self.context, self.config, unicodedata.unidata_version, rank)
        return Remembered(path, minhash.length)

    def _signed(self, batch: pa.RecordBatch, minhash: MinHash, remembered: Remembered) -> NDArray[Any]:
        """Exact keys and signatures of documents, computed where they are not known."""
        keys = row_digests(batch.select(SIGNED))
        records = remembered.find(keys)
        missing = np.flatnonzero(records["key"] == _NO_KEY)
        for row, document in zip(missing.tolist(), batch.take(missing).to_pylist(), strict=True):
            image = image_of(dict(document["metadata"]))
            # Images are compared by their content: many have the same caption.
            points = codes(f"{IMAGE} {image}" if image else document["text"])
            records["exact"][row] = exact_key(points)
            near = self.config.near and not image
            hashes = shingles(points, document["script"], self.config) if near else np.zeros(0, np.uint32)
            if hashes.size:
                records["signature"][row] = minhash.signature(hashes)
                records["signed"][row] = True
        remembered.keep(keys, records)
        return records

    def _write(self, batch: pa.RecordBatch, records: NDArray[Any], minhash: MinHash, writer: ColumnWriter) -> None:
        """The columns of documents."""
        import pyarrow.compute as pc

        facts = np.zeros(batch.num_rows, FACTS)
        facts["order"] = [order_of(id) for id in batch.column("id").to_pylist()]
        facts["rank"] = [_RANKS.get(agreement, 1) for agreement in batch.column("hint_agreement").to_pylist()]
        facts["characters"] = np.asarray(pc.utf8_length(batch.column("text")))
        facts["exact"] = records["exact"]
        writer.append("facts", facts)
        if self.config.near:
            signatures = records["signature"]
            keys = np.where(records["signed"][:, None], minhash.band_keys(signatures), KEY.type(0))
            writer.append("signature", signatures)
            for band in range(self.config.bands):
                writer.append(band_column(band), keys[:, band])


def band_column(band: int) -> str:
    """Name of the column that holds the keys of one band."""
    return f"band-{band:03d}"
