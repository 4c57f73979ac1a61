"""Shards of an earlier index that hold the very rows of one to be written: they are taken over, file by file."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from m4corpus.index.writer import shard_name
from m4corpus.reuse import sound, sound_ledger
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.atomic import link_or_copy
from m4corpus.storage.parts import PartInfo

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class EarlierShard:
    """A shard, and the rows of the ledger about what it holds."""

    directory: Path
    files: list[PartInfo]
    entries: pa.RecordBatch

    @property
    def inputs(self) -> list[bytes]:
        """A digest of each of its rows with its vector."""
        return list(self.entries.column("input").to_pylist())

    def sound(self) -> bool:
        """Whether its files are what was recorded."""
        return all(sound(self.directory, file) for file in self.files)

    def taken(self, root: Path) -> list[PartInfo]:
        """Its files, now at the same place below ``root`` as well."""
        for file in self.files:
            link_or_copy(self.directory / file.path, root / file.path)
        return self.files


@dataclass(frozen=True)
class EarlierShards:
    """All shards of an earlier index of vectors of the same encoder."""

    directory: Path
    files: dict[str, list[PartInfo]]
    ledger: list[PartInfo]

    @classmethod
    def of(cls, artifact: Artifact, dimension: int, encoder: str) -> EarlierShards | None:
        """Those of an artifact; None when it holds other vectors."""
        if (artifact.info["dimension"], artifact.info["encoder"]) != (dimension, encoder):
            return None
        files: dict[str, list[PartInfo]] = defaultdict(list)
        for file in artifact.parts():
            files[file.path.partition("/")[0]].append(file)
        return cls(artifact.directory, dict(files), artifact.ledger())

    def part(self, rank: int, shard_rows: int) -> dict[int, EarlierShard]:
        """The shards of a part by their number, as far as their rows are known."""
        ledger = sound_ledger(self.directory, self.ledger[rank]) if rank < len(self.ledger) else None
        if ledger is None:
            return {}
        shards = {}
        for number, start in enumerate(range(0, ledger.num_rows, shard_rows)):
            files = self.files.get(shard_name(rank, number))
            if files:
                shards[number] = EarlierShard(self.directory, files, ledger.slice(start, shard_rows))
        return shards
