"""Reading a source the way the read stage does: list it, then read every file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from m4corpus.records import Page
from m4corpus.sources.config import ReadConfig, SourceConfig
from m4corpus.sources.inventory import SourceFile, inventory
from m4corpus.sources.readers import Failure, read_file


def source(format: str, path: str = "in", **options: Any) -> SourceConfig:
    """A source named ``s``, whose records keep their ids as they are."""
    options.setdefault("global_ids", True)
    return SourceConfig(name="s", format=format, path=path, **options)  # type: ignore[arg-type]


def listed(base: Path, config: SourceConfig) -> list[SourceFile]:
    return inventory(ReadConfig(sources=[config]), base, base / "cache")


def read(base: Path, config: SourceConfig) -> list[Page | Failure]:
    return [item for file in listed(base, config) for item in read_file(config, base, file)]


def pages(items: list[Page | Failure]) -> list[Page]:
    return [item for item in items if isinstance(item, Page)]


def reasons(items: list[Page | Failure]) -> dict[str, str]:
    """Reason of every failure by its locator."""
    return {item.locator: item.reason for item in items if isinstance(item, Failure)}


def read_bytes(base: Path, name: str, content: bytes, **options: Any) -> list[Page | Failure]:
    """What a file of that name and content becomes, alone in its source."""
    folder = base / "in"
    folder.mkdir(exist_ok=True)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return read(base, source(options.pop("format"), f"in/{name}", **options))
