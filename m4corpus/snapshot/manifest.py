"""The manifest of a snapshot: read, and refused when it is none.

Its ``format`` is raised when a field changes meaning; a newer one is refused with what to do. A newer m4corpus may add
fields within a format: they are kept as they are and ignored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from m4corpus.errors import IntegrityError
from m4corpus.storage.artifact import MANIFEST, read_sealed

SNAPSHOT, RELEASE = "snapshot", "release"
#: What every manifest has, of whatever kind and age.
_FIELDS = {"name": str, "version": str, "artifacts": dict}


def read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest in a snapshot's directory.

    Raises:
        FileNotFoundError: there is none.
        IntegrityError: it was altered, is of a format or kind this m4corpus does not know, or describes no snapshot.
    """
    path = directory / MANIFEST
    manifest = read_sealed(path)
    if not all(isinstance(manifest.get(key), kind) for key, kind in _FIELDS.items()):
        raise IntegrityError(f"{path} describes no snapshot", "Name a snapshot: `m4corpus snapshot list` shows them.")
    # Manifests of the first versions say no kind.
    kind = manifest.get("kind", SNAPSHOT)
    if kind not in (SNAPSHOT, RELEASE):
        raise IntegrityError(f"{path} is of kind {kind!r}, which this m4corpus does not know", "Upgrade m4corpus.")
    return manifest
