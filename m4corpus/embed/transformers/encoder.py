"""Any model the sentence-transformers library loads, by Hub id and pinned revision or by the path of its directory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.files import content_digest, model_files
from m4corpus.embed.prompts import PromptedEncoder, PromptedTokenizer, Prompts
from m4corpus.embed.threads import one_thread
from m4corpus.embed.transformers import passes
from m4corpus.embed.transformers.facts import fast_tokenizer, limit, pooling, prompts_of
from m4corpus.embed.transformers.loading import is_routed, load_network, load_unplaced, passage_module, tasks_of
from m4corpus.errors import UserError
from m4corpus.packages import installed
from m4corpus.storage.digests import digest_of

if TYPE_CHECKING:
    from m4corpus.embed.encoder import Vectors

PACKAGES = ("sentence-transformers", "transformers", "tokenizers", "torch")
#: What errors of torch and its libraries say when memory ran out.
_FULL = ("allocate memory", "out of memory", "ALLOC_FAILED")

_COMMIT = re.compile(r"[0-9a-f]{40}")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


#: For each model whether passes of fixed shapes hold; one encoder after another uses it.
_shaped: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


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
        "passes": passes.VERSION,
        "packages": {package: installed(package) for package in PACKAGES},
        "options": {
            "query_prompt": config.query_prompt,
            "passage_prompt": config.passage_prompt,
            **_instructions(config),
            "query_task": config.query_task,
            "passage_task": config.passage_task,
            "dtype": config.dtype,
            "max_tokens": config.max_tokens,
            "normalise": config.normalise,
            "trust_remote_code": config.trust_remote_code,
        },
    }


def _instructions(config: EncoderConfig) -> dict[str, Any]:
    """What queries are told, where that is part of the recipe."""
    if config.query_prompt is None:
        return {"instruction": config.instruction}
    prompts = Prompts(query=config.query_prompt, instruction=config.instruction)
    return {key: value for key, value in prompts.identity().items() if key.startswith("instruction")}


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
    :func:`~m4corpus.embed.transformers.loading.load_unplaced`."""

    def __init__(self, config: EncoderConfig) -> None:
        _check_source(config)
        self._use(config, load_unplaced(config))

    def _use(self, config: EncoderConfig, model: Any) -> None:
        self._tokenizer = fast_tokenizer(config, model)
        self._unknown = getattr(passage_module(config, model).tokenizer, "unk_token_id", None)
        self._tasks = tasks_of(config, model)
        self._max_tokens = limit(config, model)
        self.prompts = prompts_of(config, model)

    @property
    def max_tokens(self) -> int:
        """Longest input, in tokens, that is read to its end."""
        return self._max_tokens

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Character spans of the tokens of the bare text; text between two spans (a space) belongs to no token."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def unknown_tokens(self, texts: Sequence[str]) -> list[tuple[int, int]]:
        """Tokens the tokenizer does not know, and all tokens, of each bare text."""
        found = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [(sum(id == self._unknown for id in encoding.ids), len(encoding.ids)) for encoding in found]

    def count_inputs(self, inputs: Sequence[str]) -> list[int]:
        """Tokens of each input, with the model's own marks."""
        return [len(encoding.ids) for encoding in self._tokenizer.encode_batch(list(inputs))]


