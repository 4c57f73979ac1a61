"""The whole release of a snapshot, built below the work directory."""

from __future__ import annotations

import hashlib
import shutil
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

from m4corpus.errors import IntegrityError, UserError
from m4corpus.release import plots
from m4corpus.release.articles import write_articles
from m4corpus.release.benchmarks import crawls_of, sets
from m4corpus.release.build import Build, Report, refuse_secrets
from m4corpus.release.card import card
from m4corpus.release.layout import (
    ATTRIBUTION,
    CARD,
    ENCODER,
    NOTICE,
    PLOT,
    RELEASE,
    Release,
    ReleaseFile,
    checked,
    read_release,
    write_release,
)  # fmt: skip
from m4corpus.release.passages import write_index, write_passages
from m4corpus.release.rights import Rights, Source, notice
from m4corpus.release.secrets import found_in
from m4corpus.snapshot import Snapshot
from m4corpus.snapshot.carried import learnt_content, learnt_path
from m4corpus.storage.artifact import FORMAT
from m4corpus.storage.atomic import fresh_directory, write_bytes
from m4corpus.storage.digests import digest_of, file_digest
from m4corpus.storage.lock import locked


@dataclass(frozen=True)
class Options:
    """What is published, and how it is called.

    ``repository`` is the ``owner/name`` the card speaks of; ``evaluation`` what ``m4corpus evaluate --json`` printed;
    ``allowed`` documents that may hold what looks like a secret.
    """

    repository: str
    ids_only: bool = False
    m4rag: bool = False
    evaluation: dict[str, Any] | None = None
    allowed: frozenset[str] = field(default_factory=frozenset)


def make(snapshot: Snapshot, workdir: Path, options: Options, out: Path | None, report: Report) -> tuple[Path, Release]:
    """Build a release in ``out``, or below ``workdir``; what an earlier, interrupted build finished is kept.

    Raises:
        UserError: a source has no licence or attribution, or something holds a secret.
        IntegrityError: the snapshot's artifacts do not agree.
    """
    if snapshot.manifest.get("kind", "snapshot") != "snapshot":
        raise UserError(f"{snapshot.name} was pulled, not built here", "Publish it from where it was built.")
    name, version = snapshot.manifest["name"], snapshot.manifest["version"]
    variant = ("-ids" if options.ids_only else "") + ("-m4rag" if options.m4rag else "")
    home = workdir / "releases" / name
    root = out or home / f"{version}{variant}"
    # Beside the release, so that its folder holds what is published and nothing else.
    place = f"out-{digest_of(str(root.resolve()))[:12]}" if out else root.name
    state = home / f"{place}.work"
    if out is not None and not state.exists() and out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out} is not empty", "Name a new directory with --out: what is in it could be overwritten.")
    root.mkdir(parents=True, exist_ok=True)
    with locked(state):
        build = Build(snapshot, root, state, options.ids_only, options.allowed, report)
        return root, _make(build, workdir, options)


def _make(build: Build, workdir: Path, options: Options) -> Release:
    manifest = build.snapshot.manifest
    crawls = crawls_of(workdir, manifest)
    with sets(crawls, build.state / "sets.sqlite") as known:
        names = known.names
        documents = build.once("documents", lambda: build.documents(known), names)
    if not options.ids_only:
        _refuse(documents)
    passages = build.once("passages", lambda: write_passages(build))
    made = [ReleaseFile(**file) for file in [*documents["files"], *passages["files"]]]
    index: dict[str, Any] = {}
    if not options.ids_only:
        index = build.once("index", lambda: write_index(build, made))
        made += [ReleaseFile(**file) for file in index["files"]]
    if options.m4rag:
        if options.ids_only:
            raise UserError("M4-RAG's layout is of texts", "Leave out --ids-only or --configs m4rag.")
        made += [ReleaseFile(**f) for f in build.once("articles", lambda: write_articles(crawls, build.root))["files"]]
    text = notice(manifest["name"], documents["sources"], manifest["recipe"]["read"]["sources"])
    made += [*_encoder(build), *_plots(build.root, manifest), _written(build.root, ATTRIBUTION, NOTICE, text)]
    body = {
        "name": manifest["name"],
        "version": manifest["version"],
        "parent": manifest["parent"],
        "ids_only": options.ids_only,
        "snapshot": placeless(manifest),
        "sources": documents["sources"],
        "sets": names,
        "index": {key: index[key] for key in ("dimension", "encoder")} if index else {},
        "evaluation": options.evaluation,
        "files": [file.as_dict() for file in made],
    }
    release = checked({"format": FORMAT, "kind": "release", **body}, str(build.root))
    readme = card(release, options.repository)
    write_release(build.root / RELEASE, body)
    write_bytes(build.root / CARD, readme.encode())
    for file in (RELEASE, CARD, ATTRIBUTION):
        if secret := found_in((build.root / file).read_bytes()):
            (build.root / RELEASE).unlink()
            refuse_secrets([f"{file}, made from the recipe and the manifest: {secret}"])
    return read_release(build.root / RELEASE)


