"""Everything a snapshot holds of a few pages, stage by stage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from m4corpus.embed.stored import unpack
from m4corpus.index.shard import Shard
from m4corpus.ledger import KEPT, Entry, entries
from m4corpus.records import Chunk, Document, Page, from_batches
from m4corpus.snapshot.contents import outputs_of
from m4corpus.storage.digests import partition_of
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from m4corpus.snapshot.open import Snapshot
    from m4corpus.storage.artifact import Artifact


class Picked:
    """Records that belong to some ids; only the parts these hash to are read."""

    def __init__(self, snapshot: Snapshot, ids: Sequence[str]) -> None:
        self._snapshot = snapshot
        self._ids = list(ids)
        self.pages = cache(self._pages)
        self.chunks = cache(self._chunks)
        self.vectors = cache(self._vectors)

    def documents(self, stage: str) -> Mapping[str, Document]:
        """Documents that came out of a stage, by id."""
        return {d.id: d for d in from_batches(Document, self._batches(self._snapshot.artifact(stage), "id"))}

    def ledger(self, stage: str) -> Mapping[str, Entry]:
        """Rows of a stage's ledger, by id."""
        artifact = self._snapshot.artifact(stage)
        found = {}
        for number, ids in self._parts(len(artifact.ledger())):
            rows = entries(artifact.directory, artifact.ledger()[number : number + 1])
            found.update({entry.id: entry for entry in rows if entry.id in ids})
        return found

    def indexed(self) -> Mapping[str, tuple[Chunk, NDArray[np.float32] | None]]:
        """Chunks with their vectors as the index holds them; a kind of index that stores no vectors has None."""
        artifact = self._snapshot.artifact("index")
        found: dict[str, tuple[Chunk, Any]] = {}
        for number, ids in self._parts(len(artifact.ledger())):
            for info in outputs_of(artifact, number):
                shard = Shard.open((artifact.directory / info.path).parent)
                try:
                    plain = shard.record.get("kind") == "flat"
                    for row, chunk in enumerate(from_batches(Chunk, read_batches(artifact.directory / info.path))):
                        if chunk.document_id in ids:
                            found[chunk.id] = (chunk, shard.vectors[row].copy() if plain else None)
                finally:
                    shard.close()
        return found

    def _pages(self) -> Mapping[str, Page]:
        return {p.id: p for p in from_batches(Page, self._batches(self._snapshot.artifact("read"), "id"))}

    def _chunks(self) -> Mapping[str, list[Chunk]]:
        found = defaultdict(list)
        for chunk in from_batches(Chunk, self._batches(self._snapshot.artifact("chunk"), "document_id")):
            found[chunk.document_id].append(chunk)
        return found

    def _vectors(self) -> Mapping[str, NDArray[np.float32]]:
        mine = {chunk.id for chunks in self.chunks().values() for chunk in chunks}
        artifact = self._snapshot.artifact("embed")
        found = {}
        for number, _ in self._parts(len(artifact.parts())):
            for batch in read_batches(artifact.directory / artifact.parts()[number].path, ["chunk_id", "vector"]):
                vectors = unpack(batch.column("vector"))
                for place, id in enumerate(batch.column("chunk_id").to_pylist()):
                    if id in mine:
                        found[id] = vectors[place].copy()
        return found

    def failed(self) -> set[str]:
        """Chunks the encoder failed on."""
        mine = {chunk.id for chunks in self.chunks().values() for chunk in chunks}
        artifact = self._snapshot.artifact("embed")
        numbers = [number for number, _ in self._parts(len(artifact.ledger()))]
        rows = (e for number in numbers for e in entries(artifact.directory, artifact.ledger()[number : number + 1]))
        return {entry.id for entry in rows if entry.outcome != KEPT and entry.id in mine}

    def _batches(self, artifact: Artifact, column: str) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        import pyarrow.compute as pc

        for number, ids in self._parts(len(artifact.parts())):
            wanted = pa.array(sorted(ids), type=pa.string())
            for batch in read_batches(artifact.directory / artifact.parts()[number].path):
                yield batch.filter(pc.is_in(batch.column(column), wanted))

    def _parts(self, parts: int) -> Iterator[tuple[int, set[str]]]:
        """Parts in which something is looked for, with the ids of the documents."""
        by_part: dict[int, set[str]] = defaultdict(set)
        for id in self._ids:
            by_part[partition_of(id, parts)].add(id)
        yield from sorted(by_part.items())
