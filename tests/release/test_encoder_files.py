"""What queries take besides packages travels with a release, or the release says that it does not."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from release_work import REPOSITORY, Made, answers, build, centred, copy, model, tree

from m4corpus.cli.main import cli
from m4corpus.embed.config import EncoderConfig
from m4corpus.embed.postprocess.learnt import is_plain
from m4corpus.errors import IntegrityError, UserError
from m4corpus.release.make import Options, make
from m4corpus.release.pull import pull
from m4corpus.release.stores import LocalStore
from m4corpus.snapshot import Snapshot, open_snapshot, verify
from m4corpus.snapshot.carried import carry
from m4corpus.storage.artifact import sealed
from m4corpus.storage.atomic import write_json


def released(snapshot: Snapshot, workdir: Path, **options: Any) -> Made:
    return make(snapshot, workdir, Options(REPOSITORY, **options), None, lambda what, done, total: None)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A snapshot with post-processed vectors, whose file is gone from where the recipe had it."""
    root = tmp_path_factory.mktemp("learnt")
    snapshot = build(root / "work", encoder=centred(root / "means.npz"))
    (root / "means.npz").unlink()
    return snapshot


@pytest.fixture(scope="module")
def centred_release(learnt: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return released(learnt, tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models of the same kind, ``mine`` and ``other``."""
    root = tmp_path_factory.mktemp("models")
    model(root / "mine")
    model(root / "other", seed=1)
    return root


@pytest.fixture(scope="module")
def own_model(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """A snapshot whose encoder is the model directory ``mine``."""
    return build(tmp_path_factory.mktemp("own"), encoder=EncoderConfig(name=str(models / "mine")))


def test_only_what_is_a_file_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opened, it would wait for ever
    encoder = {"config": {"postprocess": {"file": str(tmp_path / "mine"), "sha256": hashlib.sha256(b"x").hexdigest()}}}
    (tmp_path / "mine").write_bytes(b"x")
    with pytest.raises(UserError, match="is not there any more"):
        carry(tmp_path / "to", encoder, [tmp_path / "pipe", Path("~nobody-at-all/x.npz"), Path("/dev/zero")])
    assert not (tmp_path / "to").exists()
    assert len(carry(tmp_path / "to", encoder, [tmp_path / "pipe", tmp_path / "mine"])) == 1


@pytest.mark.parametrize("index_only", [False, True])
def test_what_post_processing_learnt_travels(
    learnt: Snapshot, centred_release: Made, tmp_path: Path, index_only: bool
) -> None:
    root, release = centred_release
    (file,) = release.of("encoder")
    assert file.path == f"encoder/postprocess-{file.sha256[:8]}.npz"
    assert file.sha256 == release.snapshot["encoder"]["config"]["postprocess"]["sha256"]
    assert file.path in (root / "README.md").read_text()
    pull(LocalStore(root), tmp_path, ["sw"] if index_only else (), index_only=index_only)
    got = open_snapshot("small", tmp_path)
    assert answers(got, languages=["sw"]) == answers(learnt, languages=["sw"])
    assert list(verify(got)) == []
    (got.directory / file.path).write_bytes(b"PK\x03\x04" + b"x" * (file.size - 4))
    assert [problem for problem in verify(got) if file.path in problem]
    with pytest.raises(UserError, match="not the file expected"):
        open_snapshot("small", tmp_path).search("x")
    assert pull(LocalStore(root), tmp_path, ["sw"], index_only=True).files == 1
    (got.directory / file.path).unlink()
    with pytest.raises(IntegrityError, match=r"postprocess-.*missing") as caught:
        open_snapshot("small", tmp_path).search("x")
    assert "Pull" in caught.value.hint


def test_ids_alone_have_it_too(learnt: Snapshot, tmp_path: Path) -> None:
    """Whoever builds the corpus again needs it."""
    assert released(learnt, tmp_path, ids_only=True)[1].of("encoder")


def test_a_release_of_an_earlier_snapshot(learnt: Snapshot, tmp_path: Path) -> None:
    """One that carries no file: it is taken from where it lay, or nothing is published."""
    shutil.copytree(learnt.directory, old := tmp_path / "work" / "snapshots" / "small" / learnt.directory.name)
    stage = learnt.manifest["encoder"]["config"]["postprocess"]
    place = tmp_path / "means.npz"
    body = json.loads(json.dumps({k: v for k, v in learnt.manifest.items() if k not in ("files", "digest")}))
    body["encoder"]["config"]["postprocess"]["file"] = str(place)
    write_json(old / "manifest.json", sealed(body))
    shutil.copyfile(next((old / "encoder").iterdir()), place)
    shutil.rmtree(old / "encoder")
    shutil.copytree(learnt.directory.parents[2] / "small", tmp_path / "work" / "small")
    snapshot = open_snapshot(old)
    assert released(snapshot, tmp_path / "out")[1].of("encoder")[0].sha256 == stage["sha256"]
    place.write_bytes(b"other")
    with pytest.raises(UserError, match="post-processed") as caught:
        released(snapshot, tmp_path / "out")
    assert "snapshot create" in caught.value.hint


def packed(path: Path) -> None:
    with np.load(path) as arrays:
        held = dict(arrays)
    np.savez_compressed(path, **held)


def objects(path: Path) -> None:
    np.savez(path, header=np.array([{}], dtype=object), mean=np.zeros(2), means=np.zeros((0, 2)))


def endless(path: Path) -> None:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)})
    with zipfile.ZipFile(path, "w") as held:
        for name in ("header", "mean", "means"):
            held.writestr(f"{name}.npy", head.getvalue())


def foreign(path: Path) -> None:
    with zipfile.ZipFile(path, "a") as held:
        held.writestr("../evil.py", "x")


@pytest.mark.parametrize("change", [packed, objects, endless, foreign], ids=lambda change: change.__name__)
def test_a_file_that_post_processing_did_not_write_is_refused(
    centred_release: Made, tmp_path: Path, change: Any
) -> None:
    """Its digest is right: the release itself is ill-meant."""
    root = copy(centred_release, tmp_path / "release")
    (file,) = centred_release[1].of("encoder")
    assert is_plain(root / file.path)
    change(root / file.path)
    assert not is_plain(root / file.path)
    content = (root / file.path).read_bytes()
    body = json.loads((root / "release.json").read_text())
    (entry,) = [one for one in body["files"] if one["kind"] == "encoder"]
    entry |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    write_json(root / "release.json", sealed({k: v for k, v in body.items() if k != "digest"}))
    with pytest.raises(IntegrityError, match="plain arrays"):
        pull(LocalStore(root), tmp_path / "work")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, arguments)


def test_a_model_directory_is_named_and_not_sent(own_model: Snapshot, models: Path, tmp_path: Path) -> None:
    digest = own_model.manifest["encoder"]["identity"]["files"]
    workdir = own_model.directory.parents[2]
    told = run("publish", "small", REPOSITORY, "--dry-run", "--workdir", str(workdir), "--out", str(tmp_path / "out"))
    assert told.exit_code == 0, told.output
    assert "warning: queries need the model directory 'mine'" in told.stderr
    assert digest in told.stderr
    said = json.loads(run("publish", "small", REPOSITORY, "--dry-run", "--workdir", str(workdir), "--json").stdout)
    assert said["needs_model"] == {"name": "mine", "files": digest}
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"queries need this model, which is not part of this release: `mine`, files digest `{digest}`" in card
    assert str(models) not in "".join(map(str, tree(tmp_path / "out").values()))
    assert not list((tmp_path / "out").rglob("*.safetensors"))


def test_a_pulled_release_says_which_model_it_lacks(
    own_model: Snapshot, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root, _ = released(own_model, tmp_path / "out")
    digest = own_model.manifest["encoder"]["identity"]["files"]
    pulled = run("pull", str(root), "--workdir", "work")
    assert digest in pulled.stderr
    assert "--encoder-path" in pulled.stderr
    with pytest.raises(
        UserError, match=f"model directory 'mine' .files digest {digest}., which does not exist"
    ) as lack:
        open_snapshot("small", tmp_path / "work").search("bread")
    assert "--encoder-path" in lack.value.hint
    with pytest.raises(UserError, match="not the one this snapshot was built with") as other:
        open_snapshot("small", tmp_path / "work", encoder_path=models / "other").search("bread")
    assert digest in other.value.message
    with pytest.raises(UserError, match="there is no"):
        open_snapshot("small", tmp_path / "work", encoder_path=tmp_path / "nowhere").search("bread")
    got = open_snapshot("small", tmp_path / "work", encoder_path=models / "mine")
    assert answers(got) == answers(own_model)
    found = run("search", "small", "bread", "--workdir", "work", "--encoder-path", str(models / "mine"), "--json")
    assert [hit["row"] for hit in json.loads(found.stdout)] == [hit.row for hit in own_model.search("bread")]
    # A directory of that name which happens to be here is not trusted for its name.
    shutil.copytree(models / "other", tmp_path / "mine")
    with pytest.raises(IntegrityError, match="not the one this snapshot was built with"):
        open_snapshot("small", tmp_path / "work").search("bread")


def test_an_encoder_that_is_no_directory_takes_none(snapshot: Snapshot, release: Made, models: Path) -> None:
    assert "--encoder-path" not in (release[0] / "README.md").read_text()
    with pytest.raises(UserError, match="no directory"):
        open_snapshot(snapshot.directory, encoder_path=models / "mine").search("bread")
