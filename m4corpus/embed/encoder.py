"""What an encoder is, and the one place where its name becomes an object."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.presets import presets, resolved
from m4corpus.errors import UserError
from m4corpus.storage.digests import digest_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from m4corpus.embed.carried.use import UseMultilingual

    Vectors = NDArray[np.float32]

#: Encoders known by a name of their own; everything else is a sentence-transformers model.
NAMED = ("m4-multilingual", "use-multilingual")


class Tokenizer(Protocol):
    """Measures texts as an encoder reads them.

    What the model reads for a passage or a query (*input*, below) is the text within its prompt.
    """

    @property
    def max_tokens(self) -> int:
        """Longest input, in tokens, that is read to its end."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each passage as the model reads it, with its prompt (but no title) and the model's own marks.

        A passage counted at most :attr:`max_tokens` is never truncated: where a title does not fit as well, the
        title gives way.
        """

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """``(start, end)`` in characters of each token of the bare text, without the model's own marks.

        Starts never fall and ends never fall; a span may be empty, or overlap the next where a tokenizer sets a space
        before the text. What no span covers is white space.
        """


class Encoder(Tokenizer, Protocol):
    """Turns texts into vectors, row by row; one thread, and the same bytes every time on one machine."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    @property
    def batch_invariant(self) -> bool:
        """Whether the bytes of a vector depend on its own input alone, whatever else is encoded with it."""

    def identity(self) -> dict[str, Any]:
        """All that decides what a vector means, as JSON values: the model by revision or content, prompts, limits."""

    def passages(self, texts: Sequence[str], titles: Sequence[str] | None = None) -> list[str]:
        """The input for each passage."""

    def queries(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> list[str]:
        """The input for each query; ``languages`` are theirs by any code or name, empty where unknown."""

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of inputs made by :meth:`passages`: float32 ``(len(inputs), dimension)``."""

    def encode_batches(self, batches: Iterable[Sequence[str]]) -> Iterator[Vectors]:
        """:meth:`encode` of each batch, in order and each when it is asked for; a device need not wait in between."""

    def encode_queries(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> Vectors:
        """Vectors of queries: float32 ``(len(texts), dimension)``; ``languages`` as in :meth:`queries`."""


def load(config: EncoderConfig) -> Encoder:
    """The encoder a configuration names, ready for use.

    Raises:
        UserError: the name is unknown, an option does not apply, or a package or model is missing.
    """
    if config.postprocess is not None:
        from m4corpus.embed.postprocess.transform import PostprocessedEncoder

        return PostprocessedEncoder(config)
    config = resolved(config)
    if config.name in NAMED:
        return _named(config)
    if is_model(config.name):
        from m4corpus.embed.transformers.multimodal import open_encoder

        return open_encoder(config)
    raise _unknown(config.name)


def load_tokenizer(config: EncoderConfig, kept: Path | None = None) -> Tokenizer:
    """The tokenizer of the encoder a configuration names, without running its network; counts as :func:`load` does.

    ``m4-multilingual`` and ``use-multilingual`` leave their weights alone. sentence-transformers models are loaded with
    their network, whose weights are, as far as they are stored as safetensors, mapped into memory and not read; with
    a file in which the tokenizer is ``kept``, only where there is none yet. Its name has to tell everything that
    decides about the tokenizer: :func:`fingerprint` does.

    Raises:
        UserError: as :func:`load`; but a device this machine lacks is no error.
    """
    config = resolved(config)
    if config.name in NAMED:
        return _named(config)
    if is_model(config.name):
        from m4corpus.embed.transformers.encoder import SentenceTransformerTokenizer

        return SentenceTransformerTokenizer(config, kept)
    raise _unknown(config.name)


def _named(config: EncoderConfig) -> UseMultilingual:
    if config.name == "m4-multilingual":
        from m4corpus.embed.carried.multilingual import Multilingual

        return Multilingual(config)
    from m4corpus.embed.carried.use import UseMultilingual

    return UseMultilingual(config)


def _unknown(name: str) -> UserError:
    close = difflib.get_close_matches(name, [*NAMED, *presets()], n=1)
    return UserError(
        f"unknown encoder '{name}'" + (f"; did you mean '{close[0]}'?" if close else ""),
        f"Known by name: {', '.join(NAMED)}, and the presets that `m4corpus embed presets` lists. A "
        "sentence-transformers model is named by its Hub id (organisation/model) or by the path of its directory.",
    )


def provenance(config: EncoderConfig) -> dict[str, Any]:
    """What decides an encoder's :meth:`Encoder.identity`, found without loading its model; for fingerprints.

    Raises:
        UserError: as :func:`load`, as far as it can be told without the model.
    """
    if config.postprocess is not None:
        from m4corpus.embed.postprocess import transform

        bare = provenance(replace(config, postprocess=None))
        return {**bare, "postprocess": transform.provenance(config.postprocess, digest_of(bare))}
    config = resolved(config)
    if is_model(config.name) and config.name not in NAMED:
        from m4corpus.embed.transformers.provenance import provenance as of_model

        return of_model(config)
    return load(config).identity()


def fingerprint(config: EncoderConfig) -> str:
    """SHA-256 (hex) of :func:`provenance`: changes whenever tokens or vectors may."""
    return digest_of(provenance(config))


def is_model(name: str) -> bool:
    """Whether a name means a sentence-transformers model: a directory that exists, a path, or a Hub id."""
    return "/" in name or Path(name).is_dir()
