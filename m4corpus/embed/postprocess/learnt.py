"""What post-processing learns from vectors: means and principal components, in a file without pickled objects."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from m4corpus.errors import UserError
from m4corpus.storage.atomic import write_bytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

#: Raised when the fields of the file change meaning.
FORMAT = 1
#: Names of the arrays within the file.
_ARRAYS = {"header.npy", "mean.npy", "means.npy", "components.npy"}
_RELEARN = "Learn it again with: m4corpus embed fit RECIPE --out FILE."


@dataclass(frozen=True)
class Learnt:
    """A transformation ``(v - mean) @ components.T``, learnt from the vectors of one encoder (its ``fingerprint``).

    ``mean`` is float32 ``(d,)``, zeros where nothing is centred; ``means`` those of single languages (ISO 639-3), which
    take its place for their vectors. ``components`` is float32 ``(k, d)`` with the scale of whitening in it, or None
    where vectors keep their axes. ``about`` says what it was learnt from, for people.
    """

    fingerprint: str
    mean: Floats
    means: Mapping[str, Floats] = field(default_factory=dict)
    components: Floats | None = None
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dimension(self) -> int:
        """Numbers of a transformed vector."""
        return len(self.mean if self.components is None else self.components)


def save(learnt: Learnt, path: Path) -> str:
    """Write the file atomically; returns its SHA-256. The same content gives the same bytes."""
    import numpy as np

    header = {
        "format": FORMAT,
        "fingerprint": learnt.fingerprint,
        "languages": list(learnt.means),
        "about": dict(learnt.about),
    }
    arrays: dict[str, Any] = {
        "header": np.frombuffer(json.dumps(header, sort_keys=True).encode(), dtype=np.uint8),
        "mean": learnt.mean,
        "means": np.array(list(learnt.means.values()), np.float32).reshape(-1, len(learnt.mean)),
    }
    if learnt.components is not None:
        arrays["components"] = learnt.components
    content = io.BytesIO()
    np.savez(content, **arrays)
    write_bytes(path, content.getvalue())
    return hashlib.sha256(content.getvalue()).hexdigest()


def is_plain(path: Path) -> bool:
    """Whether a file that somebody else wrote is one of :func:`save`: arrays of numbers, none of them packed, each as
    long as it says. numpy would make room for whatever an array says of itself."""
    import numpy as np

    try:
        with zipfile.ZipFile(path) as held:
            members = held.infolist()
            if not {"header.npy", "mean.npy", "means.npy"} <= {one.filename for one in members} <= _ARRAYS:
                return False
            for one in members:
                if one.compress_type != zipfile.ZIP_STORED or one.file_size != one.compress_size:
                    return False
                with held.open(one) as stream:
                    if np.lib.format.read_magic(stream) != (1, 0):
                        return False
                    shape, _, kind = np.lib.format.read_array_header_1_0(stream)
                    if kind.hasobject or math.prod(shape) * kind.itemsize != one.file_size - stream.tell():
                        return False
    except (ValueError, OSError, EOFError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile):
        return False
    return True


def read(path: Path, sha256: str) -> Learnt:
    """Read the file; raises :class:`UserError` when it is missing, no such file, or its digest is not ``sha256``."""
    import numpy as np

    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"postprocess: {path} cannot be read: {error.strerror}", _RELEARN) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise UserError(f"postprocess: {path} is not the file expected: sha256 {found}, not {sha256}", _RELEARN)
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            header = json.loads(arrays["header"].tobytes())
            if header["format"] != FORMAT:
                raise UserError(f"postprocess: {path} is of another version, {header['format']!r}", _RELEARN)
            mean, means = arrays["mean"].astype(np.float32), arrays["means"].astype(np.float32)
            components = arrays["components"].astype(np.float32) if "components" in arrays else None
            by_language = dict(zip(header["languages"], means, strict=True))
            learnt = Learnt(header["fingerprint"], mean, by_language, components, header["about"])
    except (KeyError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"postprocess: {path} holds nothing learnt by 'm4corpus embed fit'", _RELEARN) from error
    if {array.shape[-1] for array in (mean, means, components) if array is not None} != {mean.size}:
        raise UserError(f"postprocess: {path} is damaged", _RELEARN)
    return learnt