class SentenceTransformerEncoder(SentenceTransformerTokenizer, PromptedEncoder):
    """A sentence-transformers model.

    On the CPU texts share passes of a few fixed shapes (:mod:`m4corpus.embed.transformers.passes`) or have one each, on
    one thread, so that the bytes of a vector depend on its text alone. Elsewhere they share passes as they come, padded
    to the longest, and vectors depend on their batch in the last bits.
    """

    def __init__(self, config: EncoderConfig) -> None:
        self._provenance = provenance(config)
        self._config = config
        self._model = load_network(config)
        self._use(config, self._model)
        self.dimension = int(self._encoded(["a"], self._tasks[1]).shape[1])

    @property
    def batch_invariant(self) -> bool:
        """True on the CPU, where passes have fixed shapes or one text each."""
        return self._config.device == "cpu"

    def identity(self) -> dict[str, Any]:
        """See :class:`~m4corpus.embed.encoder.Encoder`. The device is no part of it: it does not change the meaning."""
        source = {key: value for key, value in self._provenance.items() if key != "options"}
        return {
            **source,
            "dimension": self.dimension,
            "max_tokens": self.max_tokens,
            **self.prompts.identity(),
            **({"tasks": list(self._tasks)} if any(self._tasks) else {}),
            "pooling": pooling(self._model),
            "dtype": self._config.dtype,
            "normalise": self._config.normalise,
            "trust_remote_code": self._config.trust_remote_code,
            "truncation": "the first tokens are read",
        }

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of passages' inputs: float32 ``(len(inputs), dimension)``."""
        return self._normalised(inputs, self._tasks[1])

    def encode_queries(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> Vectors:
        """Vectors of queries, ``languages`` being theirs."""
        return self._normalised(self.queries(texts, languages), self._tasks[0])

    def _normalised(self, inputs: Sequence[Any], task: str | None) -> Vectors:
        import numpy as np

        if not inputs:
            return np.empty((0, self.dimension), dtype=np.float32)
        vectors = self._encoded(inputs, task)
        if self._config.normalise:
            norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
            # A vector of zeros stays one: whoever stores vectors refuses it.
            vectors /= np.where(norms > 0, norms, np.float32(1))[:, None]
        return vectors

    def _encoded(self, inputs: Sequence[Any], task: str | None = None) -> Vectors:
        """Vectors of inputs as the model gives them.

        On the CPU in passes of fixed shapes where they hold for the model, else each text in a pass of its own.
        Elsewhere in one pass, or in halves of it as often as memory runs out: that may move the last bits.
        """
        import numpy as np

        if not self.batch_invariant:
            return self._halved(list(inputs), task)
        if self._shaped and all(isinstance(one, str) for one in inputs):
            lengths = self.count_inputs(inputs)
            return passes.encoded(inputs, lengths, self.max_tokens, lambda texts, n: self._pass(texts, task, n))
        return np.concatenate([self._pass([one], task) for one in inputs])

    def _halved(self, inputs: list[Any], task: str | None) -> Vectors:
        import numpy as np

        try:
            return self._pass(inputs, task)
        except MemoryError:
            if len(inputs) == 1:
                raise
        middle = len(inputs) // 2
        return np.concatenate([self._halved(inputs[:middle], task), self._halved(inputs[middle:], task)])

    @property
    def _shaped(self) -> bool:
        """Whether passes of fixed shapes give a text the same bytes everywhere, found by trying, once a model."""
        if self._model not in _shaped:
            _shaped[self._model] = not is_routed(self._model) and self._tried()
        return _shaped[self._model]

    def _tried(self) -> bool:
        try:
            return passes.hold(self.max_tokens, self.count_inputs, lambda texts, n: self._pass(texts, None, n))
        except MemoryError:
            raise
        except Exception:
            # A model that cannot be told how far to fill up.
            return False

    def _pass(self, inputs: list[Any], task: str | None, tokens: int = 0) -> Vectors:
        """One forward pass, filled up to so many tokens where they are given."""
        import numpy as np

        filled = {"text": {"padding": "max_length", "max_length": tokens, "truncation": "longest_first"}}
        with one_thread(), _memory_errors():
            vectors = self._model.encode(
                inputs,
                prompt="",  # an empty prompt keeps the library from adding the model's default to ours
                batch_size=len(inputs),
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=False,
                **({"task": task} if task else {}),
                **({"processing_kwargs": filled} if tokens else {}),
            )
        return np.array(vectors, dtype=np.float32)


@contextmanager
def _memory_errors() -> Iterator[None]:
    """torch's several ways to say that memory ran out, as Python's: it is the machine's fault and not the text's."""
    import torch

    try:
        yield
    except RuntimeError as error:
        if isinstance(error, torch.cuda.OutOfMemoryError) or any(sign in str(error) for sign in _FULL):
            raise MemoryError("out of memory while encoding; lower embed.batch_size or encoder.max_tokens") from error
        raise
