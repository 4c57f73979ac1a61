"""What shows that a file is of the format its name says, before any library opens it."""

from __future__ import annotations

import struct
from pathlib import Path

from m4corpus.embed.postprocess.learnt import is_plain
from m4corpus.release.layout import Release, ReleaseFile

#: First bytes of each format, and last ones where it has such.
_MAGIC = {".parquet": (b"PAR1", b"PAR1"), ".faiss": (b"IxFI", b""), ".json": (b"{", b"}\n"), ".svg": (b"<svg", b""),
          ".npz": (b"PK\x03\x04", b"")}  # fmt: skip
#: Head of a flat FAISS index: kind, dimension, vectors, two fields that are not used, trained, metric, numbers.
_FLAT = struct.Struct("<4siqqqBiQ")
_INNER_PRODUCT = 0


def malformed(path: Path, file: ReleaseFile, release: Release) -> str:
    """What keeps the file at ``path`` from being what the release says it is; empty when nothing does."""
    suffix = Path(file.path).suffix
    head, tail = _MAGIC.get(suffix, (b"", b""))
    with path.open("rb") as stream:
        start = stream.read(_FLAT.size)
        if not start.startswith(head):
            return f"it is no {suffix} file"
        if tail:
            stream.seek(max(0, file.size - len(tail)))
            if stream.read() != tail:
                return f"it is no whole {suffix} file"
    if suffix == ".faiss" and not _flat(start, file, release.dimension):
        return f"it is no flat index of {file.rows} vectors of {release.dimension} dimensions"
    if suffix == ".npz" and not is_plain(path):
        return "it is no file of plain arrays that post-processing learnt"
    return ""


def _flat(start: bytes, file: ReleaseFile, dimension: int) -> bool:
    """Whether an index begins as a flat one of the release's vectors does, and is as long: faiss believes what an
    index says of itself."""
    numbers = file.rows * dimension
    if len(start) < _FLAT.size or file.size != _FLAT.size + 4 * numbers:
        return False
    _, width, rows, _, _, _, metric, held = _FLAT.unpack(start)
    return (width, rows, metric, held) == (dimension, file.rows, _INNER_PRODUCT, numbers)
