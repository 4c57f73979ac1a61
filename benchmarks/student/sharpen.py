"""Turn the projection, which regression leaves blunt, so that a text is nearer to its translation than others are.

The dense layers learn with it: a copy of the teacher's, for what the student's sums are blurred by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import teacher
import torch
from corpus import TAUGHT, Corpus
from fit import Fitted
from kernels import totals
from torch import Tensor

#: Texts, the share of them that stand alone (others are up to ``RUN`` in a row), the power of a language's size by
#: which it is drawn, and whole words left to their n-grams: many, so that words look as rare as they will be.
TEXTS, SINGLE, RUN, BALANCE, DROPPED = 120_000, 0.35, 8, 0.3, 0.4
STEPS, RATE, BATCH, GROUP = 800, 3e-3, 1024, 512
#: Of the dense layers.
DENSE_RATE = 3e-4
#: Of the softmax over the translations of a group, and the weight of its loss beside the cosine's.
TEMPERATURE, CONTRAST = 0.05, 0.2


def sharpen(corpus: Corpus, fitted: Fitted, progress: Callable[[str], None] = print) -> Fitted:
    """The same with a projection, an offset and dense layers that were trained together."""
    chance = np.random.default_rng(5)
    sums, roots, targets = _examples(corpus, fitted, chance)
    layers = {name: weight.bfloat16() for name, weight in teacher.dense().items()}
    with torch.no_grad():
        wanted = torch.cat([_dense(layers, part) for part in torch.split(targets, 2048)]).bfloat16()
    projection = torch.nn.Parameter(torch.from_numpy(fitted.projection.copy()))
    offset = torch.nn.Parameter(torch.from_numpy(fitted.offset.copy()))
    own_layers = {name: torch.nn.Parameter(torch.from_numpy(weight.copy())) for name, weight in fitted.dense.items()}
    optimizer = torch.optim.Adam(
        [{"params": [projection, offset], "rate": RATE}, {"params": [*own_layers.values()], "rate": DENSE_RATE}]
    )
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * (1 - 0.95 * step / STEPS)
        drawn = torch.from_numpy(chance.choice(len(sums), BATCH))
        cast = {name: weight.bfloat16() for name, weight in own_layers.items()}
        own = _dense(cast, (sums[drawn] @ projection + offset) / roots[drawn]).view(-1, GROUP, len(offset))
        right = wanted[drawn].view(own.shape)
        others = right.transpose(1, 2)
        # Translations of one another, and near ones, are not to be pushed apart: the teacher's likeness is the aim.
        with torch.no_grad():
            likeness = torch.softmax((right @ others).float() / TEMPERATURE, dim=-1)
        scores = torch.log_softmax((own.bfloat16() @ others).float() / TEMPERATURE, dim=-1)
        contrast = -(likeness * scores).sum(dim=-1).mean()
        distance = (1 - (own * right.float()).sum(dim=-1)).mean()
        optimizer.zero_grad()
        (distance + CONTRAST * contrast).backward()
        optimizer.step()
        if (step + 1) % 100 == 0:
            progress(f"sharpen: {step + 1} of {STEPS} steps, distance {distance:.3f}, contrast {contrast:.3f}")
    trained = {name: weight.detach().numpy() for name, weight in own_layers.items()}
    return replace(fitted, projection=projection.detach().numpy(), offset=offset.detach().numpy(), dense=trained)


def _examples(corpus: Corpus, fitted: Fitted, chance: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Sums of texts in the student's languages, the roots of their lengths, and what the layers get of the teacher."""
    labels, number = np.unique(corpus.label, return_inverse=True)
    weights = np.bincount(number) ** BALANCE * [label not in TAUGHT for label in labels]
    counts = chance.multinomial(TEXTS, weights / weights.sum())
    first = np.concatenate([chance.choice(np.flatnonzero(number == i), n) for i, n in enumerate(counts) if n])
    chance.shuffle(first)
    count = np.where(chance.random(TEXTS) < SINGLE, 1, chance.integers(2, RUN + 1, TEXTS))
    count = np.minimum(first + count, corpus.ends()[first]) - first
    dropped = chance.random(len(corpus.features.whole[0]) - 1, dtype=np.float32) < DROPPED
    sums = np.zeros((TEXTS, fitted.table.shape[1]), dtype=np.float32)
    read = np.zeros(TEXTS, dtype=np.int64)
    totals(first, count, corpus.texts, corpus.features.whole, corpus.features.gram, fitted.table, dropped, sums, read)
    starts = np.cumsum(count) - count
    pivot = corpus.pivot[np.repeat(first - starts, count) + np.arange(count.sum())]
    targets = np.add.reduceat(corpus.sums[pivot].astype(np.float32), starts) - (count - 1)[:, None] * fitted.offset
    tokens = np.add.reduceat(corpus.lengths[pivot], starts) - 2 * (count - 1)
    roots = torch.from_numpy(np.sqrt(read + 2.0).astype(np.float32))[:, None]
    scaled = (targets / np.sqrt(tokens)[:, None]).astype(np.float32)
    return torch.from_numpy(sums), roots, torch.from_numpy(scaled)


def _dense(layers: dict[str, Tensor], scaled: Tensor) -> Any:
    """The teacher's dense layers in half precision: unit vectors, float32."""
    x = scaled.bfloat16()
    y = torch.relu(x @ layers["p1"] + torch.relu(x @ layers["d0"]) @ layers["d1"])
    z = torch.tanh((y @ layers["p3"] + torch.relu(y @ layers["d2"]) @ layers["d3"]).float())
    return torch.nn.functional.normalize(z, dim=1)
