"""A snapshot carries what its queries take: moved, deleted or changed at its place, it is still searched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from release_work import answers, build, centred

from m4corpus.errors import UserError
from m4corpus.snapshot import Snapshot, create, open_snapshot, verify
from m4corpus.snapshot.gc import plan, sweep
from m4corpus.storage.artifact import Artifact


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with what was learnt, ``means.npz``, beside its work directory."""
    root = tmp_path_factory.mktemp("carried")
    build(root / "work", encoder=centred(root / "means.npz"))
    return root


def again(snapshot: Snapshot, work: Path, base: Path, file: str) -> Path:
    """Make the snapshot anew from a recipe in ``base`` that names ``file``, as `snapshot create` does."""
    stages = snapshot.manifest["artifacts"]
    made = {stage: Artifact.open(snapshot.place(stage)) for stage in stages}
    recipe = {**snapshot.manifest["recipe"], "embed": {"encoder": {"postprocess": {"file": file}}}}
    return create(work, "small", recipe, made, base=base)


def damage(snapshot: Snapshot, *, quick: bool = False) -> list[str]:
    """What is wrong with the file, of all that verify says: the ledgers of these artifacts are made up."""
    return [problem for problem in verify(snapshot, quick=quick) if "postprocess" in problem]


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "project", copy_function=os.link)
    for name in ("manifest.json", "encoder"):
        place = next((tmp_path / "project" / "work" / "snapshots" / "small").glob(f"*/{name}"))
        shutil.rmtree(place) if place.is_dir() else place.unlink()
        source = next((made / "work" / "snapshots" / "small").glob(f"*/{name}"))
        shutil.copytree(source, place) if source.is_dir() else shutil.copyfile(source, place)
    return tmp_path / "project"


def test_the_file_is_listed_and_answers(made: Path) -> None:
    snapshot = open_snapshot("small", made / "work")
    (file,) = snapshot.manifest["files"]
    assert file["sha256"] == snapshot.manifest["encoder"]["config"]["postprocess"]["sha256"]
    assert (snapshot.directory / file["path"]).stat().st_size == file["size"]
    before = answers(snapshot)
    (made / "means.npz").rename(made / "moved.npz")
    try:
        assert answers(open_snapshot("small", made / "work")) == before
        assert damage(snapshot) == []
    finally:
        (made / "moved.npz").rename(made / "means.npz")


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize(
    ("change", "said"),
    [(Path.unlink, "missing"), (lambda path: path.write_bytes(path.read_bytes()[:-1]), "the manifest says"),
     (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"), "SHA-256")],
)  # fmt: skip
def test_verify_names_it(project: Path, change: Callable[[Path], object], said: str, quick: bool) -> None:
    snapshot = open_snapshot("small", project / "work")
    path = snapshot.directory / snapshot.manifest["files"][0]["path"]
    change(path)
    found = damage(snapshot, quick=quick)
    assert [said in problem and str(path) in problem for problem in found] == (
        [] if quick and said == "SHA-256" else [True]
    )
    # Making the snapshot again puts it back.
    again(snapshot, project / "work", project, "means.npz")
    assert damage(open_snapshot("small", project / "work")) == []


def test_a_snapshot_of_an_earlier_version_gets_it(project: Path) -> None:
    from m4corpus.storage.artifact import sealed
    from m4corpus.storage.atomic import write_json

    snapshot = open_snapshot("small", project / "work")
    shutil.rmtree(snapshot.directory / "encoder")
    write_json(
        snapshot.directory / "manifest.json",
        sealed({key: value for key, value in snapshot.manifest.items() if key not in ("files", "digest")}),
    )
    assert damage(open_snapshot("small", project / "work")) == []
    # The vectors were made when the file lay elsewhere; the recipe knows where it is now.
    assert again(snapshot, project / "work", project, "means.npz") == snapshot.directory
    now = open_snapshot("small", project / "work")
    assert now.manifest["files"] == snapshot.manifest["files"]
    assert answers(now) == answers(snapshot)


def test_no_snapshot_without_it(project: Path, made: Path) -> None:
    snapshot = open_snapshot("small", project / "work")
    shutil.rmtree(snapshot.directory / "encoder")
    (project / "means.npz").unlink()
    (made / "means.npz").rename(made / "hidden.npz")
    try:
        with pytest.raises(UserError, match="not there any more, or was changed") as caught:
            again(snapshot, project / "work", project, "means.npz")
    finally:
        (made / "hidden.npz").rename(made / "means.npz")
    assert "Put the file back" in caught.value.hint


def test_a_collection_that_was_killed_leaves_nothing_behind(project: Path) -> None:
    """The manifest goes first; what the version carried is no reason to keep its directory."""
    snapshot = open_snapshot("small", project / "work")
    (snapshot.directory / "manifest.json").unlink()
    planned = plan(project / "work")
    assert [doomed.path for doomed in planned.versions] == [snapshot.directory]
    sweep(project / "work", planned)
    assert not snapshot.directory.exists()
