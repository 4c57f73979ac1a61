"""Any model the sentence-transformers library loads, by Hub id and pinned revision or by the path of its directory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.embed import hub
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.packages import installed
from m4corpus.embed.prompts import PLAIN, PromptedEncoder, Prompts
from m4corpus.errors import UserError
from m4corpus.storage.digests import digest_of, file_digest

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
    directory = Path(config.name).expanduser()
    if directory.is_dir():
        if config.revision:
            raise UserError(f"encoder '{config.name}' is a directory and takes no revision", "Leave 'revision' out.")
        model = {"files": digest_of(_contents(directory))}
    else:
        _check_hub_id(config)
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
        },
    }


def _contents(directory: Path) -> list[list[str]]:
    """Name and digest of every file of a model directory but hidden ones, by name."""
    files = [p for p in directory.rglob("*") if p.is_file()]
    named = {path.relative_to(directory).as_posix(): path for path in files}
    visible = sorted(name for name in named if not any(part.startswith(".") for part in name.split("/")))
    if not visible:
        raise UserError(f"encoder: the directory '{directory}' is empty", "Give the directory of a saved model.")
    return [[name, file_digest(named[name])] for name in visible]


def _check_hub_id(config: EncoderConfig) -> None:
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


class SentenceTransformerEncoder(PromptedEncoder):
    """A sentence-transformers model.

    On the CPU each text has a forward pass of its own on one thread, so that the bytes of its vector depend on it
    alone. Elsewhere texts share passes, padded to the longest, and vectors depend on their batch in the last bits.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self._provenance = provenance(config)
        self._config = config
        self._model = _load(config, digest_of(self._provenance))
        self._tokenizer = _fast_tokenizer(config.name, self._model)
        self._max_tokens = _limit(config, self._model)
        self.prompts = _prompts(config, self._model)
        self.dimension = int(self._encoded(["a"]).shape[1])

    @property
    def max_tokens(self) -> int:
        """Longest input, in tokens, that is read to its end."""
        return self._max_tokens

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
            "truncation": "the first tokens are read",
        }

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Character spans of the tokens of the bare text; text between two spans (a space) belongs to no token."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def count_inputs(self, inputs: Sequence[str]) -> list[int]:
        """Tokens of each input, with the model's own marks."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch(list(inputs))]

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of inputs: float32 ``(len(inputs), dimension)``."""
        import numpy as np

        if not inputs:
            return np.empty((0, self.dimension), dtype=np.float32)
        self.truncated += sum(tokens > self.max_tokens for tokens in self.count_inputs(inputs))
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


@lru_cache(maxsize=1)
def _load(config: EncoderConfig, provenance: str) -> Any:
    """The model, in evaluation mode and in the type asked for.

    Kept for the process, because a worker makes an encoder for every task; ``provenance`` tells a directory whose
    content has changed from what it was.
    """
    try:
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise UserError(f"encoder '{config.name}': {error}", "pip install sentence-transformers") from None
    if config.device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"encoder '{config.name}': this machine has no usable '{config.device}'", "Use device: cpu.")

    def loaded(name: str, *, local: bool, revision: str | None = None) -> Any:
        with _quiet(), _reported(config.name):
            return SentenceTransformer(
                name,
                revision=revision,
                device=config.device,
                trust_remote_code=config.trust_remote_code,
                local_files_only=local,
            )

    directory = Path(config.name).expanduser()
    if directory.is_dir():
        model = loaded(str(directory.resolve()), local=True)
    else:
        model = None
        if hub.is_cached(config.name, config.revision):
            with suppress(UserError):
                model = loaded(config.name, local=True, revision=config.revision)
        if model is None:
            hub.check_reachable(config.name, config.revision)
            model = loaded(config.name, local=False, revision=config.revision)
    _refuse_unsupported(config.name, model)
    return model.to(getattr(torch, config.dtype)).eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars and warnings of the model library; its settings are put back."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


@contextmanager
def _reported(name: str) -> Iterator[None]:
    """The dozens of errors the libraries below raise for a damaged or incomplete model, as one for the user."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"cannot load the model '{name}': {reason}", "Check that it is a whole sentence-transformers model."
        ) from None


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


def _refuse_unsupported(name: str, model: Any) -> None:
    for module in model:
        if type(module).__name__ == "Router":
            raise UserError(
                f"encoder '{name}' has separate networks for queries and passages, which m4corpus cannot use yet"
            )
        if getattr(module, "include_prompt", True) is False:
            raise UserError(f"encoder '{name}' leaves its prompt out of the vector, which m4corpus cannot do yet")


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
