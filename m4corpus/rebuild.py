"""Make a sample of a snapshot's documents again, from their source to their vectors, and compare at every stage.

The recipe recorded in the snapshot says how, with the encoder that its vectors came from; where the sources lie is kept
beside the versions, or said by a recipe file. What only the whole corpus can decide is taken as recorded: which of
several duplicates survives, and the rules over templates and parallel texts.
"""

from __future__ import annotations

import copy
import heapq
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from m4corpus.embed.step import Passage
from m4corpus.errors import UserError
from m4corpus.images import ImageStore
from m4corpus.ledger import KEPT, Entry
from m4corpus.mapstage import MapStage
from m4corpus.recipe import Recipe, from_manifest, load, portable
from m4corpus.records import Chunk, Document, Page, Record, to_batch
from m4corpus.rereading import Gone, read_again
from m4corpus.snapshot.layout import PLACES
from m4corpus.snapshot.open import Snapshot
from m4corpus.snapshot.pick import Picked
from m4corpus.snapshot.pins import crawl_pins
from m4corpus.stage import Stage, StageContext
from m4corpus.stages import build, places
from m4corpus.steps import Step
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.digests import text_digest
from m4corpus.storage.parts import read_batches

OK, DIFFERS, GONE = "OK", "differs", "source gone"
#: Two vectors are one when the cosine of their angle is this close to 1, for encoders that compute batches as a whole;
#: far enough for a rounding that quantising makes larger.
CLOSE = 1e-3
#: What the filter looks up in the whole corpus, and where it writes what it found.
_WHOLE_CORPUS_RULE, _WHOLE_CORPUS_FIELD = "max-template-share", "parallel_languages"

R = TypeVar("R", bound=Page | Document | Chunk)


@dataclass(frozen=True)
class Result:
    """What became of one page: ``outcome`` is OK, differs or source gone; ``stage`` how far it was followed."""

    id: str
    outcome: str
    stage: str
    detail: str = ""


@dataclass
class Rebuilt:
    """Results in the order of ids; ``notes`` are differences of this machine or of the crawls that may explain them."""

    results: list[Result] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def count(self, outcome: str) -> int:
        """How many results have that outcome."""
        return sum(result.outcome == outcome for result in self.results)


def rebuild(snapshot: Snapshot, count: int, recipe: Path | None = None) -> Rebuilt:
    """Make ``count`` pages again, the same ones every time: those whose ids have the lowest digests.

    Raises :class:`UserError` when nothing says where the sources lie, ``recipe`` is another than the recorded one, or
    the encoder is not here: see :meth:`Snapshot.encoder_config`.
    """
    with TemporaryDirectory(prefix="m4corpus-rebuild-") as scratch:
        return _rebuilt(snapshot, count, recipe, Path(scratch))


def _rebuilt(snapshot: Snapshot, count: int, recipe: Path | None, scratch: Path) -> Rebuilt:
    """As :func:`rebuild`, with a cache that knows nothing in ``scratch``."""
    workdir = snapshot.directory.resolve().parents[2]
    read = snapshot.artifact("read")
    made, base, where = _recipe(snapshot, recipe, workdir)
    made = replace(made, embed=replace(made.embed, encoder=snapshot.encoder_config()))
    picked = Picked(snapshot, sample(read, count))
    walk = _Walk(snapshot, picked)
    walk.notes += _changed_crawls(snapshot, where, workdir / "cache")
    walk.begin(read_again(made.read, base, workdir / "cache", picked.pages(), read.info.get("sources", {})))
    for name in ("clean", "identify", "filter"):
        stage = build(name, made, base, workdir)
        walk.note_resources(name, stage.resources())
        if name == "filter":
            from m4corpus.filters.step import FilterStep

            walk.filter(FilterStep(made.filter))
        else:
            walk.map(name, _step(stage, scratch))
    walk.dedup()
    stage = build("chunk", made, base, workdir)
    walk.note_resources("chunk", stage.resources())
    walk.chunk(_step(stage, scratch))
    _embed(walk, made, base, workdir, scratch)
    walk.index()
    return Rebuilt(sorted(walk.results.values(), key=lambda r: r.id), walk.notes)


