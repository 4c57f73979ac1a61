"""Names of a release's files, and its manifest: what may be in one, and how one that came from elsewhere is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from m4corpus.errors import IntegrityError
from m4corpus.snapshot.carried import FOLDER
from m4corpus.storage.artifact import FORMAT, read_sealed, sealed
from m4corpus.storage.atomic import write_json

RELEASE, CARD, ATTRIBUTION = "release.json", "README.md", "ATTRIBUTION.md"
#: Kinds of data, each in a folder of its name.
DOCUMENTS, CHUNKS, VECTORS, INDEX = "documents", "chunks", "vectors", "index"
#: Files that are no language's: the order of the index, article records as M4-RAG has them, plots, notices, and what
#: encoding a query takes.
ORDER, ARTICLES, PLOT, NOTICE, ENCODER = "order", "m4rag", "plot", "notice", FOLDER
KIND = "release"

_LABEL = r"(?:[a-z]{2,3}_[A-Z][a-z]{3}|und)"
_SET = r"[a-z0-9][A-Za-z0-9_-]{0,200}"
_PART = rf"{_LABEL}/{_SET}-[0-9]{{5}}-[0-9a-f]{{8}}\.parquet"
#: The only paths a release may have, by kind.
_PATHS = {
    DOCUMENTS: rf"documents/{_PART}",
    CHUNKS: rf"chunks/{_PART}",
    VECTORS: rf"vectors/{_PART}",
    INDEX: rf"index/{_LABEL}/shard-[0-9]{{5}}-[0-9a-f]{{8}}/(?:index\.faiss|rows\.parquet|shard\.json)",
    ORDER: r"index/order-[0-9a-f]{8}\.parquet",
    ARTICLES: rf"m4rag/{_SET}/[a-z_]{{1,40}}-[0-9a-f]{{8}}\.jsonl",
    PLOT: r"plots/[a-z-]{1,40}-[0-9a-f]{8}\.svg",
    NOTICE: r"ATTRIBUTION\.md",
    ENCODER: r"encoder/postprocess-[0-9a-f]{8}\.npz",
}
_LABELS = re.compile(_LABEL)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class ReleaseFile:
    """One file: path below the release, kind, label of its language (empty for files of no language), rows (0 where
    it has none), bytes, and both digests (``logical`` is empty where there are no rows)."""

    path: str
    kind: str
    language: str
    rows: int
    size: int
    sha256: str
    logical: str

    def as_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


@dataclass(frozen=True)
class Release:
    """A release's manifest, checked: nothing in it leads out of the release's folder or to a file of another kind."""

    manifest: dict[str, Any]
    files: list[ReleaseFile]

    @property
    def name(self) -> str:
        """Name of the snapshot."""
        return str(self.manifest["name"])

    @property
    def version(self) -> str:
        """Version of the snapshot."""
        return str(self.manifest["version"])

    @property
    def ids_only(self) -> bool:
        """Whether texts, vectors and indexes are left out."""
        return bool(self.manifest["ids_only"])

    @property
    def snapshot(self) -> dict[str, Any]:
        """The manifest of the snapshot."""
        return dict(self.manifest["snapshot"])

    @property
    def dimension(self) -> int:
        """Numbers in a vector; 0 where there are none."""
        return int(self.manifest["index"].get("dimension", 0))

    def of(self, *kinds: str) -> list[ReleaseFile]:
        """The files of some kinds, in order."""
        return [file for file in self.files if file.kind in kinds]


def is_label(text: str) -> bool:
    """Whether a text is the label of a language, which names a folder."""
    return _LABELS.fullmatch(text) is not None


def is_release_path(path: str) -> bool:
    """Whether a path of a repository is one that releases have, other than the manifest and the card."""
    return any(re.fullmatch(form, path, re.ASCII) for form in _PATHS.values())


def write_release(path: Path, body: dict[str, Any]) -> None:
    """Seal a manifest and write it."""
    write_json(path, sealed({"format": FORMAT, "kind": KIND, **body}))


def read_release(path: Path) -> Release:
    """The release that a manifest on disk describes; raises :class:`IntegrityError` for one that is altered, of
    another format, or names a file a release cannot have."""
    return checked(read_sealed(path), str(path))


def checked(manifest: dict[str, Any], where: str) -> Release:
    """A manifest's release; raises :class:`IntegrityError` unless every field has the form it must have."""
    try:
        if manifest["kind"] != KIND:
            raise ValueError(f"its kind is {manifest['kind']!r}")
        for key, form in (("name", _NAME), ("version", _VERSION)):
            if not isinstance(manifest[key], str) or not form.fullmatch(manifest[key]):
                raise ValueError(f"its {key} is {manifest[key]!r:.80}")
        if not isinstance(manifest["ids_only"], bool) or not isinstance(manifest["snapshot"], dict):
            raise ValueError("ids_only or snapshot is of another type")
        if type(manifest["index"].get("dimension", 0)) is not int:
            raise ValueError("its dimension is no number")
        for key in ("recipe", "documents", "chunks", "encoder"):
            if not isinstance(manifest["snapshot"][key], dict):
                raise ValueError(f"its snapshot's {key} is of another type")
        files = [_file(entry) for entry in manifest["files"]]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else error
        raise IntegrityError(f"{where} is no release: {what}") from None
    _refuse_repeated(files, where)
    return Release(manifest, files)


def _file(entry: Any) -> ReleaseFile:
    file = ReleaseFile(**entry)
    if not all(isinstance(text, str) for text in (file.path, file.kind, file.language, file.sha256, file.logical)):
        raise ValueError("a field of a file is no text")
    if not safe(file):
        raise ValueError(f"it names the file {file.path[:200]!r} of kind {file.kind[:40]!r}, which no release has")
    if type(file.size) is not int or type(file.rows) is not int or min(file.size, file.rows) < 0:
        raise ValueError(f"size or rows of {file.path} is no count")
    if not _DIGEST.fullmatch(file.sha256) or not (file.logical == "" or _DIGEST.fullmatch(file.logical)):
        raise ValueError(f"a digest of {file.path} is none")
    return file


def safe(file: ReleaseFile) -> bool:
    """Whether a file's path is one its kind may have, in the folder of its language."""
    form = _PATHS.get(file.kind)
    if form is None or not re.fullmatch(form, file.path, re.ASCII):
        return False
    folder = PurePosixPath(file.path).parts[1] if file.kind in (DOCUMENTS, CHUNKS, VECTORS, INDEX) else ""
    return folder == file.language


def _refuse_repeated(files: Iterable[ReleaseFile], where: str) -> None:
    seen: set[str] = set()
    for file in files:
        if file.path in seen:
            raise IntegrityError(f"{where} names {file.path} twice")
        seen.add(file.path)