def placeless(manifest: dict[str, Any]) -> dict[str, Any]:
    """A snapshot's manifest as it is published: a model or learnt file of this machine by its name, not by its path."""
    told = deepcopy(manifest)
    for encoder in (told["encoder"].get("config", {}), told["recipe"].get("embed", {}).get("encoder", {})):
        for holder, key in ((encoder, "name"), (encoder.get("postprocess") or {}, "file")):
            if PurePath(holder.get(key) or "").is_absolute():
                holder[key] = PurePath(holder[key]).name
    return told


def _refuse(documents: dict[str, Any]) -> None:
    rights = Rights()
    for name, licences in documents["sources"].items():
        source = rights.sources.setdefault(name, Source())
        source.licences.update(licences)
        source.lacks = {what: (count, example) for what, (count, example) in documents["lacks"].get(name, {}).items()}
    rights.refuse()


def _encoder(build: Build) -> list[ReleaseFile]:
    """What post-processing learnt, without which no query can be put to the vectors."""
    snapshot = build.snapshot
    shutil.rmtree(build.root / ENCODER, ignore_errors=True)
    content = learnt_content(snapshot.directory, snapshot.manifest)
    if content is None:
        return []
    if secret := found_in(content):
        refuse_secrets([f"what post-processing learnt: {secret}"])
    sha256 = hashlib.sha256(content).hexdigest()
    path = learnt_path(sha256)
    write_bytes(build.root / path, content)
    return [ReleaseFile(path, ENCODER, "", 0, len(content), sha256, "")]


def _plots(root: Path, manifest: dict[str, Any]) -> list[ReleaseFile]:
    """Charts of documents by language and of what was dropped by which rule."""
    fresh_directory(root / "plots")
    languages = sorted(manifest["documents"].items(), key=lambda item: (-item[1], item[0]))
    read = max(1, manifest["artifacts"].get("read", {}).get("counts", {}).get("inputs", 1))
    dropped = [
        (f"{stage}: {rule}", count / read)
        for stage in ("read", "clean", "identify", "filter", "dedup")
        for outcome in ("dropped", "failed")
        for rule, count in manifest["artifacts"].get(stage, {}).get("counts", {}).get(outcome, {}).items()
    ]
    made = [("languages", plots.bars("Documents by language and script", languages))]
    if dropped:
        made.append(("dropped", plots.bars("Inputs dropped or failed, share of all inputs", dropped, percent=True)))
    files = []
    for name, svg in made:
        file = _written(root, f"plots/{name}.svg", PLOT, svg)
        path = f"plots/{name}-{file.sha256[:8]}.svg"
        (root / file.path).replace(root / path)
        files.append(ReleaseFile(path, PLOT, "", 0, file.size, file.sha256, ""))
    return files


def _written(root: Path, path: str, kind: str, text: str) -> ReleaseFile:
    content = text.encode()
    write_bytes(root / path, content)
    return ReleaseFile(path, kind, "", 0, len(content), file_digest(root / path), "")


def check_files(root: Path, release: Release) -> None:
    """Raise :class:`IntegrityError` when a file of a built release is not there or has another size."""
    for file in release.files:
        path = root / file.path
        if not path.is_file() or path.stat().st_size != file.size:
            raise IntegrityError(f"{path} is not as it was built", "Delete the directory and publish again.")
