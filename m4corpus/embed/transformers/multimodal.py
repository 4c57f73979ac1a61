"""Encoders that take images: passages that are images, and queries of text, of an image, or of both.

An image passes through the embed stage as an input like any other: a string that names it by its content. So caching,
batching and reuse need not know of images; only the encoder turns the name into pixels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from m4corpus.embed.transformers.encoder import SentenceTransformerEncoder
from m4corpus.embed.transformers.loading import load_network
from m4corpus.embed.transformers.provenance import provenance
from m4corpus.errors import UserError
from m4corpus.images import LONGEST_SIDE, ImageStore, decoded
from m4corpus.ledger import Fail

if TYPE_CHECKING:
    from m4corpus.embed.config import EncoderConfig
    from m4corpus.embed.encoder import Encoder, Vectors

#: Raised when images would be prepared in another way.
PREPARATION = 1
#: Images decoded at once.
_AT_ONCE = 16
#: Begins the input for an image, before its SHA-256. No input for a text has it: see :func:`_plain`.
_MARK = "\0image:"


@runtime_checkable
class TakesImages(Protocol):
    """What an encoder that takes images has besides an :class:`~m4corpus.embed.encoder.Encoder`'s methods."""

    #: Where the images of passages are; set by whoever has passages to encode.
    images: ImageStore | None

    def image_passages(self, digests: Sequence[str]) -> list[str]:
        """The input for each image, named by its SHA-256."""

    def encode_image_queries(
        self, texts: Sequence[str], images: Sequence[bytes | None], languages: Sequence[str] | None = None
    ) -> Vectors:
        """Vectors of queries of a text, an image, or both; an empty text and a missing image are left out."""


