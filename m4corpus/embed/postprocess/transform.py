"""What becomes of a vector after the model: centred, projected, cut, scaled to length 1; and an encoder that does so.

Everything learnt comes out of a file the recipe names by its digest (:mod:`~m4corpus.embed.postprocess.learnt`), so
building a corpus again never moves the means under vectors that are already there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.embed.postprocess import learnt
from m4corpus.embed.postprocess.config import PostprocessConfig
from m4corpus.errors import UserError
from m4corpus.languages import resolve

if TYPE_CHECKING:
    from m4corpus.embed.config import EncoderConfig
    from m4corpus.embed.encoder import Encoder, Vectors

#: Raised when the same options would give other vectors.
VERSION = 1
#: Rows of every product, so that the bytes of a vector do not depend on how many come with it.
_ROWS = 64


class Postprocess:
    """The transformation of vectors of ``dimension`` numbers by the encoder of ``fingerprint``.

    Raises:
        UserError: the file is missing or another, was learnt from another encoder's vectors, or has fewer dimensions
            than are to be kept.
    """

    def __init__(self, config: PostprocessConfig, dimension: int, fingerprint: str, *, normalise: bool = True) -> None:
        self._learnt = _learnt_for(config, fingerprint)
        self._normalise = normalise
        whole = dimension if self._learnt is None else self._learnt.dimension
        if config.dimensions is not None and config.dimensions > whole:
            raise UserError(f"postprocess: cannot keep {config.dimensions} dimensions of {whole}")
        if config.quantise == "binary" and not normalise:
            raise UserError("postprocess: binary vectors have lost their length", "Leave normalise on, or take int8.")
        if config.quantise == "binary" and (config.dimensions or whole) % 8:
            raise UserError("postprocess: binary vectors need a multiple of 8 dimensions", "Set dimensions to one.")
        self.dimension = config.dimensions or whole
        self.quantise = config.quantise

    @property
    def by_language(self) -> bool:
        """Whether the language of a text matters."""
        return self._learnt is not None and bool(self._learnt.means)

    def apply(self, vectors: Vectors, languages: Sequence[str]) -> Vectors:
        """Transformed ``vectors`` (float32 ``(n, d)``): float32 ``(n, dimension)``; the bytes of a row are its own.

        ``languages`` holds the ISO 639-3 code of each text; a language without a mean takes that of all.
        """
        import numpy as np

        result = np.empty((len(vectors), self.dimension), dtype=np.float32)
        for start in range(0, len(vectors), _ROWS):
            some = vectors[start : start + _ROWS]
            result[start : start + len(some)] = self._block(some, languages[start : start + _ROWS])
        return result

    def _block(self, vectors: Vectors, languages: Sequence[str]) -> Vectors:
        import numpy as np

        padded: Vectors = np.zeros((_ROWS, vectors.shape[1]), dtype=np.float32)
        padded[: len(vectors)] = vectors
        if self._learnt is not None:
            for i, language in enumerate(languages):
                padded[i] -= self._learnt.means.get(language, self._learnt.mean)
            if self._learnt.components is not None:
                padded = np.asarray(padded @ self._learnt.components.T, dtype=np.float32)
        kept = padded[: len(vectors), : self.dimension]
        if not self._normalise:
            return kept
        lengths = np.sqrt(np.einsum("ij,ij->i", kept, kept))
        # A vector that is all mean has no direction left; it stays zero, and is refused as every zero vector is.
        lengths[lengths == 0] = 1
        return np.asarray(kept / lengths[:, None], dtype=np.float32)


class PostprocessedEncoder:
    """An encoder whose vectors are transformed. The language of a query is identified from the query itself.

    Vectors of passages come from the embed stage, which knows the language of each chunk; :meth:`encode`, which does
    not, takes the mean of all.
    """

    def __init__(self, config: EncoderConfig) -> None:
        from m4corpus.embed.encoder import fingerprint, load

        if config.postprocess is None:
            raise ValueError("nothing to do after the model")
        bare = replace(config, postprocess=None)
        self.inner: Encoder = load(bare)
        self._config, self._fingerprint = config.postprocess, fingerprint(bare)
        self.postprocess = Postprocess(
            self._config, self.inner.dimension, self._fingerprint, normalise=config.normalise
        )

    @property
    def dimension(self) -> int:
        """Length of a transformed vector."""
        return self.postprocess.dimension

    @property
    def batch_invariant(self) -> bool:
        """As the model's own."""
        return self.inner.batch_invariant

    @property
    def max_tokens(self) -> int:
        """As the model's own."""
        return self.inner.max_tokens

    def identity(self) -> dict[str, Any]:
        """The model's own identity, and what is done after it."""
        return {
            **self.inner.identity(),
            "dimension": self.dimension,
            "postprocess": provenance(self._config, self._fingerprint),
        }

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See :class:`~m4corpus.embed.encoder.Tokenizer`."""
        return self.inner.count_tokens(texts)

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """See :class:`~m4corpus.embed.encoder.Tokenizer`."""
        return self.inner.token_offsets(text)

    def passages(self, texts: Sequence[str], titles: Sequence[str] | None = None) -> list[str]:
        """See :class:`~m4corpus.embed.encoder.Encoder`."""
        return self.inner.passages(texts, titles)

    def queries(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> list[str]:
        """See :class:`~m4corpus.embed.encoder.Encoder`."""
        return self.inner.queries(texts, languages)

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Transformed vectors of inputs in no known language."""
        return self.postprocess.apply(self.inner.encode(inputs), [""] * len(inputs))

    def encode_batches(self, batches: Iterable[Sequence[str]]) -> Iterator[Vectors]:
        """:meth:`encode` of each batch."""
        for vectors in self.inner.encode_batches(batches):
            yield self.postprocess.apply(vectors, [""] * len(vectors))

    def encode_queries(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> Vectors:
        """Transformed vectors of queries; a language that is not given is identified, where it matters."""
        return self.finished(self.inner.encode_queries(texts, languages), texts, languages)

    def finished(self, vectors: Vectors, texts: Sequence[str], languages: Sequence[str] | None = None) -> Vectors:
        """Queries' vectors as the model gave them, transformed; as :meth:`encode_queries` for what was asked in words,
        and with the mean of all for what was asked without any."""
        if not self.postprocess.by_language:
            return self.postprocess.apply(vectors, [""] * len(texts))
        identified = self._languages.of(texts)
        given = [known.code if (known := resolve(name)) else "" for name in languages or [""] * len(texts)]
        return self.postprocess.apply(vectors, [a or b for a, b in zip(given, identified, strict=True)])

    @cached_property
    def _languages(self) -> QueryLanguages:
        return QueryLanguages()


class QueryLanguages:
    """Tells the language of queries by the carried language model, as the identify stage would without a hint."""

    def __init__(self) -> None:
        from m4corpus.identify.config import IdentifyConfig
        from m4corpus.identify.fasttext_model import LanguageModel

        self._config = IdentifyConfig()
        self._model = LanguageModel()

    def of(self, texts: Sequence[str]) -> list[str]:
        """ISO 639-3 code of each text; ``und`` where nothing can be said."""
        from m4corpus.identify.decide import decide
        from m4corpus.identify.evidence import in_script, sample
        from m4corpus.identify.script import dominant_script
        from m4corpus.identify.sinitic import is_cantonese

        samples = [sample(text, self._config.sample_chars) for text in texts]
        scripts = [dominant_script(text).code for text in samples]
        own = [in_script(text, script) for text, script in zip(samples, scripts, strict=True)]
        found = self._model.probabilities(own, scripts)
        return [
            decide(probabilities, script, is_cantonese(text), None, self._config).language
            for text, script, probabilities in zip(own, scripts, found, strict=True)
        ]


def provenance(config: PostprocessConfig, fingerprint: str) -> dict[str, Any]:
    """All that decides what is done after the model, as JSON values; the file by its digest, wherever it lies.

    Raises:
        UserError: the file is missing or another, or was learnt from another encoder than that of ``fingerprint``.
    """
    record: dict[str, Any] = {
        "version": VERSION,
        "sha256": config.sha256,
        "dimensions": config.dimensions,
        "quantise": config.quantise,
    }
    learned = _learnt_for(config, fingerprint)
    if learned is not None and learned.means:
        from m4corpus.identify.resources import model_digest

        record["query_languages"] = model_digest()
    return record


def _learnt_for(config: PostprocessConfig, fingerprint: str) -> learnt.Learnt | None:
    if not config.file:
        return None
    found = learnt.read(Path(config.file).expanduser(), config.sha256)
    if found.fingerprint != fingerprint:
        raise UserError(
            f"postprocess: {config.file} was learnt from the vectors of another encoder",
            "Learn it from this one's: m4corpus embed fit RECIPE --out FILE, with a recipe without postprocess.",
        )
    return found
