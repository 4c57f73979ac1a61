"""Learn post-processing from the vectors a recipe has: what ``m4corpus embed fit`` does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from m4corpus.embed.postprocess.moments import Centre, Moments
from m4corpus.embed.stored import unpack
from m4corpus.errors import UserError
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from m4corpus.embed.postprocess.learnt import Learnt
    from m4corpus.storage.artifact import Artifact

    Floats = NDArray[np.float32]


def fit(
    chunks: Artifact, vectors: Artifact, *, centre: Centre = "none", components: int | None = None,
    whiten: bool = False, least: int = 100,
) -> Learnt:  # fmt: skip
    """What :meth:`Moments.learn` gives for every vector of an embed artifact, made from the artifact ``chunks``.

    Raises:
        UserError: the vectors were transformed already, there are none, or there are too few.
    """
    if vectors.info["identity"].get("postprocess"):
        raise UserError(
            "the vectors of this recipe are post-processed already, and this learns from them as the model gave them",
            "Take 'postprocess' out of the recipe, run it until embed, and learn again.",
        )
    moments: Moments | None = None
    for rows, languages in _labelled(chunks, vectors):
        moments = moments or Moments(rows.shape[1])
        moments.add(rows, languages)
    if moments is None:
        raise UserError("this recipe has no vectors to learn from", "See what became of its inputs: m4corpus status.")
    # As the embed stage computed it, which is what a recipe with the file is held against.
    fingerprint = vectors.manifest["resources"]["encoder"]
    return moments.learn(fingerprint, centre=centre, components=components, whiten=whiten, least=least)


def _labelled(chunks: Artifact, vectors: Artifact) -> Iterator[tuple[Floats, list[str]]]:
    """Vectors in batches, with the language of each chunk."""
    for labels, part in zip(chunks.parts(), vectors.parts(), strict=True):
        languages: dict[str, str] = {}
        for batch in read_batches(chunks.directory / labels.path, ["id", "language"]):
            languages |= zip(batch.column("id").to_pylist(), batch.column("language").to_pylist(), strict=True)
        for batch in read_batches(vectors.directory / part.path, ["chunk_id", "vector"]):
            if len(batch):
                yield unpack(batch.column("vector")), [languages[i] for i in batch.column("chunk_id").to_pylist()]
