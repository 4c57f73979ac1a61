"""Any model the sentence-transformers library loads, by Hub id and pinned revision or by the path of its directory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.files import content_digest, model_files
from m4corpus.embed.loading import load_network, load_unplaced
from m4corpus.embed.prompts import PLAIN, PromptedEncoder, PromptedTokenizer, Prompts
from m4corpus.errors import UserError
from m4corpus.packages import installed
from m4corpus.storage.digests import digest_of

if TYPE_CHECKING:
    from m4corpus.embed.encoder import Vectors

PACKAGES = ("sentence-transformers", "transformers", "tokenizers", "torch")
#: ``max_tokens`` of a model that reads texts of any length.
UNLIMITED = 1_000_000

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
#: Names under which models declare their prompts, the likeliest first.
_QUERY_PROMPTS, _PASSAGE_PROMPTS = ("query",), ("passage", "document", "corpus")


def provenance(config: EncoderConfig) -> dict[str, Any]:
    """What decides the vectors, found without loading the model: the model's commit or content, options, packages.

    Raises:
        UserError: no such directory, a Hub id without its commit hash, or a package that is missing.
    """
    _check_source(config)
    directory = Path(config.name).expanduser()
    if directory.is_dir():
        digests = [[name, content_digest(path)] for name, path in model_files(directory).items()]
        model = {"files": digest_of(digests)}
    else:
        model = {"name": config.name, "revision": config.revision}
    return {
        **model,
        "packages": {package: installed(package) for package in PACKAGES},
        "options": {
            "query_prompt": config.query_prompt,
            "passage_prompt": config.passage_prompt,
            "dtype": config.dtype,
            "max_tokens": config.max_tokens,
            "normalise": config.normalise,
            "trust_remote_code": config.trust_remote_code,
        },
    }


def _check_source(config: EncoderConfig) -> None:
    if Path(config.name).expanduser().is_dir():
        if config.revision:
            raise UserError(f"encoder '{config.name}' is a directory and takes no revision", "Leave 'revision' out.")
        return
    if not _HUB_ID.fullmatch(config.name) or config.name.startswith((".", "~")):
        raise UserError(f"encoder: no model directory '{config.name}'", "Check the path.")
    if not config.revision:
        raise UserError(
            f"encoder '{config.name}' needs a revision (there is no directory of that name either)",
            "Pin the model: put the commit hash shown on its Hub page, under 'Files', into 'revision'.",
        )
    if not _COMMIT.fullmatch(config.revision):
        raise UserError(
            f"encoder '{config.name}': revision '{config.revision}' is no commit hash",
            "A branch or tag may move; give the 40 hex digits of the commit.",
        )


class SentenceTransformerTokenizer(PromptedTokenizer):
    """The tokenizer of a model whose network is not run and, mostly, not read: see
    :func:`~m4corpus.embed.loading.load_unplaced`."""

    def __init__(self, config: EncoderConfig) -> None:
        _check_source(config)
        self._use(config, load_unplaced(config))

    def _use(self, config: EncoderConfig, model: Any) -> None:
        self._tokenizer = _fast_tokenizer(config.name, model)
        self._max_tokens = _limit(config, model)
        self.prompts = _prompts(config, model)

    @property
    def max_tokens(self) -> int:
        """Longest input, in tokens, that is read to its end."""
        return self._max_tokens

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Character spans of the tokens of the bare text; text between two spans (a space) belongs to no token."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def count_inputs(self, inputs: Sequence[str]) -> list[int]:
        """Tokens of each input, with the model's own marks."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch(list(inputs))]


