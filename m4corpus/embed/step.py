"""The work of the embed stage: chunks in, vectors out, with everything computed before taken from the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.embed.config import EmbedConfig
from m4corpus.ledger import Fail, Verdict
from m4corpus.steps import Step
from m4corpus.storage.digests import text_digest

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from m4corpus.embed.encoder import Encoder, Vectors


@dataclass(slots=True)
class Passage:
    """What embedding needs of a chunk."""

    id: str
    text: str
    title: str


@dataclass(slots=True)
class Embedding:
    """A chunk's vector; ``text_digest`` (16 bytes) is of what the encoder read: the text within its prompt."""

    chunk_id: str
    text_digest: bytes
    vector: NDArray[np.float32]


def schema(dimension: int) -> pa.Schema:
    """Arrow schema of a part of embeddings."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("chunk_id", pa.string(), nullable=False),
            pa.field("text_digest", pa.binary(), nullable=False),
            pa.field("vector", pa.list_(pa.field("item", pa.float32(), nullable=False), dimension), nullable=False),
        ]
    )


def to_batch(rows: list[Embedding]) -> pa.RecordBatch:
    """Columns of a non-empty list of embeddings."""
    import numpy as np
    import pyarrow as pa

    layout = schema(len(rows[0].vector))
    values = np.concatenate([row.vector for row in rows])
    return pa.RecordBatch.from_arrays(
        [
            pa.array([row.chunk_id for row in rows], type=pa.string()),
            pa.array([row.text_digest for row in rows], type=pa.binary()),
            pa.FixedSizeListArray.from_arrays(pa.array(values, type=pa.float32()), type=layout.field("vector").type),
        ],
        schema=layout,
    )


class EmbedStep(Step):
    """Embeds passages a batch at a time. ``cache`` is the file of vectors computed before.

    Counts texts ``truncated`` among its facts, and vectors ``cached`` and ``computed`` among what happened.
    """

    name = "embed"

    def __init__(self, config: EmbedConfig, cache: Path) -> None:
        super().__init__()
        self.batch_size = config.batch_size
        self._config = config.encoder
        self._cache_path = cache

    def prepare(self) -> None:
        """Load the encoder and open the cache."""
        from m4corpus.embed.cache import VectorCache
        from m4corpus.embed.encoder import load

        self._encoder: Encoder = load(self._config)
        self._cache = VectorCache(self._cache_path, self._encoder.dimension)

    def close(self) -> None:
        """Close the cache."""
        if hasattr(self, "_cache"):
            self._cache.close()

    def process_batch(self, records: Sequence[Any]) -> list[list[Any] | Verdict]:
        """An :class:`Embedding` for each :class:`Passage`; fails those without a usable text or vector."""
        results: list[list[Any] | Verdict] = [_unreadable(passage) or [] for passage in records]
        sound = [i for i, result in enumerate(results) if not isinstance(result, Verdict)]
        if not sound:
            return results
        texts = [records[i].text for i in sound]
        inputs = self._encoder.passages(texts, [records[i].title for i in sound])
        digests = [text_digest(text) for text in inputs]
        longest = self._encoder.max_tokens
        truncated = sum(tokens > longest for tokens in self._encoder.count_tokens(texts))
        for i, digest, vector in zip(sound, digests, self._vectors(inputs, digests), strict=True):
            results[i] = _unusable(vector) or [Embedding(records[i].id, digest, vector)]
        # Only now: a batch that ends in an error comes again, one by one.
        self.facts["truncated"] += truncated
        return results

    def _vectors(self, inputs: list[str], digests: list[bytes]) -> Vectors:
        """Vectors of inputs, from the cache or computed and stored.

        Where a vector's last bits depend on its batch, its key is the whole batch and its place there, and a batch
        is computed as a whole: the same rows then come out whatever was cached.
        """
        import numpy as np

        keys = digests if self._encoder.batch_invariant else _batch_keys(self._config.device, digests)
        found = self._cache.get(keys)
        missing = {key: text for key, text in zip(keys, inputs, strict=True) if key not in found}
        if missing and not self._encoder.batch_invariant:
            missing, found = dict(zip(keys, inputs, strict=True)), {}
        if missing:
            computed = dict(zip(missing, self._encoder.encode(list(missing.values())), strict=True))
            self._cache.put(computed)
            found = {**found, **computed}
        self.happened["computed"] += len(missing)
        self.happened["cached"] += len(inputs) - len(missing)
        return np.stack([found[key] for key in keys])


def _batch_keys(device: str, digests: list[bytes]) -> list[bytes]:
    batch = hashlib.blake2b(device.encode() + b"\0" + b"".join(digests), digest_size=16).digest()
    return [batch + i.to_bytes(4, "big") for i in range(len(digests))]


def _unreadable(passage: Passage) -> Fail | None:
    for part, text in (("text", passage.text), ("title", passage.title)):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            return Fail("lone-surrogates", f"character {error.start} of the {part}")
    return None


def _unusable(vector: NDArray[np.float32]) -> Fail | None:
    """Such a vector would be found by every query, or by none."""
    import numpy as np

    if not np.isfinite(vector).all():
        return Fail("bad-vector", "not a number, or infinite")
    return None if vector.any() else Fail("bad-vector", "all zeros")
