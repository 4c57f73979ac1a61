"""Third phase, one task: of every cluster of duplicates, who survives and for whom each survivor stands.

Clusters are the connected components of the verified pairs. Their members are taken in a total order that rests on
the documents alone: first those that agree with their language hint, then the longest, then the smallest id. The
first survives; each of the others is dropped if it is a duplicate *of a survivor*, and survives otherwise. So a chain
of small changes never removes a text that is unlike everything kept, and every drop has a survivor to show for it.

Memory is proportional to the number of documents in clusters, not to the number of documents.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from m4corpus.datatrove import PipelineStep
from m4corpus.dedup.candidates import pairs_path
from m4corpus.dedup.components import components, spanning
from m4corpus.dedup.config import DedupConfig
from m4corpus.dedup.minhash import MinHash
from m4corpus.dedup.store import FACTS, Columns, part_of, rows_in, signature_type
from m4corpus.dedup.survivors import Cluster, Verdict
from m4corpus.progress import Progress
from m4corpus.stage import StageContext
from m4corpus.storage.artifact import Completion
from m4corpus.storage.atomic import sync_tree
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from m4corpus.dedup.store import Nodes

CLUSTERS = "clusters"
# Pairs read, and members of clusters whose signatures are read, at a time.
_PAIRS, _MEMBERS = 1 << 20, 1 << 12


class ChooseSurvivors(PipelineStep):
    """Joins the pairs of ``tasks`` tasks into clusters and writes the verdicts on their members, a file a part."""

    name = "choose survivors"

    def __init__(
        self, context: StageContext, config: DedupConfig, parts: list[Path], columns: Columns, tasks: int
    ) -> None:
        super().__init__()
        self.context = context
        self.config = config
        self.parts = parts
        self.columns = columns
        self.tasks = tasks

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Yields nothing: verdicts go to :func:`verdicts_path`."""
        verdicts: dict[int, list[Verdict]] = defaultdict(list)
        nodes, roots = components(self._forest())
        for node, verdict in self._verdicts(nodes, roots):
            verdicts[part_of(node)].append(verdict)
        for part in range(len(self.parts)):
            path = verdicts_path(self.context, part)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(vars(verdict)) + "\n" for verdict in verdicts[part])
        sync_tree(verdicts_path(self.context, 0).parent)
        Completion().write(self.context.completion(CLUSTERS, rank))
        progress = Progress(self.context.progress(CLUSTERS), rank)
        progress.advance()
        progress.flush()
        yield from ()

    def _forest(self) -> NDArray[np.int64]:
        """The pairs of all tasks, reduced to what keeps the clusters connected."""
        forest = np.zeros((0, 2), np.int64)
        for task in range(self.tasks):
            with pairs_path(self.context, task).open("rb") as file:
                while (pairs := np.fromfile(file, np.int64, 2 * _PAIRS)).size:
                    forest = spanning(np.concatenate([forest, pairs.reshape(-1, 2)]))
        return forest

    def _verdicts(self, nodes: Nodes, roots: Nodes) -> Iterator[tuple[int, Verdict]]:
        """Every member of a cluster with its verdict; a survivor's grows until the last member is out."""
        minhash = MinHash(self.config)
        facts = self.columns.gather("facts", FACTS, nodes)
        ids = self._ids(nodes)
        shortness = (-facts["characters"].astype(np.int64)).tolist()
        merit = list(zip(roots.tolist(), facts["rank"].tolist(), shortness, ids, strict=True))
        ranked = np.array(sorted(range(len(ids)), key=merit.__getitem__), np.int64)
        cluster, current = Cluster(self.config, minhash), -1
        for start in range(0, len(ranked), _MEMBERS):
            members = ranked[start : start + _MEMBERS]
            signatures, keys = self._signatures(nodes[members], minhash)
            for index, signature, buckets in zip(members.tolist(), signatures, keys, strict=True):
                if roots[index] != current:
                    cluster, current = Cluster(self.config, minhash), roots[index]
                low, high = facts["exact"][index].tolist()
                yield int(nodes[index]), cluster.add(ids[index], (low, high), signature, buckets)

    def _signatures(self, members: Nodes, minhash: MinHash) -> tuple[NDArray[np.uint32], list[list[int]]]:
        """Signatures and band keys of some nodes; no keys for those without a signature."""
        if not self.config.near:
            return np.zeros((len(members), 0), np.uint32), [[] for _ in members]
        signatures = self.columns.gather("signature", signature_type(minhash.length), members)
        keys = minhash.band_keys(signatures).tolist()
        return signatures, [keys[row] if signature.any() else [] for row, signature in enumerate(signatures)]

    def _ids(self, nodes: Nodes) -> list[str]:
        """Ids of some nodes, which ascend, from the part files themselves."""
        import pyarrow as pa

        found: list[str] = []
        for part, path in enumerate(self.parts):
            rows = rows_in(nodes, part)
            if not rows.size:
                continue
            first = 0
            for batch in read_batches(path, ["id"], batch_size=1 << 14):
                inside = rows[(rows >= first) & (rows < first + batch.num_rows)] - first
                found.extend(batch.column(0).take(pa.array(inside)).to_pylist())
                first += batch.num_rows
        return found


def verdicts_path(context: StageContext, part: int) -> Path:
    """File of the verdicts on documents of one part, a JSON object a line."""
    return context.scratch / "verdicts" / f"{part:05d}.jsonl"


def read_verdicts(path: Path) -> dict[str, Verdict]:
    """Verdicts of a part by document id; what has none survives and stands for itself alone."""
    with path.open(encoding="utf-8") as file:
        return {(verdict := Verdict(**json.loads(line))).id: verdict for line in file}
