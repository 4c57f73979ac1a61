"""Where the files of a source lie, and how their names are written in ids and locators."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from m4corpus.errors import UserError
from m4corpus.sources.config import SourceConfig
from m4corpus.sources.globs import has_wildcard


@dataclass(frozen=True)
class Place:
    """Paths of a source start from ``root``; ``file`` names the one file it is, ``pattern`` the glob below ``root``."""

    root: Path
    file: str = ""
    pattern: str = ""


def locate(source: SourceConfig, base: Path) -> Place:
    """The place ``source.path`` means; a path that exists is never taken for a glob. The place need not exist."""
    try:
        path = base / Path(source.path).expanduser()
    except RuntimeError as error:
        raise UserError(f"source {source.name}: {source.path}: {error}", "Write the path without '~'.") from None
    if path.is_dir():
        return Place(path)
    if not has_wildcard(source.path) or path.exists():
        return Place(path.parent, file=path.name)
    parts = path.parts
    first = next(i for i, part in enumerate(parts) if has_wildcard(part) and not Path(*parts[: i + 1]).exists())
    return Place(Path(*parts[:first]), pattern="/".join(parts[first:]))


def portable(name: str) -> str:
    """``name`` as UTF-8 can hold it: bytes of a file name that are not UTF-8 are percent-encoded."""
    try:
        name.encode()
    except UnicodeEncodeError:
        # Python hands such a byte on as U+DC00 + byte (PEP 383).
        return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in name)
    return name
