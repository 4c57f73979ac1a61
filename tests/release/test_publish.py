"""Publishing to a Hub on loopback, through its real client: what is sent, what is not, and what goes wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hub_uploads import UploadHub
from release_work import REPOSITORY, TOKEN, Made, build, changed, documents, published, tree

from m4corpus.errors import IntegrityError, UserError
from m4corpus.release import publish as publishing
from m4corpus.release.make import Options, make
from m4corpus.release.publish import dry_run, publish
from m4corpus.release.secrets import scrubbed
from m4corpus.snapshot import Snapshot


def test_what_is_published_is_what_was_built(hub: UploadHub, release: Made) -> None:
    done = publish(*release, REPOSITORY, private=True)
    assert published(hub) == tree(release[0])
    assert hub.private[REPOSITORY] is True
    assert hub.branches[REPOSITORY] == {"main": done.commit, release[1].version: done.commit}
    assert sorted(path for path, _ in done.change.added) == sorted(tree(release[0]))
    # Large files went through LFS, small ones in the commit.
    assert len(hub.objects) == len({content for content in tree(release[0]).values() if len(content) > hub.lfs})


def test_a_version_is_seen_when_all_of_it_is_there(
    hub: UploadHub, release: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "FILES", 7)
    publish(*release, REPOSITORY)
    versions = list(hub.repos[REPOSITORY].values())
    assert len(versions) > 6
    for files in versions[:-1]:
        assert "release.json" not in files
        assert "README.md" not in files
    names = {file.path for file in release[1].files}
    assert names <= versions[-1].keys()


def test_nothing_is_sent_twice(hub: UploadHub, release: Made) -> None:
    publish(*release, REPOSITORY)
    before, sent = hub.branches[REPOSITORY]["main"], len(hub.uploaded())
    again = publish(*release, REPOSITORY)
    assert again.change.added == []
    assert again.commit == before
    assert hub.branches[REPOSITORY]["main"] == before
    assert len(hub.uploaded()) == sent
    assert len(set(hub.uploaded())) == sent


def test_a_new_version_sends_what_changed_and_the_old_one_stays(hub: UploadHub, release: Made, tmp_path: Path) -> None:
    first = publish(*release, REPOSITORY)
    id = next(one.id for one in documents() if one.language == "swh")
    edited = changed(documents(), id, lambda one: replace(one, text=one.text + "\n\nNa zaidi."))
    newer = make(build(tmp_path, edited), tmp_path, Options(REPOSITORY), None, lambda *_: None)
    second = publish(*newer, REPOSITORY)
    assert published(hub) == tree(newer[0])
    assert published(hub, release[1].version) == tree(release[0])
    assert second.change.bytes < first.change.bytes / 2
    kept = {"arb_Arab", "jpn_Jpan", "und"}
    assert not any(path.split("/")[1] in kept for path, _ in second.change.added if "/" in path)
    assert second.change.removed
    assert hub.branches[REPOSITORY][release[1].version] == first.commit


def test_a_dry_run_sends_and_asks_nothing(hub: UploadHub, release: Made) -> None:
    change = dry_run(*release, "me/never")
    assert sorted(path for path, _ in change.added) == sorted(tree(release[0]))
    assert change.bytes == sum(map(len, tree(release[0]).values()))
    assert hub.requests == []
    publish(*release, REPOSITORY)
    count = len(hub.requests)
    assert {path for path, _ in dry_run(*release, REPOSITORY).added} == {"release.json", "README.md"}
    assert len(hub.requests) == count


def test_another_branch(hub: UploadHub, release: Made) -> None:
    publish(*release, REPOSITORY, branch="trial")
    assert published(hub, "trial") == tree(release[0])
    assert published(hub, "main") == {}


def test_a_version_does_not_change_unnoticed(hub: UploadHub, snapshot: Snapshot, release: Made, tmp_path: Path) -> None:
    publish(*release, REPOSITORY)
    other = make(snapshot, tmp_path, Options(REPOSITORY, ids_only=True), None, lambda *_: None)
    count = len(hub.sent())
    with pytest.raises(UserError, match="published already") as caught:
        publish(*other, REPOSITORY)
    assert "--replace" in caught.value.hint
    assert [r.path for r in hub.sent()[count:]] == ["/api/repos/create"]
    publish(*other, REPOSITORY, replace=True)
    assert published(hub, release[1].version) == tree(other[0])


def test_a_file_that_was_changed_after_it_was_built(hub: UploadHub, snapshot: Snapshot, tmp_path: Path) -> None:
    root, found = make(snapshot, tmp_path, Options(REPOSITORY), None, lambda *_: None)
    path = root / found.of("vectors")[0].path
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError, match="not as it was built"):
        publish(root, found, REPOSITORY)
    assert "release.json" not in published(hub)


@pytest.mark.parametrize(
    "text", ["hf_abcDEF123456", "Bearer abc.def-12345", "https://me:secret@host/x", "http://h?X-Sig=s3cret"]
)
def test_scrubbing(text: str) -> None:
    said = scrubbed(f"error at {text}, sorry", None, "")
    assert said.startswith("error at ")
    assert said.endswith(", sorry")
    assert "s3cret" not in said
    assert not {"hf_abcDEF123456", "abc.def-12345", "me:secret"} & set(said.replace("@", " ").replace("/", " ").split())
    assert scrubbed("a-b-c d", "a-b-c") == "[removed] d"


@pytest.mark.parametrize("name", ["", "small", "a/b/c", "../x", "a/..", "me/sm all", "me/-x", "me/x\n"])
def test_names_of_repositories(name: str) -> None:
    with pytest.raises(UserError, match="repository"):
        publishing.repository_name(name)


def test_the_command(hub: UploadHub, snapshot: Snapshot, tmp_path: Path) -> None:
    from m4corpus.cli.main import cli

    workdir = snapshot.directory.parents[2]
    scores = tmp_path / "scores.json"
    scores.write_text(json.dumps({"queries": {"all": 4}, "scores": {"all": {"nDCG@10": 0.5}}, "unjudged": 0}))
    common = ["publish", "small", REPOSITORY, "--workdir", str(workdir)]

    def run(*arguments: str) -> Any:
        done = CliRunner().invoke(cli, [*common, *arguments])
        assert done.exit_code == 0, (done.output, done.exception)
        return done

    out = tmp_path / "out"
    done = run("--out", str(out), "--evaluation", str(scores))
    assert hub.requests == []
    assert (out / "release.json").is_file()
    assert "nDCG@10" in (out / "README.md").read_text()
    assert "nothing was sent" in done.stderr
    said = json.loads(run("--dry-run", "--json").stdout)
    assert hub.requests == []
    assert said["sent"] is False
    assert said["bytes"] > 10_000
    done = run("--json", "--private")
    assert json.loads(done.stdout)["commit"] == hub.branches[REPOSITORY]["main"]
    assert TOKEN not in done.output