def _embed(walk: _Walk, made: Recipe, base: Path, workdir: Path, scratch: Path) -> None:
    """Follow the chunks through the encoder."""
    from m4corpus.embed.stage import EmbedStage
    from m4corpus.embed.step import EmbedStep
    from m4corpus.embed.stored import pack, unpack

    stage = build("embed", made, base, workdir)
    assert isinstance(stage, EmbedStage)
    walk.note_resources("embed", stage.resources())
    after = stage.config.encoder.postprocess
    quantise = after.quantise if after else "none"
    exact = bool(walk.snapshot.artifact("embed").info.get("batch_invariant"))
    step = EmbedStep(stage.config, scratch / "vectors.sqlite", ImageStore.beside(workdir / "cache"))
    walk.embed(step, lambda vector: unpack(pack(vector[None], quantise))[0], exact=exact)


def sample(read: Artifact, count: int) -> list[str]:
    """The ids of ``count`` pages that stand for all: they depend on the ids alone."""
    ids = (
        id
        for part in read.parts()
        for batch in read_batches(read.directory / part.path, ["id"], batch_size=8192)
        for id in batch.column("id").to_pylist()
    )
    return sorted(heapq.nsmallest(count, ids, key=lambda id: (text_digest(id), id)))


class _Walk:
    """The pages that are still followed, and what became of the others."""

    def __init__(self, snapshot: Snapshot, picked: Picked) -> None:
        self.snapshot = snapshot
        self.picked = picked
        self.results: dict[str, Result] = {}
        self.notes: list[str] = []
        self.alive: dict[str, Any] = {}

    def begin(self, again: dict[str, Page | Gone | None]) -> None:
        """Compare pages with those that were read."""
        for id, recorded in self.picked.pages().items():
            now = again[id]
            if isinstance(now, Gone):
                self.results[id] = Result(id, GONE, "read", now.why)
            elif self._equal(id, "read", recorded, now):
                self.alive[id] = now

    def map(self, name: str, step: Step) -> None:
        """One record in, one out, or a verdict."""
        documents, recorded, verdicts = self._run(step), self.picked.documents(name), self.picked.ledger(name)
        for id, (made, entry) in documents.items():
            if self._verdict(id, name, entry, verdicts.get(id)) and self._equal(id, name, recorded.get(id), made):
                self.alive[id] = made

    def filter(self, step: Step) -> None:
        """As :meth:`map`, but for what the rules over the whole corpus decided."""
        recorded, verdicts = self.picked.documents("filter"), self.picked.ledger("filter")
        for id, (made, entry) in self._run(step).items():
            was = verdicts.get(id)
            if made is not None and was is not None and was.slug == _WHOLE_CORPUS_RULE:
                self.results[id] = Result(id, OK, "filter", f"{was.outcome}: {was.slug} (as recorded)")
                continue
            if made is not None and id in recorded and _WHOLE_CORPUS_FIELD in recorded[id].metadata:
                made.metadata[_WHOLE_CORPUS_FIELD] = recorded[id].metadata[_WHOLE_CORPUS_FIELD]
            if self._verdict(id, "filter", entry, was) and self._equal(id, "filter", recorded.get(id), made):
                self.alive[id] = made

    def dedup(self) -> None:
        """Which duplicates there are is taken as recorded; what survives must be what went in."""
        recorded, verdicts = self.picked.documents("dedup"), self.picked.ledger("dedup")
        for id, document in self._taken().items():
            was = verdicts.get(id)
            if was is not None and was.outcome != KEPT:
                self.results[id] = Result(id, OK, "dedup", f"{was.outcome}: {was.slug} (as recorded)")
            elif id not in recorded:
                self.results[id] = Result(id, DIFFERS, "dedup", "neither kept nor in the ledger")
            else:
                document.duplicates = list(recorded[id].duplicates)
                if self._equal(id, "dedup", recorded[id], document):
                    self.alive[id] = document

    def chunk(self, step: Step) -> None:
        """All chunks of a document, in order."""
        recorded, verdicts = self.picked.chunks(), self.picked.ledger("chunk")
        entries: dict[str, Entry] = {}
        documents = self._taken()
        made: dict[str, list[Chunk]] = {id: [] for id in documents}
        for chunk in _driven(step, documents.values(), entries):
            made[chunk.document_id].append(chunk)
        for id, chunks in made.items():
            if not self._verdict(id, "chunk", entries[id], verdicts.get(id)):
                continue
            before = recorded.get(id, [])
            if len(chunks) != len(before):
                self.results[id] = Result(id, DIFFERS, "chunk", f"{len(chunks)} chunks instead of {len(before)}")
            elif all(self._equal(id, "chunk", old, new) for old, new in zip(before, chunks, strict=True)):
                self.alive[id] = chunks

    def embed(self, step: Step, stored: Callable[[Any], Any], *, exact: bool) -> None:
        """The vectors of all chunks, as they are ``stored``; a chunk the encoder fails on must be recorded so."""
        recorded, failed = self.picked.vectors(), self.picked.failed()
        documents = self._taken()
        chunks = [chunk for chunks in documents.values() for chunk in chunks]
        passages = [Passage(c.id, c.text, c.title, c.language, c.image) for c in chunks]
        vectors = {made.chunk_id: stored(made.vector) for made in _driven(step, passages, {})}
        for id, chunks in documents.items():
            for chunk in chunks:
                now, was = vectors.get(chunk.id), recorded.get(chunk.id)
                if (now is None) != (was is None) or (was is None) != (chunk.id in failed):
                    self.results[id] = Result(id, DIFFERS, "embed", f"{chunk.id} has a vector on one side only")
                elif now is not None and not _same_vector(now, was, exact=exact):
                    self.results[id] = Result(id, DIFFERS, "embed", f"vector of {chunk.id}")
            if id not in self.results:
                self.alive[id] = [chunk for chunk in chunks if chunk.id in recorded]

    def index(self) -> None:
        """Every embedded chunk lies in the index, with its vector."""
        import numpy as np

        recorded, indexed = self.picked.vectors(), self.picked.indexed()
        for id, chunks in self._taken().items():
            for chunk in chunks:
                row = indexed.get(chunk.id)
                if row is None:
                    self.results[id] = Result(id, DIFFERS, "index", f"{chunk.id} is not in it")
                elif row[1] is not None and not np.array_equal(row[1], recorded[chunk.id]):
                    self.results[id] = Result(id, DIFFERS, "index", f"vector of {chunk.id}")
                elif not self._equal(id, "index", chunk, row[0]):
                    pass
                if id in self.results:
                    break
            else:
                self.results[id] = Result(id, OK, "index", f"{len(chunks)} chunks")

    def note_resources(self, name: str, now: dict[str, str]) -> None:
        """Tell where this machine has other versions or models than the snapshot was made with."""
        before = self.snapshot.artifact(name).manifest["resources"]
        for key in sorted(before.keys() | now.keys()):
            if before.get(key) != now.get(key):
                self.notes.append(f"{name}: {key} is {now.get(key)} here and was {before.get(key)}")

    def _run(self, step: Step) -> dict[str, tuple[Any, Entry]]:
        """Each document followed so far with what the step makes of it (None for nothing) and its verdict."""
        entries: dict[str, Entry] = {}
        made = {record.id: record for record in _driven(step, self._taken().values(), entries)}
        return {id: (made.get(id), entry) for id, entry in entries.items()}

    def _taken(self) -> dict[str, Any]:
        alive, self.alive = self.alive, {}
        return alive

    def _verdict(self, id: str, stage: str, now: Entry, before: Entry | None) -> bool:
        """Whether the input goes on; else its result is stored."""
        told = f"{now.outcome} {now.slug}".strip()
        if before is None:
            self.results[id] = Result(id, DIFFERS, stage, f"{told}, but the ledger has no row for it")
        elif (now.outcome, now.slug) != (before.outcome, before.slug):
            was = f"{before.outcome} {before.slug}".strip()
            self.results[id] = Result(id, DIFFERS, stage, f"{told} instead of {was}")
        elif now.outcome != KEPT:
            self.results[id] = Result(id, OK, stage, f"{now.outcome}: {now.slug}")
        return id not in self.results

    def _equal(self, id: str, stage: str, recorded: R | None, now: R | None) -> bool:
        """Whether two records are the same; else the fields that differ become the result."""
        if recorded is None or now is None:
            lacks = "the snapshot has no row" if recorded is None else "nothing was made"
            self.results[id] = Result(id, DIFFERS, stage, lacks)
        elif names := _differing(recorded, now):
            self.results[id] = Result(id, DIFFERS, stage, ", ".join(names))
        return id not in self.results