class MultimodalEncoder(SentenceTransformerEncoder):
    """A sentence-transformers model that takes images and texts into one space: CLIP and its kind, or a vision-language
    model.

    Text is always handed on marked as text: the library would open a bare string that looks like the address or the
    path of an image.
    """

    def __init__(self, config: EncoderConfig) -> None:
        self.images: ImageStore | None = None
        super().__init__(config)

    @property
    def joint(self) -> bool:
        """Whether the model reads an image and a text together; otherwise their vectors are averaged."""
        return bool(self._model.supports(("image", "text")))

    def identity(self) -> dict[str, Any]:
        """See :class:`~m4corpus.embed.encoder.Encoder`."""
        together = "read together" if self.joint else "mean of both vectors"
        images = {"longest_side": LONGEST_SIDE, "preparation": PREPARATION, "with_text": together}
        return {**super().identity(), "images": images}

    def passages(self, texts: Sequence[str], titles: Sequence[str] | None = None) -> list[str]:
        """The input for each passage of text."""
        return super().passages([_plain(text) for text in texts], titles and [_plain(title) for title in titles])

    def queries(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> list[str]:
        """The input for each query of text."""
        return super().queries([_plain(text) for text in texts], languages)

    def image_passages(self, digests: Sequence[str]) -> list[str]:
        """See :class:`TakesImages`."""
        return [_MARK + digest for digest in digests]

    def count_inputs(self, inputs: Sequence[str]) -> list[int]:
        """Tokens of each input, with the model's own marks; none for an image, which has no limit of tokens."""
        counts = super().count_inputs(inputs)
        return [0 if one.startswith(_MARK) else count for one, count in zip(inputs, counts, strict=True)]

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of passages' inputs, of texts and images alike: float32 ``(len(inputs), dimension)``.

        Raises ``Fail`` where an image is missing, damaged or no image.
        """
        import numpy as np

        result = np.empty((len(inputs), self.dimension), dtype=np.float32)
        texts = [i for i, one in enumerate(inputs) if not one.startswith(_MARK)]
        if texts:
            result[texts] = super().encode([inputs[i] for i in texts])
        pictures = [i for i, one in enumerate(inputs) if one.startswith(_MARK)]
        for start in range(0, len(pictures), _AT_ONCE):
            some = pictures[start : start + _AT_ONCE]
            shown = [{"image": decoded(self._stored(inputs[i].removeprefix(_MARK)))} for i in some]
            result[some] = self._normalised(shown, self._tasks[1])
        return result

    def encode_batches(self, batches: Iterable[Sequence[str]]) -> Iterator[Vectors]:
        """Vectors of each batch, one after the other: images are decoded a few at a time."""
        return map(self.encode, batches)

    def encode_image_queries(
        self, texts: Sequence[str], images: Sequence[bytes | None], languages: Sequence[str] | None = None
    ) -> Vectors:
        """See :class:`TakesImages`. Raises ``Fail`` for what is no image."""
        import numpy as np

        asked = self.queries(texts, languages)
        rows = []
        for text, read, content in zip(texts, asked, images, strict=True):
            parts: dict[str, Any] = {"text": read} if text.strip() else {}
            if content is not None:
                parts["image"] = decoded(content)
            if not parts:
                raise ValueError("a query of neither text nor image")
            together = [parts] if self.joint or len(parts) == 1 else [{kind: part} for kind, part in parts.items()]
            vectors = np.concatenate([self._normalised([part], self._tasks[0]) for part in together])
            rows.append(self._mean(vectors) if len(vectors) > 1 else vectors[0])
        return np.stack(rows) if rows else np.empty((0, self.dimension), dtype=np.float32)

    def _mean(self, vectors: Vectors) -> Vectors:
        mean: Vectors = vectors.mean(axis=0, dtype="float32")
        length = float((mean @ mean) ** 0.5)
        return mean / length if self._config.normalise and length > 0 else mean

    def _asked(self, inputs: Sequence[Any]) -> list[Any]:
        return [{"text": one} if isinstance(one, str) else one for one in inputs]

    def _stored(self, digest: str) -> bytes:
        if self.images is None:
            raise Fail("image-missing", "the encoder was given no images")
        return self.images.get(digest)


def open_encoder(config: EncoderConfig) -> SentenceTransformerEncoder:
    """The encoder over a sentence-transformers model, for images too where the model takes them.

    Raises :class:`UserError` as :func:`m4corpus.embed.encoder.load`, for a wrong name before anything is loaded.
    """
    provenance(config)
    if "image" in load_network(config).modalities:
        return MultimodalEncoder(config)
    return SentenceTransformerEncoder(config)


def passage_inputs(encoder: Encoder, texts: Sequence[str], titles: Sequence[str], images: Sequence[str]) -> list[str]:
    """The input for each passage; ``images`` are the digests of those that stand for an image, else empty.

    An encoder of text alone reads their captions.
    """
    inputs = encoder.passages(texts, titles)
    if isinstance(encoder, TakesImages):
        shown = [i for i, digest in enumerate(images) if digest]
        for i, one in zip(shown, encoder.image_passages([images[i] for i in shown]), strict=True):
            inputs[i] = one
    return inputs


def encode_image_queries(
    encoder: Encoder, texts: Sequence[str], images: Sequence[bytes | None], languages: Sequence[str] | None = None
) -> Vectors:
    """Vectors of queries with images, whatever is done to vectors after the model.

    Raises:
        UserError: the encoder takes no images, or one of them is none.
    """
    from m4corpus.embed.postprocess.transform import PostprocessedEncoder

    inner = getattr(encoder, "inner", encoder)
    if not isinstance(inner, TakesImages):
        raise UserError("the encoder of this snapshot takes no images", "Ask it in words.")
    try:
        vectors = inner.encode_image_queries(texts, images, languages)
    except Fail as failure:
        raise UserError(f"cannot use the image: {failure.slug} ({failure.detail})") from None
    return encoder.finished(vectors, texts, languages) if isinstance(encoder, PostprocessedEncoder) else vectors


def _plain(text: str) -> str:
    """Text that cannot pass for an image's input."""
    return text.replace("\0", " ")
