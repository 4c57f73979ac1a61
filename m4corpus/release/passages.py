"""The passages of a release: chunks, their vectors, and an index for each language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from m4corpus.embed.stored import pack, unpack
from m4corpus.errors import IntegrityError
from m4corpus.index.stage import Part
from m4corpus.ledger import FAILED
from m4corpus.records import Chunk, schema
from m4corpus.release.build import Build, grouped
from m4corpus.release.layout import CHUNKS, INDEX, VECTORS, ReleaseFile
from m4corpus.release.order import OrderWriter
from m4corpus.release.rows import CHUNK_IDS, Take, conform, ids_rows, ids_schema, labels_of
from m4corpus.release.split import BY_CHUNK, Cutter, Files, close_all
from m4corpus.storage.atomic import fresh_directory
from m4corpus.storage.parts import PartInfo, read_batches

if TYPE_CHECKING:
    import pyarrow as pa

    from m4corpus.storage.artifact import Artifact

#: Rows of a shard are written in groups of this many: all that is read to show one hit.
_SHARD_GROUP = 256


class Pair:
    """Chunks of one language and their vectors, in files of the same numbers: where one ends the other does."""

    def __init__(self, root: Path, label: str, chunks: pa.Schema, vectors: pa.Schema | None) -> None:
        self.chunks = Files(root, CHUNKS, label, "part", chunks)
        self.vectors = Files(root, VECTORS, label, "part", vectors) if vectors is not None else None
        self._cutter = Cutter(BY_CHUNK)

    def add(self, rows: pa.RecordBatch, documents: list[str], weights: list[int], vectors: pa.RecordBatch | None,
            embedded: list[bool]) -> None:  # fmt: skip
        """Append chunks; ``vectors`` has a row for each that is ``embedded``."""
        done = 0
        for start, end, group, file in self._cutter.pieces(documents, weights):
            for files in filter(None, (self.chunks, self.vectors)):
                if file:
                    files.finish()
                elif group:
                    files.flush()
            self.chunks.add(rows.slice(start, end - start))
            if self.vectors is not None and vectors is not None:
                count = sum(embedded[start:end])
                self.vectors.add(vectors.slice(done, count))
                done += count

    def files(self) -> list[Files]:
        """What is written."""
        return [self.chunks, *([self.vectors] if self.vectors is not None else [])]


def write_passages(build: Build) -> tuple[list[ReleaseFile], dict[str, Any]]:
    """Write chunks, vectors and the order of the index; without texts, the ids of chunks alone.

    Raises :class:`IntegrityError` when chunks, vectors and index do not hold the same rows.
    """
    ids_only, root = build.ids_only, build.root
    for kind in (CHUNKS, VECTORS, INDEX):
        fresh_directory(root / kind)
    chunk, embed = build.snapshot.artifact("chunk"), build.snapshot.artifact("embed")
    target = ids_schema(schema(Chunk), CHUNK_IDS) if ids_only else schema(Chunk)
    pairs: dict[str, Pair] = {}
    order = None if ids_only else OrderWriter(root, build.snapshot.artifact("index"))
    done, total = 0, sum(part.rows for part in chunk.parts())
    error: BaseException | None = None
    try:
        for part in _parts(chunk, embed):
            vectors = Take(read_batches(part.vectors))
            failed = _failed(part.ledger)
            for batch in conform(read_batches(part.chunks), schema(Chunk)):
                labels = labels_of(batch)
                keep = [id not in failed for id in batch.column("id").to_pylist()]
                found = _vectors(part, vectors, batch, keep)
                if order is not None:
                    order.add(batch, labels, keep)
                places = _places(keep)
                for label, rows in grouped(batch, labels):
                    here = [row for row, one in enumerate(labels) if one == label]
                    if label not in pairs:
                        pairs[label] = Pair(root, label, target, None if ids_only else found.schema)
                    pairs[label].add(
                        ids_rows(rows, target) if ids_only else rows,
                        rows.column("document_id").to_pylist(),
                        [len(text) for text in rows.column("text").to_pylist()],
                        found.take([places[row] for row in here if keep[row]]),
                        [keep[row] for row in here],
                    )
                done += len(batch)
                build.report("chunk", done, total)
            if vectors(1).num_rows:
                raise IntegrityError(f"{part.vectors} holds vectors of no chunk", "Run the recipe again.")
        if order is not None:
            order.check()
    except BaseException as failure:
        error = failure
        raise
    finally:
        close_all([files for pair in pairs.values() for files in pair.files()], error)
        if order is not None:
            order.close(error)
    files = [file for label in sorted(pairs) for one in pairs[label].files() for file in one.done]
    files.sort(key=lambda file: (file.kind, file.language))
    return [*files, *(order.files() if order is not None else [])], {}


def write_index(build: Build, files: list[ReleaseFile]) -> tuple[list[ReleaseFile], dict[str, Any]]:
    """Write a shard for each file of vectors among ``files``; holds one shard's vectors at a time."""
    from m4corpus.index.writer import RECORD, ShardWriter

    root, done = build.root, list[ReleaseFile]()
    info = build.snapshot.artifact("index").info
    chunks = {_key(file): file for file in files if file.kind == CHUNKS}
    vectors = [file for file in files if file.kind == VECTORS]
    for label in {file.language for file in vectors}:
        fresh_directory(root / INDEX / label)
    for count, file in enumerate(vectors, 1):
        number = int(_key(file)[1])
        directory = root / INDEX / file.language / f"shard-{number:05d}"
        with ShardWriter(directory, root, file.rows, info["dimension"], info["encoder"]) as shard:
            for batch in _embedded(root / chunks[_key(file)].path, root / file.path):
                shard.add(batch)
        record = next(part for part in shard.parts if part.path.endswith(RECORD))
        final = directory.with_name(f"{directory.name}-{record.sha256[:8]}")
        directory.replace(final)
        done += [_moved(part, final.relative_to(root).as_posix(), file.language) for part in shard.parts]
        build.report("index", count, len(vectors))
    return done, {"dimension": info["dimension"], "encoder": info["encoder"]}


