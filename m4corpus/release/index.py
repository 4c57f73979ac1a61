"""Search in a pulled release: its shards are cut by language, and yet answers, ties and row numbers are those of the
index the snapshot was built with."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.errors import IntegrityError, UserError
from m4corpus.index.shard import Shard
from m4corpus.index.shards import Hit, ShardedIndex
from m4corpus.index.writer import RECORD, ROWS, VECTORS
from m4corpus.release.layout import INDEX, ORDER
from m4corpus.storage.digests import file_digest
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Hits asked for beyond k, so that a tie at the end is seen to be whole.
_EXTRA = 16


class ReleaseIndex(ShardedIndex):
    """The shards of a pulled release; :attr:`Hit.row` counts as in the index of the snapshot."""

    def __init__(self, shards: list[Shard], labels: list[str], order: Path, dimension: int, encoder: str) -> None:
        super().__init__(shards, dimension, encoder)
        self._labels, self._order = labels, order

    @classmethod
    def of(cls, directory: Path, manifest: dict[str, Any]) -> ReleaseIndex:
        """Open every shard that is here.

        Raises:
            UserError: there is no index here.
            IntegrityError: a shard is damaged, or not the one the manifest names.
        """
        files = {file["path"]: file for file in manifest["files"] if file["kind"] in (INDEX, ORDER)}
        order = next((path for path, file in files.items() if file["kind"] == ORDER), None)
        if order is None:
            raise UserError(
                f"{manifest['name']}@{manifest['version']} has no index here",
                "It was published as ids alone; m4corpus rehydrate fetches its texts again and leaves the recipe "
                "that builds it."
                if manifest["ids_only"]
                else "Pull it again.",
            )
        info = manifest["index"]
        shards: list[Shard] = []
        labels: list[str] = []
        try:
            for path in sorted(path for path in files if path.endswith(f"/{RECORD}")):
                shards.append(_opened(directory, path.removesuffix(f"/{RECORD}"), files, info))
                labels.append(files[path]["language"])
        except IntegrityError:
            for shard in shards:
                shard.close()
            raise
        return cls(shards, labels, directory / order, info["dimension"], info["encoder"])

    def search(self, queries: NDArray[np.float32], k: int, languages: set[str] | None = None) -> list[list[Hit]]:
        """As :meth:`ShardedIndex.search`."""
        count = k + _EXTRA
        while True:
            found = super().search(queries, count, languages)
            # A tie that is cut off could go on; what is equal has to be seen whole before it is put in order.
            if all(len(hits) < count or hits[-1].score < hits[k - 1].score for hits in found):
                break
            count *= 2
        rows = self._rows
        return [
            sorted((replace(hit, row=int(rows[hit.row])) for hit in hits), key=lambda hit: (-hit.score, hit.row))[:k]
            for hits in found
        ]

    def check(self) -> None:
        """Raise :class:`IntegrityError` unless order and shards hold the same number of rows of every language."""
        _ = self._rows

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        """For every row here its row in the index of the snapshot."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        names = sorted(set(self._labels))
        codes: list[NDArray[np.int16]] = [np.empty(0, np.int16)]
        known = pa.array(names, pa.string())
        try:
            for batch in read_batches(self._order, batch_size=65_536):
                found = pc.fill_null(pc.index_in(batch.column("label"), value_set=known), -1)
                codes.append(np.asarray(found, dtype=np.int16))
        except (OSError, KeyError, pa.ArrowException) as error:
            said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise IntegrityError(f"cannot read {self._order}: {said}", "Pull it again.") from None
        label_of = np.concatenate(codes)
        places = {name: np.flatnonzero(label_of == code) for code, name in enumerate(names)}
        for name, found in places.items():
            held = sum(shard.rows for shard, label in zip(self.shards, self._labels, strict=True) if label == name)
            if held != len(found):
                raise IntegrityError(f"{self._order} has {len(found)} rows of {name}, its shards hold {held}")
        # Shards are in the order of their paths: those of one language lie side by side, by number.
        return np.concatenate([np.empty(0, np.int64), *(places[name] for name in names)])


def _opened(directory: Path, folder: str, files: dict[str, Any], info: dict[str, Any]) -> Shard:
    recorded = {name: files.get(f"{folder}/{name}") for name in (RECORD, VECTORS, ROWS)}
    for name, file in recorded.items():
        if file is None:
            raise IntegrityError(f"{directory / folder} lacks {name}", "Pull it again.")
    path = directory / folder / RECORD
    if not path.is_file() or file_digest(path) != files[f"{folder}/{RECORD}"]["sha256"]:
        raise IntegrityError(f"{path} is not the file the manifest names", "Pull it again.")
    record = json.loads(path.read_text(encoding="utf-8"))
    for name in (VECTORS, ROWS):
        if record["sha256"][name] != files[f"{folder}/{name}"]["sha256"]:
            raise IntegrityError(f"{directory / folder}: the digest of {name} differs from the manifest")
    if record["encoder"] != info["encoder"] or record["dimension"] != info["dimension"]:
        raise IntegrityError(f"{directory / folder} holds vectors of another encoder")
    return Shard.open(directory / folder)
