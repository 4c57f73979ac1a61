"""Who survives of one cluster, its members coming in order of preference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from m4corpus.dedup.config import DedupConfig
from m4corpus.dedup.minhash import MinHash
from m4corpus.storage.digests import canonical_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT, NEAR = "exact-duplicate", "near-duplicate"
# Survivors of one cluster a document is compared with at most, best first.
_RIVALS = 256


@dataclass
class Verdict:
    """What becomes of one document: dropped by ``rule`` in favour of ``survivor``, or kept for its ``duplicates``."""

    id: str
    rule: str = ""
    survivor: str = ""
    similarity: float = 0.0
    duplicates: list[str] = field(default_factory=list)

    def canonical(self) -> bytes:
        """All that it says of the document, whichever order the duplicates were found in."""
        return canonical_json([self.rule, self.survivor, self.similarity, sorted(self.duplicates)])


class Cluster:
    """Takes the members of one cluster, best first; a member survives unless it is a duplicate of a survivor."""

    def __init__(self, config: DedupConfig, minhash: MinHash) -> None:
        self._config = config
        self._minhash = minhash
        self._survivors: list[Verdict] = []
        self._signatures: list[NDArray[np.uint32]] = []
        self._by_exact: dict[tuple[int, int], int] = {}
        self._by_band: dict[tuple[int, int], list[int]] = {}

    def add(self, document_id: str, exact: tuple[int, int], signature: NDArray[np.uint32], keys: list[int]) -> Verdict:
        """Decide on the next member; ``keys`` are its buckets by band, empty when it has no signature."""
        verdict = Verdict(document_id)
        rival, rule, similarity = self._rival(exact, signature, keys)
        if rival is None:
            self._survives(verdict, exact, signature, keys)
        else:
            verdict.rule, verdict.survivor, verdict.similarity = rule, rival.id, similarity
            rival.duplicates.append(document_id)
        return verdict

    def _rival(
        self, exact: tuple[int, int], signature: NDArray[np.uint32], keys: list[int]
    ) -> tuple[Verdict | None, str, float]:
        """The survivor this member is a duplicate of: the equal one, else the most similar, the best of those."""
        if self._config.exact and exact in self._by_exact:
            return self._survivors[self._by_exact[exact]], EXACT, 1.0
        rivals = sorted({i for band in enumerate(keys) for i in self._by_band.get(band, ())})[:_RIVALS]
        if rivals:
            agreeing = self._minhash.agreement(np.stack([self._signatures[i] for i in rivals]), signature)
            best = int(np.argmax(agreeing))
            if agreeing[best] >= self._minhash.needed:
                return self._survivors[rivals[best]], NEAR, float(agreeing[best]) / self._minhash.length
        return None, "", 0.0

    def _survives(
        self, verdict: Verdict, exact: tuple[int, int], signature: NDArray[np.uint32], keys: list[int]
    ) -> None:
        index = len(self._survivors)
        self._survivors.append(verdict)
        self._signatures.append(signature)
        self._by_exact[exact] = index
        for band in enumerate(keys):
            self._by_band.setdefault(band, []).append(index)
