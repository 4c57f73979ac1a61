"""Any model the sentence-transformers library loads, by Hub id and pinned revision or by the path of its directory."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.prompts import PromptedEncoder, PromptedTokenizer
from m4corpus.embed.threads import one_thread
from m4corpus.embed.transformers import passes
from m4corpus.embed.transformers.facts import pooling
from m4corpus.embed.transformers.loading import is_routed, load_network, load_unplaced, tasks_of
from m4corpus.embed.transformers.measure import Measure
from m4corpus.embed.transformers.overlap import overlapped
from m4corpus.embed.transformers.provenance import borrowed, check_source, provenance

if TYPE_CHECKING:
    from m4corpus.embed.encoder import Vectors

#: What errors of torch and of what runs graphs say when memory ran out.
_FULL = ("allocate memory", "out of memory", "ALLOC_FAILED", "bad_alloc")

#: For each model whether passes of fixed shapes hold; one encoder after another uses it.
_shaped: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


class SentenceTransformerTokenizer(PromptedTokenizer):
    """The tokenizer of a model whose network is not run and, mostly, not read: see
    :func:`~m4corpus.embed.transformers.loading.load_unplaced`. With a file in which it is ``kept``, the model is loaded
    to write that file, and not again while it is there."""

    def __init__(self, config: EncoderConfig, kept: Path | None = None) -> None:
        check_source(config)
        measure = Measure.kept(kept) if kept else None
        if measure is None:
            measure = Measure.of(config, load_unplaced(config))
            if kept:
                measure.keep(kept)
        self._use(measure)

    def _use(self, measure: Measure) -> None:
        self._measure = measure
        self.prompts = measure.prompts

    @property
    def max_tokens(self) -> int:
        """Longest input, in tokens, that is read to its end."""
        return self._measure.max_tokens

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Character spans of the tokens of the bare text; text between two spans (a space) belongs to no token."""
        return list(self._measure.tokenizer.encode(text, add_special_tokens=False).offsets)

    def unknown_tokens(self, texts: Sequence[str]) -> list[tuple[int, int]]:
        """Tokens the tokenizer does not know, and all tokens, of each bare text."""
        found = self._measure.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [(sum(id == self._measure.unknown for id in encoding.ids), len(encoding.ids)) for encoding in found]

    def count_inputs(self, inputs: Sequence[str]) -> list[int]:
        """Tokens of each input, with the model's own marks."""
        return [len(encoding.ids) for encoding in self._measure.tokenizer.encode_batch(list(inputs))]


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
        # The library's tokenizer is told how to truncate and fill up before each use of it.
        self._tokenizing = threading.Lock()
        self._tasks = tasks_of(config, self._model)
        self._use(Measure.of(config, self._model))
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
            "dtype": self._config.dtype if self._config.backend == "torch" else "the graph's own",
            "normalise": self._config.normalise,
            "trust_remote_code": self._config.trust_remote_code,
            **borrowed(self._config),
            "truncation": "the first tokens are read",
        }

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """Vectors of passages' inputs: float32 ``(len(inputs), dimension)``."""
        return self._normalised(inputs, self._tasks[1])

    def encode_batches(self, batches: Iterable[Sequence[str]]) -> Iterator[Vectors]:
        """Vectors of each batch of passages' inputs, as :meth:`encode` gives them; on other devices than the CPU, the
        next batch is tokenized while one is computed. On the CPU, where a worker has one thread, nothing overlaps."""
        if self.batch_invariant:
            yield from super().encode_batches(batches)
            return
        task = self._tasks[1]

        def computed(batch: Sequence[str], features: dict[str, Any]) -> Vectors:
            return self._scaled(self._computed(self._asked(batch), features, task))

        yield from overlapped(batches, lambda batch: self._tokenized(self._asked(batch), task), computed)

    def encode_queries(self, texts: Sequence[str], languages: Sequence[str] | None = None) -> Vectors:
        """Vectors of queries, ``languages`` being theirs."""
        return self._normalised(self.queries(texts, languages), self._tasks[0])

    def _normalised(self, inputs: Sequence[Any], task: str | None) -> Vectors:
        import numpy as np

        if not inputs:
            return np.empty((0, self.dimension), dtype=np.float32)
        return self._scaled(self._encoded(inputs, task))

    def _scaled(self, vectors: Vectors) -> Vectors:
        import numpy as np

        if self._config.normalise:
            norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
            # A vector of zeros stays one: whoever stores vectors refuses it.
            vectors /= np.where(norms > 0, norms, np.float32(1))[:, None]
        return vectors

    def _asked(self, inputs: Sequence[Any]) -> list[Any]:
        """Inputs in the form the library takes them."""
        return list(inputs)

    def _encoded(self, inputs: Sequence[Any], task: str | None = None) -> Vectors:
        """Vectors of inputs as the model gives them.

        On the CPU in passes of fixed shapes where they hold for the model, else each text in a pass of its own.
        Elsewhere in one pass, or in halves of it as often as memory runs out: that may move the last bits.
        """
        import numpy as np

        asked = self._asked(inputs)
        if not self.batch_invariant:
            return self._computed(asked, self._tokenized(asked, task), task)
        if self._shaped and all(isinstance(one, str) for one in asked):
            lengths = self.count_inputs(asked)
            return passes.encoded(asked, lengths, self.max_tokens, lambda texts, n: self._pass(texts, task, n))
        return np.concatenate([self._pass([one], task) for one in asked])

    def _tokenized(self, inputs: list[Any], task: str | None) -> dict[str, Any]:
        """What the network reads, still in main memory."""
        with self._tokenizing:
            features: dict[str, Any] = self._model.preprocess(inputs, prompt="", **_given(task))
        return features

    def _computed(self, inputs: list[Any], features: dict[str, Any], task: str | None) -> Vectors:
        """Vectors of tokenized inputs in one pass on the device, or in halves."""
        import numpy as np
        import torch
        from sentence_transformers.util import batch_to_device

        try:
            with torch.inference_mode(), one_thread(), _memory_errors():
                found = self._model(batch_to_device(features, self._model.device), **_given(task))
                vectors = found["sentence_embedding"][:, : self._model.truncate_dim]
                return np.array(vectors.float().cpu().numpy())
        except MemoryError:
            if len(inputs) == 1:
                raise
        middle = len(inputs) // 2
        halves = (inputs[:middle], inputs[middle:])
        return np.concatenate([self._computed(half, self._tokenized(half, task), task) for half in halves])

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
                **_given(task),
                **({"processing_kwargs": filled} if tokens else {}),
            )
        return np.array(vectors, dtype=np.float32)


def _given(task: str | None) -> dict[str, str]:
    return {"task": task} if task else {}


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
