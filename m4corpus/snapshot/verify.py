"""Prove that a snapshot is what its manifests say: every file, every digest, every count.

Problems are sentences that name the file. Three depths: ``quick`` (manifests and sizes), everything (digests, rows,
ledgers, vectors), and :mod:`m4corpus.rebuild`, which makes documents again from their source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from m4corpus.errors import IntegrityError
from m4corpus.index.shards import ShardedIndex
from m4corpus.snapshot import carried
from m4corpus.snapshot.contents import flow_problems, logical_problems, vector_problems
from m4corpus.snapshot.create import COUNTING, derived, version_of
from m4corpus.snapshot.layout import LATEST, Home
from m4corpus.snapshot.manifest import RELEASE
from m4corpus.snapshot.open import Snapshot
from m4corpus.storage.artifact import MANIFEST, Artifact, Identity
from m4corpus.storage.digests import digest_of

#: Hears which stage is looked at.
Watch = Callable[[str], None]


def verify(snapshot: Snapshot, *, quick: bool = False, watch: Watch = lambda stage: None) -> Iterator[str]:
    """Problems found, one sentence each, naming the file; nothing when the snapshot is sound.

    Reads every byte of every artifact, or with ``quick`` only manifests and sizes. The digest of the snapshot's own
    manifest was checked when it was opened.
    """
    if snapshot.manifest.get("kind") == RELEASE:
        from m4corpus.release.verify import problems

        yield from problems(snapshot.directory, snapshot.manifest, quick=quick)
        return
    yield from _named(snapshot)
    yield from carried.problems(snapshot.directory, snapshot.manifest, quick=quick)
    whole: dict[str, Artifact] = {}
    sound = True
    for stage, pin in snapshot.manifest["artifacts"].items():
        watch(stage)
        for problem in _stage(snapshot, stage, pin, whole, quick=quick):
            sound = False
            yield problem
    if quick:
        return
    # Rows are read even where a manifest is not the one that was pinned: that tells which part was changed.
    for stage, artifact in whole.items():
        watch(stage)
        for problem in _guarded(artifact, _contents(artifact, whole)):
            sound = False
            yield problem
    if sound:
        watch("manifest")
        yield from _derived(snapshot, whole)


def _named(snapshot: Snapshot) -> Iterator[str]:
    """Whether version, directory, pointer and tags agree."""
    manifest, path = snapshot.manifest, snapshot.directory / MANIFEST
    pins = {stage: {k: pin[k] for k in ("fingerprint", "logical")} for stage, pin in manifest["artifacts"].items()}
    if manifest["version"] != version_of(pins):
        yield f"{path}: its version {manifest['version']} is not that of the artifacts it names"
    home = Home(snapshot.directory.resolve().parent)
    if not (home.path / LATEST).is_file():
        return
    if snapshot.directory.resolve().name != manifest["version"]:
        yield f"{path}: version {manifest['version']} lies in the directory of another"
    try:
        pointers = {home.path / LATEST: home.latest(), **{home.path / "tags" / t: v for t, v in home.tags().items()}}
    except IntegrityError as error:
        yield error.message
        return
    for pointer, version in pointers.items():
        if version is None or not (home.path / version / MANIFEST).is_file():
            yield f"{pointer}: names version {version}, which is not there"


def _stage(
    snapshot: Snapshot, stage: str, pin: Mapping[str, Any], whole: dict[str, Artifact], *, quick: bool
) -> Iterator[str]:
    """One artifact by its manifest and files; adds it to ``whole`` when all files are those of its own manifest."""
    try:
        artifact = snapshot.artifact(stage)
    except IntegrityError as error:
        yield error.message
        artifact = None
    if artifact is None:
        try:
            artifact = Artifact.open(snapshot.place(stage))
        except IntegrityError:
            return
    found = list(_sizes(artifact) if quick else artifact.problems())
    yield from found
    yield from _described(snapshot, stage, artifact, pin)
    if not found:
        whole[stage] = artifact


def _described(snapshot: Snapshot, stage: str, artifact: Artifact, pin: Mapping[str, Any]) -> Iterator[str]:
    """What manifests say of each other: what went into a stage must be what came out of the one before."""
    manifest, path = artifact.manifest, artifact.directory / MANIFEST
    made = Identity(*(manifest[key] for key in ("stage", "version", "config", "inputs", "resources")))
    if made.fingerprint != manifest["fingerprint"] or artifact.stage != stage:
        yield f"{path}: its fingerprint is not that of the stage it describes"
    if artifact.logical != digest_of([[part.path, part.logical] for part in artifact.parts()]):
        yield f"{path}: its logical digest is not that of its parts"
    for key, value in (("fingerprint", manifest["fingerprint"]), ("logical", artifact.logical)):
        if pin[key] != value:
            yield f"{path}: its {key} is not the one {snapshot.name} pins"
    if pin["counts"] != manifest["counts"]:
        yield f"{snapshot.directory / MANIFEST}: its counts of '{stage}' are not those of {path}"
    for need, logical in manifest["inputs"].items():
        if snapshot.manifest["artifacts"].get(need, {}).get("logical") != logical:
            yield f"{artifact.directory}: made from another '{need}' than the snapshot pins"
    rows = sum(part.rows for part in artifact.parts() if part.path.startswith("part-"))
    if stage != "index" and rows != artifact.counts.outputs:
        yield f"{artifact.directory}: {rows} rows, but the ledger accounts for {artifact.counts.outputs}"


def _contents(artifact: Artifact, artifacts: Mapping[str, Artifact]) -> Iterator[str]:
    yield from logical_problems(artifact)
    yield from flow_problems(artifact, artifacts)
    if artifact.stage == "index":
        # An index of its own: the snapshot's may be in use.
        with ShardedIndex.open(artifact.directory):
            pass
        if "embed" in artifacts:
            yield from vector_problems(artifacts["embed"], artifact)


def _derived(snapshot: Snapshot, artifacts: Mapping[str, Artifact]) -> Iterator[str]:
    """What the manifest says about the content, counted anew; older manifests say less, newer ones may say more."""
    manifest = snapshot.manifest
    if manifest.get("counting") != COUNTING:
        return
    for key, value in derived(artifacts).items():
        if key in manifest and manifest[key] != value:
            yield f"{snapshot.directory / MANIFEST}: '{key}' is not what its artifacts hold"


def _guarded(artifact: Artifact, problems: Iterable[str]) -> Iterator[str]:
    """A file that bytes and sizes vouch for and that still cannot be read is a problem, not a crash."""
    import pyarrow as pa

    try:
        yield from problems
    except IntegrityError as error:
        yield error.message
    except (pa.ArrowException, KeyError, ValueError) as error:
        yield f"{artifact.directory}: cannot be read: {str(error).splitlines()[0] if str(error) else error!r}"


def _sizes(artifact: Artifact) -> Iterator[str]:
    for path, size in ((artifact.directory / p.path, p.size) for p in [*artifact.parts(), *artifact.ledger()]):
        if not path.is_file():
            yield f"{path}: missing"
        elif path.stat().st_size != size:
            yield f"{path}: {path.stat().st_size} bytes, the manifest says {size}"