def _step(stage: Stage, cache: Path) -> Step:
    """The work of a stage that needs no place to work in."""
    assert isinstance(stage, MapStage)
    return stage.step(StageContext(Path(), {}, 1, cache))


def _driven(step: Step, records: Iterable[Any], entries: dict[str, Entry]) -> Iterator[Any]:
    """What a step makes of records, its ledger rows by id."""

    def sink(entry: Entry) -> None:
        entries[entry.id] = entry

    step.ledger = sink
    yield from step.run(list(records))


def _differing(one: Record, two: Record) -> list[str]:
    """Names of the fields in which two records differ once they are stored."""
    first, second = (to_batch([record]).to_pylist()[0] for record in (one, two))
    return [f.name for f in fields(one) if first[f.name] != second[f.name]]


def _same_vector(one: Any, two: Any, *, exact: bool) -> bool:
    import numpy as np

    if exact:
        return bool(np.array_equal(one, two))
    lengths = float(np.linalg.norm(one) * np.linalg.norm(two))
    return lengths > 0 and float(np.dot(one, two)) / lengths >= 1 - CLOSE


def _recipe(snapshot: Snapshot, path: Path | None, workdir: Path) -> tuple[Recipe, Path, dict[str, str]]:
    """The recorded recipe with its sources where they lie here, the directory relative paths start from, and those
    places."""
    recorded = {key: value for key, value in snapshot.manifest["recipe"].items() if key != "limit"}
    if path is not None:
        given = load(path)
        now = json.loads(json.dumps(portable(given, None)))
        if other := [key for key in recorded if key != "description" and now.get(key) != recorded[key]]:
            raise UserError(
                f"{path} is not the recipe of {snapshot.name}: {', '.join(other)} differ",
                "Give the recipe it was made with, or none.",
            )
        base = path.resolve().parent
        where = places(given, base, workdir)
    else:
        base, where = _remembered(snapshot)
    data = copy.deepcopy(recorded)
    for source in data["read"]["sources"]:
        source["path"] = where.get(source["name"], source["path"])
    sections = {key: value for key, value in data.items() if value is not None}
    made = from_manifest(Recipe, sections, snapshot.name, str(snapshot.manifest["tools"].get("m4corpus")))
    return replace(made, crawl=None), base, where


def _remembered(snapshot: Snapshot) -> tuple[Path, dict[str, str]]:
    try:
        known = json.loads((snapshot.directory.resolve().parent / PLACES).read_text(encoding="utf-8"))
        return Path(known["base"]), dict(known["sources"])
    except (OSError, ValueError, KeyError):
        raise UserError(
            f"nothing says where the sources of {snapshot.name} lie", "Name the recipe it was made with: --recipe FILE."
        ) from None


def _changed_crawls(snapshot: Snapshot, where: dict[str, str], cache: Path) -> Iterator[str]:
    """Archives of crawls that are not what was pinned."""
    now = crawl_pins(where, snapshot.manifest.get("sources", {}), cache)
    for source, pin in snapshot.manifest.get("crawls", {}).items():
        archive = now.get(source, {}).get("archive", {})
        for name, digest in pin["archive"].items():
            if archive.get(name) != digest:
                yield f"crawl {pin['crawl']}: {name} is {'another file' if name in archive else 'gone'}"
