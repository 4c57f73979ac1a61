"""Pulling: what arrives answers as the original does, and what is not as the release says is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hub_uploads import UploadHub
from release_work import QUESTIONS, REPOSITORY, Made, answers, build, changed, documents, tree

from m4corpus.errors import UserError
from m4corpus.release.make import Options, make
from m4corpus.release.publish import publish
from m4corpus.release.pull import pull
from m4corpus.release.stores import FsspecStore, HubStore, LocalStore, store_of
from m4corpus.snapshot import Snapshot, open_snapshot, verify


def test_a_round_trip_through_the_hub(hub: UploadHub, snapshot: Snapshot, release: Made, tmp_path: Path) -> None:
    publish(*release, REPOSITORY)
    done = pull(HubStore(REPOSITORY, release[1].version), tmp_path)
    got = open_snapshot("small", tmp_path)
    assert got.directory == done.directory
    assert got.name == snapshot.name
    for k in (1, 3, 10, 500):
        assert answers(got, k) == answers(snapshot, k)
    assert answers(got, 5, languages=["sw", "ja"]) == answers(snapshot, 5, languages=["sw", "ja"])
    assert list(verify(got)) == []
    assert list(verify(got, quick=True)) == []
    # A second pull finds everything here.
    assert pull(HubStore(REPOSITORY, ""), tmp_path).files == 0
    assert not list(tmp_path.rglob("*.part"))
    assert not list(done.directory.rglob(".cache"))


def test_a_process_that_has_only_the_package(
    hub: UploadHub, snapshot: Snapshot, release: Made, tmp_path: Path, elsewhere: dict[str, str]
) -> None:
    publish(*release, REPOSITORY)
    home = tmp_path / "empty"
    home.mkdir()
    elsewhere["PYTHONPATH"] = str(Path(__file__).parents[2])

    def m4corpus(*arguments: str) -> str:
        command = [sys.executable, "-m", "m4corpus", *arguments]
        done = subprocess.run(command, cwd=home, env=elsewhere, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = json.loads(m4corpus("pull", f"{REPOSITORY}@{release[1].version}", "--json"))
    assert said["snapshot"] == snapshot.name
    hits = json.loads(m4corpus("search", "small", QUESTIONS[0], "-k", "7", "--json"))
    wanted = snapshot.search(QUESTIONS[0], 7)
    assert [(h["row"], h["chunk_id"], h["text"]) for h in hits] == [(h.row, h.chunk.id, h.chunk.text) for h in wanted]
    assert "sound" in m4corpus("verify", "small")


def test_only_what_is_asked_for(snapshot: Snapshot, release: Made, tmp_path: Path) -> None:
    done = pull(LocalStore(release[0]), tmp_path, ["Swahili", "jpn"], index_only=True)
    names = tree(done.directory).keys()
    assert {name.split("/")[1] for name in names if name.startswith("index/") and "order" not in name} == {
        "jpn_Jpan", "swh_Latn",
    }  # fmt: skip
    assert not any(name.startswith(("documents", "chunks", "vectors")) for name in names)
    assert "ATTRIBUTION.md" in names
    got = open_snapshot("small", tmp_path)
    assert answers(got, 6) == answers(snapshot, 6, languages=["sw", "ja"])
    assert got.manifest["subset"] == {"languages": ["jpn_Jpan", "swh_Latn"], "kinds": ["index"], "whole": False}
    assert list(verify(got)) == []
    # More can be added, and nothing that is here comes again.
    more = pull(LocalStore(release[0]), tmp_path)
    assert more.files == len(release[1].files) - (len(names) - 2)
    got = open_snapshot("small", tmp_path)
    assert answers(got, 6) == answers(snapshot, 6)
    assert got.manifest["subset"]["whole"]
    assert list(verify(got)) == []


def test_the_hub_is_asked_for_no_more(hub: UploadHub, release: Made, tmp_path: Path) -> None:
    publish(*release, REPOSITORY)
    hub.requests.clear()
    pull(HubStore(REPOSITORY, release[1].version), tmp_path, ["sw"], index_only=True)
    asked = {request.path.partition("/resolve/")[2].partition("/")[2] for request in hub.requests} - {""}
    assert asked == {"release.json"} | {
        file.path
        for file in release[1].files
        if file.kind in ("order", "notice") or (file.kind == "index" and file.language == "swh_Latn")
    }


def test_a_language_that_is_not_there(release: Made, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing in yo") as caught:
        pull(LocalStore(release[0]), tmp_path, ["sw", "yo"])
    assert "swh_Latn" in caught.value.hint
    assert not (tmp_path / "snapshots").exists()


@pytest.mark.parametrize("protocol", ["memory", "file"])
def test_any_address_of_fsspec(snapshot: Snapshot, release: Made, tmp_path: Path, protocol: str) -> None:
    import fsspec

    url = f"memory://bucket/{tmp_path.name}" if protocol == "memory" else f"file://{tmp_path}/there"
    place, root = fsspec.core.url_to_fs(url)
    place.put(str(release[0]), root, recursive=True)
    pull(store_of(url), tmp_path / "work")
    got = open_snapshot("small", tmp_path / "work")
    assert answers(got) == answers(snapshot)
    assert list(verify(got)) == []


def test_addresses(tmp_path: Path) -> None:
    assert isinstance(store_of(str(tmp_path)), LocalStore)
    assert isinstance(store_of("memory://x"), FsspecStore)
    for bad in ("nowhere", "a/b/c", "../x/y", ""):
        with pytest.raises(UserError):
            store_of(bad)
    with pytest.raises(UserError, match="cannot open nonsense://host/x") as caught:
        store_of("nonsense://me:secret@host/x")
    assert "secret" not in str(caught.value)


def test_s3_says_what_to_install() -> None:
    pytest.importorskip("fsspec")
    try:
        import s3fs  # noqa: F401
    except ImportError:
        with pytest.raises(UserError, match="s3://bucket/x") as caught:
            store_of("s3://bucket/x")
        assert "m4corpus[s3]" in caught.value.hint


def test_ids_alone(snapshot: Snapshot, tmp_path: Path) -> None:
    root, _ = make(snapshot, tmp_path, Options(REPOSITORY, ids_only=True), None, lambda *_: None)
    done = pull(LocalStore(root), tmp_path / "work")
    assert done.release.ids_only
    got = open_snapshot("small", tmp_path / "work")
    assert list(verify(got)) == []
    with pytest.raises(UserError, match="no index here") as caught:
        got.search("x")
    assert "recipe" in caught.value.hint
    with pytest.raises(UserError, match="published as ids alone"):
        pull(LocalStore(root), tmp_path / "other", index_only=True)


def test_a_pull_beside_what_was_built_here(snapshot: Snapshot, release: Made, tmp_path: Path) -> None:
    """The same version, built here, is all here; an older version stays while a newer one arrives."""
    id = next(one.id for one in documents() if one.language == "swh")
    edited = changed(documents(), id, lambda one: replace(one, text=one.text + "\n\nNa zaidi."))
    own = build(tmp_path, edited)
    before = tree(own.directory)
    pull(LocalStore(release[0]), tmp_path)
    assert open_snapshot("small", tmp_path).name == snapshot.name
    assert tree(own.directory) == before
    assert answers(open_snapshot(own.name, tmp_path)) == answers(own)
    mine = make(own, tmp_path, Options(REPOSITORY), None, lambda *_: None)
    assert pull(LocalStore(mine[0]), tmp_path).files == 0
    assert tree(own.directory) == before
