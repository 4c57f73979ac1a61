"""What encoding a query takes besides packages and the Hub: what post-processing learnt, which a snapshot carries in a
file of its own, and a model directory, which it only names by its content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from m4corpus.errors import IntegrityError, UserError
from m4corpus.storage.atomic import write_bytes
from m4corpus.storage.digests import file_digest

#: Folder of a snapshot, and of a release, that holds such files.
FOLDER = "encoder"
_NAME = re.compile(r"postprocess-[0-9a-f]{8}\.npz")


def learnt_path(sha256: str) -> str:
    """Where a snapshot or release has what post-processing learnt, by the digest of its content."""
    return f"{FOLDER}/postprocess-{sha256[:8]}.npz"


def learnt_pin(encoder: Mapping[str, Any]) -> tuple[str, str] | None:
    """Place, when vectors were made, and SHA-256 of what post-processing learnt; None where nothing was. ``encoder`` is
    what a manifest says of it."""
    pin = (encoder.get("config") or {}).get("postprocess") or {}
    return (str(pin["file"]), str(pin["sha256"])) if pin.get("file") else None


def model_directory(encoder: Mapping[str, Any]) -> tuple[str, str] | None:
    """Name of the model directory that queries need, and the digest of its files; None for models that are named."""
    from m4corpus.embed.encoder import NAMED

    config, digest = encoder.get("config", {}), encoder.get("identity", {}).get("files")
    if not digest or config["name"] in NAMED or config.get("revision"):
        return None
    return Path(config["name"]).name, str(digest)


def carry(directory: Path, encoder: Mapping[str, Any], places: Iterable[Path]) -> list[dict[str, Any]]:
    """Put into a snapshot's directory what its queries need, and list it: path, size and SHA-256 of each file.

    ``places`` are where the file may lie; whichever has the content that was pinned is taken, and nothing else is
    opened: what the manifest says of its place may be a stranger's word. Raises :class:`UserError` when none has it.
    """
    pin = learnt_pin(encoder)
    if pin is None:
        return []
    file, sha256 = pin
    target = directory / learnt_path(sha256)
    for place in (target, *places):
        content = _content(place, sha256)
        if content is not None:
            if place is not target:
                write_bytes(target, content)
            return [{"path": learnt_path(sha256), "size": len(content), "sha256": sha256}]
    raise UserError(
        f"the vectors were post-processed with '{file}', which is not there any more, or was changed (sha256 {sha256})",
        "Put the file back, and run the same command again: nothing could be searched without it.",
    )


def learnt_file(directory: Path, manifest: Mapping[str, Any]) -> Path | None:
    """The learnt file that a snapshot or release in ``directory`` carries; None where its manifest lists none.

    Raises :class:`IntegrityError` when it is listed and not there. Its content is compared by whoever reads it.
    """
    pin = learnt_pin(manifest.get("encoder", {}))
    if pin is None or not any(file["path"] == learnt_path(pin[1]) for file in manifest.get("files", [])):
        return None
    path = directory / learnt_path(pin[1])
    if not path.is_file():
        raise IntegrityError(f"{path}: missing", "Pull the snapshot again, or run its recipe: either puts it back.")
    return path


def learnt_content(directory: Path, manifest: Mapping[str, Any]) -> bytes | None:
    """What post-processing learnt, from the snapshot itself or, one of an earlier m4corpus, from where it lay; None
    where nothing was learnt. Raises :class:`UserError` when it is in neither place."""
    pin = learnt_pin(manifest.get("encoder", {}))
    if pin is None:
        return None
    path = learnt_file(directory, manifest) or Path(pin[0])
    content = _content(path, pin[1])
    if content is None:
        raise UserError(
            f"{path}, with which the vectors were post-processed, is not there any more, or was changed",
            f"Put the file with the SHA-256 {pin[1]} back, then: m4corpus snapshot create RECIPE",
        )
    return content


def problems(directory: Path, manifest: Mapping[str, Any], *, quick: bool) -> Iterator[str]:
    """What is wrong with the files a snapshot carries, one sentence each."""
    for file in manifest.get("files", []):
        path = directory / file["path"]
        if path.is_symlink() or not path.is_file():
            yield f"{path}: missing"
        elif path.stat().st_size != file["size"]:
            yield f"{path}: {path.stat().st_size} bytes, the manifest says {file['size']}"
        elif not quick and file_digest(path) != file["sha256"]:
            yield f"{path}: content differs from its recorded SHA-256"


def is_carried(path: Path) -> bool:
    """Whether a path below a snapshot's directory is that of a file it carries."""
    return path.parent.name == FOLDER and _NAME.fullmatch(path.name) is not None


def _content(path: Path, sha256: str) -> bytes | None:
    """Content of a regular file, if it is what was pinned. A device or a pipe may never end: it is not opened."""
    try:
        found = path.expanduser()
        if not found.is_file():
            return None
        content = found.read_bytes()
    except (OSError, RuntimeError, ValueError):  # a home that nobody has; what is no path at all
        return None
    return content if hashlib.sha256(content).hexdigest() == sha256 else None