class SentenceTransformerEncoder(SentenceTransformerTokenizer, PromptedEncoder):
    """A sentence-transformers model.

    On the CPU each text has a forward pass of its own on one thread, so that the bytes of its vector depend on it
    alone. Elsewhere texts share passes, padded to the longest, and vectors depend on their batch in the last bits.
    """

    def __init__(self, config: EncoderConfig) -> None:
        self._provenance = provenance(config)
        self._config = config
        self._model = load_network(config)
        self._use(config, self._model)
        self.dimension = int(self._encoded(["a"]).shape[1])

    @property
    def batch_invariant(self) -> bool:
        """True on the CPU, where every text has a forward pass of its own."""
        return self._config.device == "cpu"

    def identity(self) -> dict[str, Any]:
        """See :class:`~m4corpus.embed.encoder.Encoder`. The device is no part of it: it does not change the meaning."""
        source = {key: value for key, value in self._provenance.items() if key != "options"}
        return {
            **source,
            "dimension": self.dimension,
            "max_tokens": self.max_tokens,
            "query_prompt": self.prompts.query,
            "passage_prompt": self.prompts.passage,
            "pooling": _pooling(self._model),
            "dtype": self._config.dtype,
            "normalise": self._config.normalise,
            "trust_remote_code": self._config.trust_remote_code,
            "truncation": "the first tokens are read",
        }

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of inputs: float32 ``(len(inputs), dimension)``."""
        import numpy as np

        if not inputs:
            return np.empty((0, self.dimension), dtype=np.float32)
        vectors = self._encoded(inputs)
        if self._config.normalise:
            norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
            # A vector of zeros stays one: whoever stores vectors refuses it.
            vectors /= np.where(norms > 0, norms, np.float32(1))[:, None]
        return vectors

    def _encoded(self, inputs: Sequence[str]) -> Vectors:
        import numpy as np

        with _one_thread(), _memory_errors():
            vectors = self._model.encode(
                list(inputs),
                prompt="",  # an empty prompt keeps the library from adding the model's default to ours
                batch_size=1 if self.batch_invariant else len(inputs),
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=False,
            )
        return np.array(vectors, dtype=np.float32)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in one order; the caller's setting is put back."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _memory_errors() -> Iterator[None]:
    """torch's several ways to say that memory ran out, as Python's: it is the machine's fault and not the text's."""
    import torch

    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.cuda.OutOfMemoryError) or "allocate memory" in str(error):
            raise MemoryError("out of memory while encoding; lower embed.batch_size or encoder.max_tokens") from error
        raise


def _fast_tokenizer(name: str, model: Any) -> Any:
    """A copy of the model's tokenizer that neither truncates nor pads."""
    from tokenizers import Tokenizer

    tokenizer = getattr(model.tokenizer, "backend_tokenizer", model.tokenizer)
    if not isinstance(tokenizer, Tokenizer):
        raise UserError(f"encoder '{name}' has no fast tokenizer, so its tokens cannot be placed in a text")
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def _limit(config: EncoderConfig, model: Any) -> int:
    """Tokens the model reads; sets the limit asked for, which may not exceed the number of its positions."""
    own = model.max_seq_length
    own = UNLIMITED if own is None or own > UNLIMITED else int(own)
    if config.max_tokens is None:
        return own
    positions = _positions(model)
    if config.max_tokens > max(own, positions):
        raise UserError(
            f"encoder '{config.name}' reads at most {max(own, positions)} tokens, not {config.max_tokens}",
            "Lower 'max_tokens', or leave it out.",
        )
    model.max_seq_length = config.max_tokens
    return config.max_tokens


def _positions(model: Any) -> int:
    """Positions the network has embeddings for, 0 when it does not say; RoBERTa's kind keeps some to itself."""
    network = getattr(model[0], "auto_model", None)
    settings = getattr(network, "config", None)
    positions = int(getattr(settings, "max_position_embeddings", 0) or 0)
    kept = getattr(getattr(network, "embeddings", None), "padding_idx", None)
    return positions - (kept + 1 if isinstance(kept, int) else 0)


def _prompts(config: EncoderConfig, model: Any) -> Prompts:
    """The templates of the recipe, else the prefixes the model declares, else the bare text."""

    def declared(names: Sequence[str]) -> str:
        prefix = next((model.prompts[name] for name in names if model.prompts.get(name)), "")
        return f"{prefix}{PLAIN}"

    return Prompts(
        declared(_QUERY_PROMPTS) if config.query_prompt is None else config.query_prompt,
        declared(_PASSAGE_PROMPTS) if config.passage_prompt is None else config.passage_prompt,
    )


def _pooling(model: Any) -> str:
    """How token vectors become one: the modes of the pooling module, ``none`` when the model has none."""
    for module in model:
        if hasattr(module, "get_pooling_mode_str"):
            return str(module.get_pooling_mode_str())
        if hasattr(module, "pooling_mode"):
            return str(module.pooling_mode)
    return "none"
