"""The work of the embed stage: chunks in, vectors out, with everything computed before taken from the cache."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.embed.config import EmbedConfig, EncoderConfig
from m4corpus.embed.stored import pack, vector_type
from m4corpus.embed.transformers.multimodal import TakesImages, passage_inputs
from m4corpus.errors import UserError
from m4corpus.images import MISPLACED, ImageStore
from m4corpus.ledger import Fail, Verdict
from m4corpus.steps import Step
from m4corpus.storage.digests import text_digest

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from m4corpus.embed.encoder import Encoder, Vectors
    from m4corpus.embed.postprocess.config import Quantisation
    from m4corpus.embed.postprocess.transform import Postprocess


#: Texts, in a batch, from which on equal vectors for most of them are no accident.
MANY = 16
#: Batches whose texts are sorted by length together.
WINDOW = 4


@dataclass(slots=True)
class Passage:
    """What embedding needs of a chunk."""

    id: str
    text: str
    title: str
    language: str = ""
    image: str = ""


@dataclass(slots=True)
class Embedding:
    """A chunk's vector; ``text_digest`` (16 bytes) is of what the encoder read: the text within its prompt."""

    chunk_id: str
    text_digest: bytes
    vector: NDArray[np.float32]


def schema(dimension: int, quantise: Quantisation = "none") -> pa.Schema:
    """Arrow schema of a part of embeddings."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("chunk_id", pa.string(), nullable=False),
            pa.field("text_digest", pa.binary(), nullable=False),
            pa.field("vector", vector_type(dimension, quantise), nullable=False),
        ]
    )


def to_batch(rows: list[Embedding], quantise: Quantisation = "none") -> pa.RecordBatch:
    """Columns of a non-empty list of embeddings."""
    import numpy as np
    import pyarrow as pa

    layout = schema(len(rows[0].vector), quantise)
    return pa.RecordBatch.from_arrays(
        [
            pa.array([row.chunk_id for row in rows], type=pa.string()),
            pa.array([row.text_digest for row in rows], type=pa.binary()),
            pack(np.stack([row.vector for row in rows]), quantise),
        ],
        schema=layout,
    )


class EmbedStep(Step):
    """Embeds passages a batch at a time. ``cache`` is the file of vectors computed before; ``images`` has the images
    that passages stand for, for an encoder that takes them.

    Notes the texts that are ``truncated``, and counts vectors ``cached``, ``computed`` and
    computed ``alike`` for different texts among what happened.
    """

    name = "embed"
    again = MISPLACED

    def __init__(self, config: EmbedConfig, cache: Path, images: ImageStore | None = None) -> None:
        super().__init__()
        self._images = images
        self._rows = config.batch_size
        self.batch_size = config.batch_size * WINDOW
        self._config = config.encoder
        self._rank = 0
        self._cache_path = cache

    def run(self, data: Iterable[Any], rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """See :class:`~m4corpus.steps.Step`; of several GPUs, a task takes the one of its rank."""
        self._rank = rank
        yield from super().run(data, rank, world_size)

    def prepare(self) -> None:
        """Load the encoder and open the cache."""
        from m4corpus.embed.cache import VectorCache
        from m4corpus.embed.encoder import load

        bare = replace(self._config, postprocess=None, device=_device(self._config.device, self._rank))
        self._encoder: Encoder = load(bare)
        if isinstance(self._encoder, TakesImages):
            self._encoder.images = self._images
        self._postprocess = _postprocess(self._config, self._encoder)
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
        titles, images = ([getattr(records[i], name) for i in sound] for name in ("title", "image"))
        inputs = passage_inputs(self._encoder, texts, titles, images)
        digests = [text_digest(text) for text in inputs]
        longest = self._encoder.max_tokens
        for i, tokens in zip(sound, self._encoder.count_tokens(texts), strict=True):
            # What stands for an image is not read.
            shown = records[i].image and isinstance(self._encoder, TakesImages)
            self.note(records[i].id, {"truncated": int(tokens > longest and not shown)})
        vectors = self._vectors(inputs, digests)
        if self._postprocess is not None:
            # Here, after the cache, which then serves every way of doing it.
            vectors = self._postprocess.apply(vectors, [records[i].language for i in sound])
        for i, digest, vector in zip(sound, digests, vectors, strict=True):
            results[i] = _unusable(vector) or [Embedding(records[i].id, digest, vector)]
        return results

    def _vectors(self, inputs: list[str], digests: list[bytes]) -> Vectors:
        """Vectors of inputs, from the cache or computed and stored.

        Where a vector's last bits depend on its batch, its key is the whole batch and its place there, and a batch
        is computed as a whole: the same rows then come out whatever was cached.
        """
        import numpy as np

        alone = self._encoder.batch_invariant
        # By length, so that texts that are computed together waste little on filling each other up.
        order = sorted(range(len(inputs)), key=lambda i: len(inputs[i]))
        keys = digests if alone else _batch_keys(self._config.device, digests, self._cut(order))
        found = self._cache.get(keys)
        if alone:
            first = {keys[i]: i for i in reversed(order) if keys[i] not in found}
            batches = self._cut([i for i in order if first.get(keys[i]) == i])
        else:
            batches = [batch for batch in self._cut(order) if any(keys[i] not in found for i in batch)]
        encoded = self._encoder.encode_batches([[inputs[i] for i in batch] for batch in batches])
        for batch, vectors in zip(batches, encoded, strict=True):
            # One text may stand in a batch twice where its place is part of the key.
            different = {inputs[i]: vector for i, vector in zip(batch, vectors, strict=True)}
            self.happened["alike"] += alike(list(different.values()))
            computed = {keys[i]: vector for i, vector in zip(batch, vectors, strict=True)}
            # A transaction for each batch, so that a run that is killed takes up its work there.
            self._cache.put(computed)
            found.update(computed)
        fresh = sum(map(len, batches))
        self.happened["computed"] += fresh
        self.happened["cached"] += len(inputs) - fresh
        return np.stack([found[key] for key in keys])

    def _cut(self, places: list[int]) -> list[list[int]]:
        """Places in batches."""
        return [places[i : i + self._rows] for i in range(0, len(places), self._rows)]


def _postprocess(config: EncoderConfig, bare: Encoder) -> Postprocess | None:
    if config.postprocess is None:
        return None
    from m4corpus.embed.encoder import fingerprint
    from m4corpus.embed.postprocess.transform import Postprocess

    own = fingerprint(replace(config, postprocess=None))
    return Postprocess(config.postprocess, bare.dimension, own, normalise=config.normalise)


def _device(device: str, rank: int) -> str:
    if device != "cuda":
        return device
    import torch

    return device_of(device, rank, torch.cuda.device_count())


def device_of(device: str, rank: int, devices: int) -> str:
    """``cuda`` without a number is the device of the task's rank, so that the tasks of a machine share them out."""
    return f"cuda:{rank % devices}" if device == "cuda" and devices > 1 else device


def _batch_keys(device: str, digests: list[bytes], batches: list[list[int]]) -> list[bytes]:
    """A key for each text: its batch and its place there."""
    keys = [b""] * len(digests)
    for places in batches:
        content = device.encode() + b"\0" + b"".join(digests[i] for i in places)
        batch = hashlib.blake2b(content, digest_size=16).digest()
        for n, i in enumerate(places):
            keys[i] = batch + n.to_bytes(4, "big")
    return keys


def alike(vectors: Sequence[NDArray[np.float32]]) -> int:
    """How many vectors of different texts are the same as another's, which texts of the same tokens may have.

    Raises:
        UserError: most of many are one and the same, so the model has nothing to say about any text.
    """
    counts = Counter(vector.tobytes() for vector in vectors)
    most = max(counts.values())
    if len(vectors) >= MANY and 2 * most > len(vectors):
        raise UserError(
            f"the encoder gave one and the same vector to {most} of {len(vectors)} different texts",
            "Its weights, prompts or tokenizer are not what the model was made with; try it on a few texts first.",
        )
    return sum(count for count in counts.values() if count > 1)


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
