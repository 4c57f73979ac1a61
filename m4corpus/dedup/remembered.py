"""What documents were signed with in an earlier run: a file for each part, which may be lost at no cost but time."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from m4corpus.dedup.config import DedupConfig
from m4corpus.stage import StageContext
from m4corpus.storage.atomic import write_bytes
from m4corpus.storage.digests import digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from m4corpus.storage.artifact import Artifact

#: Folder of the cache.
FOLDER = "signatures"
#: Raised when the same text would be signed otherwise.
SIGNING = 1
#: What signatures do not depend on.
_LATER = ("exact", "threshold")
_CHECKSUM = 32


class Remembered:
    """Signatures by a 16-byte key of all they are computed from. A file that is damaged, or made in another way,
    remembers nothing."""

    def __init__(self, path: Path, length: int) -> None:
        self._path = path
        self._kind = np.dtype(
            [("key", "V16"), ("exact", "<u8", (2,)), ("signed", "?"), ("signature", "<u4", (length,))]
        )
        self._rows = self._load()
        self._places = {key: place for place, key in enumerate(self._rows["key"].tolist())}
        self._kept: list[NDArray[Any]] = []

    def find(self, keys: Sequence[bytes]) -> NDArray[Any]:
        """A record for each key, and in the field ``key`` zeros where there is none."""
        found = np.zeros(len(keys), self._kind)
        places = np.array([self._places.get(key, -1) for key in keys], np.int64)
        found[places >= 0] = self._rows[places[places >= 0]]
        return found

    def keep(self, keys: Sequence[bytes], records: NDArray[Any]) -> None:
        """Remember records for a later run; what is not kept again is forgotten."""
        records["key"] = np.frombuffer(b"".join(keys), "V16")
        self._kept.append(records)

    def save(self) -> None:
        """Store what was kept."""
        content = b"".join(records.tobytes() for records in self._kept)
        write_bytes(self._path, _checksum(content) + content)

    def _load(self) -> NDArray[Any]:
        try:
            content = self._path.read_bytes()
        except OSError:
            content = b""
        rows = content[_CHECKSUM:]
        if len(rows) % self._kind.itemsize or content[:_CHECKSUM] != _checksum(rows):
            rows = b""
        return np.frombuffer(rows, self._kind)


def remembered_path(context: StageContext, config: DedupConfig, unicode: str, rank: int) -> Path:
    """Where the signatures of a part are: apart for each recipe and each way of signing."""
    way = _way(asdict(config), unicode, context.partitions, context.directory.parent.name)
    return context.cache / FOLDER / way / f"{rank:05d}"


def remembered_by(artifact: Artifact) -> str:
    """The folder within ``signatures`` that making an artifact of the dedup stage filled."""
    manifest = artifact.manifest
    config = dict(manifest["config"])
    partitions = config.pop("partitions")
    return _way(config, manifest["resources"].get("unicode", ""), partitions, artifact.directory.parent.name)


def _way(config: dict[str, Any], unicode: str, partitions: int, recipe: str) -> str:
    options = {name: value for name, value in config.items() if name not in _LATER}
    return digest_of([SIGNING, options, unicode, partitions, recipe])[:12]


def _checksum(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_CHECKSUM).digest()