def _parts(chunk: Artifact, embed: Artifact) -> list[Part]:
    infos = zip(chunk.parts(), embed.parts(), embed.ledger(), strict=True)
    return [
        Part(chunk.directory / c.path, embed.directory / v.path, embed.directory / entries.path, v.rows)
        for c, v, entries in infos
    ]


def _failed(ledger: Path) -> frozenset[str]:
    """Chunks without a vector."""
    found: set[str] = set()
    for batch in read_batches(ledger, ["id", "outcome"]):
        rows = zip(batch.column("id").to_pylist(), batch.column("outcome").to_pylist(), strict=True)
        found.update(id for id, outcome in rows if outcome == FAILED)
    return frozenset(found)


def _vectors(part: Part, vectors: Take, chunks: pa.RecordBatch, keep: list[bool]) -> pa.RecordBatch:
    """The vectors of the chunks that have one, row by row."""
    import pyarrow as pa

    table = vectors(sum(keep))
    wanted = chunks.column("id").filter(pa.array(keep))
    if not table.num_columns or table.column("chunk_id").to_pylist() != wanted.to_pylist():
        if not len(wanted) and not table.num_columns:
            return _no_vectors(part)
        raise IntegrityError(f"{part.vectors} does not hold the vectors of {part.chunks}", "Run the recipe again.")
    return table.combine_chunks().to_batches()[0] if table.num_rows else _no_vectors(part)


def _no_vectors(part: Part) -> pa.RecordBatch:
    import pyarrow as pa
    import pyarrow.parquet as pq

    empty = pq.read_schema(part.vectors).empty_table()
    return pa.RecordBatch.from_arrays([column.combine_chunks() for column in empty.columns], schema=empty.schema)


def _places(keep: list[bool]) -> list[int]:
    """For each row its place among those that are kept."""
    places, seen = [], 0
    for one in keep:
        places.append(seen)
        seen += one
    return places


def _key(file: ReleaseFile) -> tuple[str, str]:
    """Language and number of a file."""
    return file.language, PurePosixPath(file.path).stem.split("-")[1]


def _embedded(chunks: Path, vectors: Path) -> Iterator[pa.RecordBatch]:
    """Chunks that have a vector, with it in a column ``vector``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = Take(_filtered(chunks, vectors))
    for batch in read_batches(vectors, ["chunk_id", "vector"], batch_size=_SHARD_GROUP):
        table = rows(len(batch)).combine_chunks()
        if table.num_rows != len(batch) or not pc.all(pc.equal(table.column("id"), batch.column("chunk_id"))).as_py():
            raise IntegrityError(f"{vectors} does not hold the vectors of {chunks}", "Publish again.")
        column = pack(unpack(batch.column("vector")))
        columns = [table.column(name).chunk(0) for name in table.column_names]
        layout = pa.schema([*schema(Chunk), pa.field("vector", column.type, nullable=False)])
        yield pa.RecordBatch.from_arrays([*columns, column], schema=layout)


def _filtered(chunks: Path, vectors: Path) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.compute as pc

    ids = [batch.column("chunk_id") for batch in read_batches(vectors, ["chunk_id"])]
    embedded = pa.concat_arrays(ids)
    for batch in read_batches(chunks):
        yield batch.filter(pc.is_in(batch.column("id"), embedded))


def _moved(part: PartInfo, folder: str, label: str) -> ReleaseFile:
    path = f"{folder}/{PurePosixPath(part.path).name}"
    return ReleaseFile(path, INDEX, label, part.rows, part.size, part.sha256, part.logical)
