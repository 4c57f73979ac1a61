"""What reading takes is in the read stage's fingerprint, and nothing else is."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from m4corpus.sources.config import ReadConfig, SourceConfig
from m4corpus.sources.stage import ReadStage

#: Name of a file by the source's format, and the packages that read it.
CASES = [
    ("html", "a.html", ()),
    ("text", "a.txt", ()),
    ("jsonl", "a.jsonl", ()),
    ("jsonl", "a.jsonl.gz", ()),
    ("jsonl", "a.jsonl.zst", ("zstandard",)),
    ("m4rag", "a.JSONL.ZST", ("zstandard",)),
    ("dump", "a.xml.bz2", ()),
    ("enterprise", "a.tar.zst", ("zstandard",)),
    ("parquet", "a.parquet", ("pyarrow",)),
    ("warc", "a.warc.gz", ("fastwarc", "pyarrow", "zstandard")),
]


def resources(folder: Path, *sources: tuple[str, str]) -> dict[str, str]:
    configs = []
    for number, (kind, name) in enumerate(sources):
        place = folder / f"source-{number}"
        place.mkdir(parents=True)
        (place / name).write_bytes(b"x")
        configs.append(SourceConfig(name=f"s{number}", format=kind, path=place.name, include=["*"]))  # type: ignore[arg-type]
    return ReadStage(ReadConfig(sources=configs), folder, folder / "cache").resources()


@pytest.mark.parametrize(("kind", "name", "packages"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_versions_of_what_is_used(tmp_path: Path, kind: str, name: str, packages: tuple[str, ...]) -> None:
    found = resources(tmp_path, (kind, name))
    del found["inputs"]
    assert found == {package: version(package) for package in packages}


def test_of_several_sources_each(tmp_path: Path) -> None:
    found = resources(tmp_path, ("html", "a.html"), ("parquet", "a.parquet"), ("jsonl", "a.jsonl.zst"))
    assert set(found) == {"inputs", "pyarrow", "zstandard"}


def test_another_version_is_another_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from m4corpus.sources import readers

    before = resources(tmp_path / "a", ("warc", "a.warc")), resources(tmp_path / "b", ("html", "a.html"))
    monkeypatch.setattr(readers, "installed", lambda package: "0.0")
    after = resources(tmp_path / "c", ("warc", "a.warc")), resources(tmp_path / "d", ("html", "a.html"))
    assert before[0] != after[0]
    assert before[1] == after[1]
