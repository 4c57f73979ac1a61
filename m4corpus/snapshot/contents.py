"""What the rows of artifacts must say of each other, whatever their digests are.

Every input of a stage has its row in the ledger, every output came from an input that was kept, ids are unique, and the
index holds exactly the vectors that were embedded. Streams; one message names the first row of a part that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, repeat, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.embed.stored import unpack
from m4corpus.index.writer import ROWS
from m4corpus.ledger import DROPPED, FAILED, KEPT, Counts
from m4corpus.storage.digests import LogicalDigest, partition_of
from m4corpus.storage.parts import PartInfo, read_batches

if TYPE_CHECKING:
    from m4corpus.storage.artifact import Artifact

#: The column that names, in a stage's output, the input it came from.
_ORIGIN = {"chunk": "document_id", "embed": "chunk_id"}
#: Stages that put out documents, or pages, under their own id.
_DOCUMENTS = frozenset({"read", "clean", "identify", "filter", "dedup"})


def logical_problems(artifact: Artifact) -> Iterator[str]:
    """Parts whose rows are not those that the manifest's logical digests and numbers are of."""
    for part in [*artifact.parts(), *artifact.ledger()]:
        path = artifact.directory / part.path
        if path.suffix == ".parquet":
            rows, logical = _read_through(path)
            if rows != part.rows:
                yield f"{path}: {rows} rows, the manifest says {part.rows}"
            elif logical != part.logical:
                yield f"{path}: its rows differ from their recorded logical digest"


def flow_problems(artifact: Artifact, artifacts: Mapping[str, Artifact]) -> Iterator[str]:
    """Inputs without a row in the ledger, outputs without an input, ids out of place, totals that do not add up."""
    source = next((artifacts[need] for need in artifact.manifest["inputs"] if need in artifacts), None)
    if artifact.stage == "index":
        source = artifacts.get("embed")
    total = Counts()
    for number, ledger in enumerate(artifact.ledger()):
        path, parts = artifact.directory / ledger.path, outputs_of(artifact, number)
        named = artifact.directory / parts[0].path if parts else path
        yield from _counted(path, total)
        if artifact.stage in _DOCUMENTS:
            yield from _order(named, _values(artifact, parts, "id"), number, len(artifact.ledger()))
        if artifact.stage == "chunk":
            yield from _numbered(artifact, parts)
        kept = (id for id, outcome, outputs in _rows(path) if outcome == KEPT for _ in repeat(None, outputs))
        made = _values(artifact, parts, _ORIGIN.get(artifact.stage, "id"))
        yield from _same(named, "rows", made, f"what {path.parent.name}/{path.name} says was kept", kept)
        if source is not None and number < len(source.ledger()):
            fed = _values(source, outputs_of(source, number), "chunk_id" if source.stage == "embed" else "id")
            came = (id for id, _, _ in _rows(path))
            yield from _same(path, "rows", came, f"inputs from {source.directory.name}", fed)
    if total.as_dict() != artifact.manifest["counts"]:
        yield f"{artifact.directory / 'ledger'}: its rows do not add up to the counts of {artifact.directory.name}"


def vector_problems(embed: Artifact, index: Artifact) -> Iterator[str]:
    """Shards whose vectors are not those that were embedded, row by row."""
    import numpy as np

    from m4corpus.index.shard import Shard

    for number, part in enumerate(embed.parts()):
        batches = read_batches(embed.directory / part.path, ["vector"], batch_size=1024)
        vectors = (unpack(batch.column("vector")) for batch in batches if len(batch))
        pending = np.empty((0, 0), np.float32)
        for info in outputs_of(index, number):
            shard = Shard.open((index.directory / info.path).parent)
            try:
                if shard.record.get("kind") != "flat":
                    return
                wrong, start = False, 0
                while start < shard.rows and not wrong:
                    pending = pending if len(pending) else next(vectors, pending)
                    size = min(len(pending), shard.rows - start)
                    there = shard.vectors[start : start + size]
                    wrong = not size or not np.array_equal(there, pending[:size])
                    pending, start = pending[size:], start + size
            finally:
                shard.close()
            if wrong:
                yield f"{shard.directory / 'index.faiss'}: its vectors are not those of {embed.directory / part.path}"
                break


def outputs_of(artifact: Artifact, number: int) -> list[PartInfo]:
    """The files of rows that part ``number`` became: one, or a shard's each."""
    if artifact.stage != "index":
        return artifact.parts()[number : number + 1]
    return [p for p in artifact.parts() if p.path.startswith(f"shard-{number:05d}-") and p.path.endswith(ROWS)]


def _read_through(path: Path) -> tuple[int, str]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        digest, rows = LogicalDigest(file.schema_arrow), 0
        for batch in file.iter_batches(batch_size=1024, use_threads=False):
            digest.update(batch)
            rows += len(batch)
    return rows, digest.hexdigest()


def _rows(ledger: Path) -> Iterator[tuple[str, str, int]]:
    for batch in read_batches(ledger, ["id", "outcome", "outputs"], batch_size=8192):
        yield from zip(*(batch.column(name).to_pylist() for name in ("id", "outcome", "outputs")), strict=True)


def _counted(ledger: Path, total: Counts) -> Iterator[str]:
    """Add a ledger part to ``total``."""
    for batch in read_batches(ledger, ["outcome", "slug", "outputs"], batch_size=8192):
        for row in batch.to_pylist():
            total.inputs += 1
            total.outputs += row["outputs"]
            total.kept += row["outcome"] == KEPT
            if row["outcome"] == DROPPED:
                total.dropped[row["slug"]] += 1
            elif row["outcome"] == FAILED:
                total.failed[row["slug"]] += 1
            elif row["outcome"] != KEPT:
                yield f"{ledger}: an outcome called '{row['outcome']}'"
                return


def _values(artifact: Artifact, parts: Iterable[PartInfo], column: str) -> Iterator[str]:
    for part in parts:
        for batch in read_batches(artifact.directory / part.path, [column], batch_size=8192):
            yield from batch.column(column).to_pylist()


def _order(path: Path, ids: Iterator[str], number: int, parts: int) -> Iterator[str]:
    """Ids that ascend within a part and belong to it are unique over all parts."""
    before = ""
    for id in ids:
        if id <= before:
            yield f"{path}: id {id!r} {'appears twice' if id == before else 'is out of order'}"
            return
        if partition_of(id, parts) != number:
            yield f"{path}: id {id!r} belongs to part {partition_of(id, parts)}"
            return
        before = id


def _numbered(artifact: Artifact, parts: Iterable[PartInfo]) -> Iterator[str]:
    """Chunks are ``document#0``, ``document#1``... without a gap."""
    for part in parts:
        path = artifact.directory / part.path
        for document, chunks in groupby(_chunks(path), key=lambda row: row[1]):
            for place, (id, _, index) in enumerate(chunks):
                if index != place or id != f"{document}#{place}":
                    yield f"{path}: chunk {id!r} stands where '{document}#{place}' should"
                    return


def _chunks(path: Path) -> Iterator[tuple[Any, ...]]:
    columns = ["id", "document_id", "index"]
    for batch in read_batches(path, columns, batch_size=8192):
        yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)


def _same(path: Path, what: str, here: Iterable[str], other: str, there: Iterable[str]) -> Iterator[str]:
    missing = object()
    for row, (one, two) in enumerate(zip_longest(here, there, fillvalue=missing)):
        if one != two:
            found = "nothing" if one is missing else repr(one)
            expected = "nothing" if two is missing else repr(two)
            yield f"{path}: its {what} and {other} part ways at row {row}: {found} instead of {expected}"
            return
