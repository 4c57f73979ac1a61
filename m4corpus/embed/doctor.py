"""How an encoder does on a corpus, language by language: what it claims against what is measured.

A vector always looks valid. Whether it means anything shows in the tokenizer (how much of a text it does not know), in
the limit (how much of a text is not read), in vectors that are equal though their texts are not, and in whether a
passage is found by its own heading among others of its language.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.coverage import claimed, covers
from m4corpus.embed.encoder import Encoder, Tokenizer, load, load_tokenizer
from m4corpus.embed.health import Health, Limits, warnings_of
from m4corpus.embed.stored import unpack
from m4corpus.identify.labels import label_of
from m4corpus.ledger import FAILED
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from m4corpus.storage.artifact import Artifact

#: Hears what is going on: a step, how much of it is done, and how much there is.
Watch = Callable[[str, int, int], None]

_BATCH = 256


@dataclass(slots=True)
class _Sampled:
    """A chunk looked at closely; ``key`` orders chunks by a hash of their id."""

    key: int
    id: str
    document: str
    text: str
    title: str
    heading: str

    def __lt__(self, other: _Sampled) -> bool:
        return (self.key, self.id) > (other.key, other.id)


def examine(
    config: EncoderConfig,
    chunks: Artifact,
    vectors: Artifact | None = None,
    *,
    sample: int = 500,
    limits: Limits | None = None,
    watch: Watch = lambda step, done, total: None,
) -> list[Health]:
    """One row for each ``language_Script`` of the chunks, the largest first.

    ``vectors`` is what the embed stage made of them with this encoder; without it only texts are examined. At most
    ``sample`` chunks of a language, chosen by a hash of their ids, are tokenized and probed.
    """
    rows, samples = _count(chunks, sample, watch)
    claims = claimed(config)
    for label, row in rows.items():
        row.claimed = None if claims is None or "_" not in label else covers(claims, label)
    encoder = load(config) if vectors else None
    _measure_tokens(encoder or load_tokenizer(config), rows, samples, watch)
    if vectors is not None and encoder is not None:
        found = _measure_vectors(chunks, vectors, rows, samples, watch)
        for done, (label, some) in enumerate(samples.items()):
            watch("probe", done, len(samples))
            _probe(encoder, rows[label], label, some, found)
        watch("probe", len(samples), len(samples))
    for row in rows.values():
        row.warnings = list(warnings_of(row, limits or Limits()))
    return sorted(rows.values(), key=lambda row: (-row.chunks, row.label))


def _count(chunks: Artifact, sample: int, watch: Watch) -> tuple[dict[str, Health], dict[str, list[_Sampled]]]:
    rows: dict[str, Health] = {}
    heaps: dict[str, list[_Sampled]] = defaultdict(list)
    total, done = sum(part.rows for part in chunks.parts()), 0
    columns = ["id", "document_id", "text", "title", "headings", "language", "script"]
    for part in chunks.parts():
        for batch in read_batches(chunks.directory / part.path, columns, batch_size=_BATCH):
            for row in batch.to_pylist():
                label = label_of(row["language"], row["script"])
                rows.setdefault(label, Health(label)).chunks += 1
                key = _hash(row["id"].encode())
                heap = heaps[label]
                if len(heap) == sample and key > heap[0].key:
                    continue
                heading = row["headings"][-1] if row["headings"] else ""
                one = _Sampled(key, row["id"], row["document_id"], row["text"], row["title"], heading)
                (heapq.heappush if len(heap) < sample else heapq.heappushpop)(heap, one)
            done += len(batch)
            watch("read chunks", done, total)
    return rows, {label: sorted(heap, key=lambda one: one.id) for label, heap in sorted(heaps.items())}


def _measure_tokens(
    tokenizer: Tokenizer, rows: dict[str, Health], samples: dict[str, list[_Sampled]], watch: Watch
) -> None:
    for done, (label, some) in enumerate(samples.items()):
        watch("tokenize", done, len(samples))
        row, texts = rows[label], [one.text for one in some]
        counts = tokenizer.count_tokens(texts)
        row.sampled = len(some)
        row.truncated = sum(count > tokenizer.max_tokens for count in counts) / len(some)
        unknown = unknown_tokens(tokenizer, texts)
        if unknown is not None:
            row.unknown = sum(number for number, _ in unknown) / max(1, sum(total for _, total in unknown))
    watch("tokenize", len(samples), len(samples))


def unknown_tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> list[tuple[int, int]] | None:
    """Unknown tokens and all tokens of each bare text; None where a tokenizer does not tell."""
    bare = getattr(tokenizer, "inner", tokenizer)
    count: Callable[[Sequence[str]], list[tuple[int, int]]] | None = getattr(bare, "unknown_tokens", None)
    return count(texts) if count else None


def _measure_vectors(
    chunks: Artifact, vectors: Artifact, rows: dict[str, Health], samples: dict[str, list[_Sampled]], watch: Watch
) -> dict[str, NDArray[np.float32]]:
    """Count what is wrong with the vectors; those of the sample, by chunk."""
    import numpy as np

    wanted = {one.id for some in samples.values() for one in some}
    names = list(rows)
    place = {label: i for i, label in enumerate(names)}
    found: dict[str, NDArray[np.float32]] = {}
    bytes_of, text_of, label_of = [], [], []
    total, done = sum(part.rows for part in vectors.parts()), 0
    for labels, part, ledger in zip(_labels(chunks), vectors.parts(), vectors.ledger(), strict=True):
        for batch in read_batches(vectors.directory / ledger.path, ["id", "outcome"]):
            for id, outcome in zip(batch.column("id").to_pylist(), batch.column("outcome").to_pylist(), strict=True):
                if outcome == FAILED and id in labels:
                    rows[labels[id]].failed += 1
        for batch in read_batches(vectors.directory / part.path, ["chunk_id", "text_digest", "vector"]):
            ids = batch.column("chunk_id").to_pylist()
            values = unpack(batch.column("vector"))
            usable = [bool(np.isfinite(vector).all() and vector.any()) for vector in values]
            digests = batch.column("text_digest").to_pylist()
            for id, digest, vector, sound in zip(ids, digests, values, usable, strict=True):
                label = labels[id]
                rows[label].bad += not sound
                bytes_of.append(_hash(vector.tobytes()))
                text_of.append(_hash(digest))
                label_of.append(place[label])
                if id in wanted and sound:
                    found[id] = vector.copy()
            done += len(batch)
            watch("read vectors", done, total)
    hashes = np.array(bytes_of, np.uint64), np.array(text_of, np.uint64)
    for i in _shared(*hashes, np.array(label_of, np.int32)):
        rows[names[i]].duplicates += 1
    return found


def _shared(vectors: NDArray[np.uint64], texts: NDArray[np.uint64], labels: NDArray[np.int32]) -> list[int]:
    """Labels of the rows whose vector belongs to another text too."""
    import numpy as np

    if not len(vectors):
        return []
    pairs = np.unique(np.stack([vectors, texts], axis=1), axis=0)
    distinct, counts = np.unique(pairs[:, 0], return_counts=True)
    result: list[int] = labels[np.isin(vectors, distinct[counts > 1])].tolist()
    return result


def _probe(
    encoder: Encoder, row: Health, label: str, some: list[_Sampled], found: dict[str, NDArray[np.float32]]
) -> None:
    """Ask for each passage by its title and heading, among all sampled passages of its language."""
    import numpy as np

    pool = [one for one in some if one.id in found]
    asked: dict[str, int] = {}
    for i, one in enumerate(pool):
        # Of passages with one heading none is more right than another: the first stands for them.
        if query := " ".join(dict.fromkeys(part for part in (one.title, one.heading) if part)):
            asked.setdefault(query, i)
    row.pool, row.probes = len(pool), len(asked)
    if not asked:
        return
    language = label.partition("_")[0]
    queries = encoder.encode_queries(list(asked), [language] * len(asked))
    scores = queries @ np.stack([found[one.id] for one in pool]).T
    own = {query: {pool[i].document} for query, i in asked.items()}
    first = ten = 0
    for query, ranking in zip(asked, np.argsort(-scores, axis=1, kind="stable"), strict=True):
        documents = [pool[i].document for i in ranking[:10]]
        first += documents[0] in own[query]
        ten += bool(own[query] & set(documents))
    row.recall_1, row.recall_10 = first / len(asked), ten / len(asked)


def _labels(chunks: Artifact) -> Iterator[dict[str, str]]:
    """The label of each chunk of each part."""
    for part in chunks.parts():
        labels: dict[str, str] = {}
        for batch in read_batches(chunks.directory / part.path, ["id", "language", "script"]):
            columns = (batch.column(name).to_pylist() for name in ("id", "language", "script"))
            labels.update((id, label_of(language, script)) for id, language, script in zip(*columns, strict=True))
        yield labels


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "big")
