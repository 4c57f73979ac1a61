"""What is not as the release says is refused, or found later; nothing hostile gets anywhere."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from release_work import Made, copy

from m4corpus.errors import IntegrityError, UserError
from m4corpus.release.layout import Release, read_release
from m4corpus.release.pull import pull
from m4corpus.release.stores import LocalStore
from m4corpus.snapshot import open_snapshot, verify
from m4corpus.storage.artifact import sealed
from m4corpus.storage.atomic import write_json


def damaged(root: Path, release: Release, kind: str, change: Any) -> str:
    """Change one file of a release; its path."""
    file = next(f for f in release.files if f.kind == kind and (kind != "index" or f.path.endswith("faiss")))
    change(root / file.path)
    return file.path


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("kind", ["documents", "chunks", "vectors", "index", "order"])
def test_a_flipped_bit_is_refused(release: Made, tmp_path: Path, kind: str) -> None:
    root = copy(release, tmp_path / "release")
    path = damaged(root, release[1], kind, flip)
    with pytest.raises(IntegrityError, match=r"refused: its content differs from its SHA-256") as caught:
        pull(LocalStore(root), tmp_path / "work")
    assert path in caught.value.message
    home = tmp_path / "work" / "snapshots" / "small"
    assert not list(home.rglob("manifest.json"))
    assert not (home / "latest").exists()
    assert not (home / release[1].version / path).exists()
    with pytest.raises(UserError, match="no snapshot"):
        open_snapshot("small", tmp_path / "work")


def test_a_cut_and_a_missing_file_are_refused(release: Made, tmp_path: Path) -> None:
    root = copy(release, tmp_path / "release")
    damaged(root, release[1], "chunks", lambda path: path.write_bytes(path.read_bytes()[:-3]))
    with pytest.raises(IntegrityError, match="bytes, not"):
        pull(LocalStore(root), tmp_path / "work")
    damaged(root, release[1], "chunks", Path.unlink)
    with pytest.raises(IntegrityError, match="lacks chunks/"):
        pull(LocalStore(root), tmp_path / "work")


def test_links_are_refused(release: Made, tmp_path: Path) -> None:
    root = copy(release, tmp_path / "release")

    def to_link(path: Path) -> None:
        path.rename(tmp_path / "moved")
        path.symlink_to(tmp_path / "moved")

    damaged(root, release[1], "documents", to_link)
    with pytest.raises(IntegrityError, match="link"):
        pull(LocalStore(root), tmp_path / "work")


def test_a_folder_here_that_leads_elsewhere_is_not_written_to(release: Made, tmp_path: Path) -> None:
    directory = tmp_path / "work" / "snapshots" / "small" / release[1].version
    directory.mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (directory / "documents").symlink_to(tmp_path / "outside")
    with pytest.raises(IntegrityError, match="link"):
        pull(LocalStore(release[0]), tmp_path / "work")
    assert not list((tmp_path / "outside").rglob("*.parquet"))


def resealed(root: Path, **changes: Any) -> None:
    body = {**json.loads((root / "release.json").read_text()), **changes}
    write_json(root / "release.json", sealed({k: v for k, v in body.items() if k != "digest"}))


@pytest.mark.parametrize("content", [b"\x80\x04cposix\nsystem\n.", b"PAR1 is not all", b""])
def test_a_file_of_another_format_is_refused(release: Made, tmp_path: Path, content: bytes) -> None:
    """Its digest is right: the release itself is ill-meant."""
    root = copy(release, tmp_path / "release")
    path = damaged(root, release[1], "documents", lambda path: path.write_bytes(content))
    listed = [
        {**f.as_dict(), "size": len(content), "sha256": hashlib.sha256(content).hexdigest()} if f.path == path
        else f.as_dict()
        for f in release[1].files
    ]  # fmt: skip
    resealed(root, files=listed)
    with pytest.raises(IntegrityError, match=r"no (whole )?\.parquet file"):
        pull(LocalStore(root), tmp_path / "work")


@pytest.mark.parametrize(("at", "value"), [(0, b"IwPQ"), (4, b"\xff\xff\xff\x7f"), (8, b"\xff" * 7), (37, b"\xff" * 7)])
def test_an_index_that_lies_about_itself_is_refused(release: Made, tmp_path: Path, at: int, value: bytes) -> None:
    """Its digest is right, and faiss would believe it."""
    root = copy(release, tmp_path / "release")
    path = damaged(
        root, release[1], "index",
        lambda path: path.write_bytes(path.read_bytes()[:at] + value + path.read_bytes()[at + len(value) :]),
    )  # fmt: skip
    sha256 = hashlib.sha256((root / path).read_bytes()).hexdigest()
    resealed(root, files=[{**f.as_dict(), **({"sha256": sha256} if f.path == path else {})} for f in release[1].files])
    with pytest.raises(IntegrityError, match=r"no flat index|no \.faiss file"):
        pull(LocalStore(root), tmp_path / "work")


def test_a_hostile_manifest_writes_nothing_outside(release: Made, tmp_path: Path) -> None:
    root = copy(release, tmp_path / "release")
    for path in ("../../../../evil", "/tmp/evil", "documents/swh_Latn/x.pkl"):
        resealed(root, files=[{**release[1].files[0].as_dict(), "path": path}])
        with pytest.raises(IntegrityError, match="no release has"):
            pull(LocalStore(root), tmp_path / "work")
    resealed(root, name="../../evil")
    with pytest.raises(IntegrityError, match="its name"):
        pull(LocalStore(root), tmp_path / "work")
    assert not list(tmp_path.rglob("*evil*"))


def test_files_nobody_names_stay_away(release: Made, tmp_path: Path) -> None:
    root = copy(release, tmp_path / "release")
    (root / "load.py").write_text("raise SystemExit")
    done = pull(LocalStore(root), tmp_path / "work")
    assert not list(done.directory.rglob("*.py"))


def test_a_newer_format_is_refused(release: Made, tmp_path: Path) -> None:
    root = copy(release, tmp_path / "release")
    resealed(root, format=99)
    with pytest.raises(IntegrityError, match="format 99"):
        pull(LocalStore(root), tmp_path / "work")


@pytest.mark.parametrize("kind", ["documents", "chunks", "vectors", "index", "order", "notice"])
def test_verify_finds_what_changed_after_the_pull(release: Made, tmp_path: Path, kind: str) -> None:
    done = pull(LocalStore(release[0]), tmp_path)
    path = damaged(done.directory, release[1], kind, flip)
    problems = list(verify(open_snapshot("small", tmp_path)))
    assert problems
    assert all(path.rpartition("/")[0] in one for one in problems)
    assert pull(LocalStore(release[0]), tmp_path).files == 1
    assert not list(verify(open_snapshot("small", tmp_path)))
    damaged(done.directory, release[1], kind, Path.unlink)
    assert any(path in one and "missing" in one for one in verify(open_snapshot("small", tmp_path), quick=True))


def test_verify_finds_strangers_swaps_and_edits(release: Made, tmp_path: Path) -> None:
    done = pull(LocalStore(release[0]), tmp_path)
    got = open_snapshot("small", tmp_path)
    (done.directory / "documents" / "extra.parquet").write_bytes(b"PAR1PAR1")
    assert ["extra.parquet" in one for one in verify(got)] == [True]
    (done.directory / "documents" / "extra.parquet").unlink()
    first, second = (done.directory / f.path for f in read_release(done.directory / "release.json").of("vectors")[:2])
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    assert len(list(verify(got))) == 2
    text = (done.directory / "release.json").read_text()
    (done.directory / "release.json").write_text(text.replace("wiki", "wika"))
    assert ["altered" in one for one in verify(got)] == [True]
