"""Tags: other names of versions, which nobody can take for a version."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from snapshot_work import labelled, made

from m4corpus.cli.snapshot import command
from m4corpus.errors import IntegrityError, M4CorpusError, UserError
from m4corpus.snapshot import open_snapshot
from m4corpus.snapshot.layout import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made(tmp_path, [labelled("a")])
    made(tmp_path, [labelled("a"), labelled("b")])
    return Home(tmp_path / "snapshots" / "made")


def tag(home: Home, *arguments: str) -> None:
    result = CliRunner().invoke(command, ["tag", *arguments, "--workdir", str(home.path.parents[1])])
    if isinstance(result.exception, M4CorpusError):
        raise result.exception
    assert result.exit_code == 0, result.output


def opened(home: Home, name: str) -> str:
    return str(open_snapshot(name, home.path.parents[1]).manifest["version"])


def test_a_tag_names_a_version(home: Home) -> None:
    old, new = home.versions()
    tag(home, "made", "v2")
    tag(home, f"made@{old}", "v1")
    assert opened(home, "made@v1") == old
    assert opened(home, "made@v2") == new
    assert home.tags() == {"v1": old, "v2": new}
    tag(home, "made@v1", "also")
    assert opened(home, "made@also") == old


def test_a_tag_is_moved_on_request_only(home: Home) -> None:
    old, new = home.versions()
    tag(home, f"made@{old}", "v1")
    tag(home, f"made@{old}", "v1")
    with pytest.raises(UserError, match=old) as caught:
        tag(home, "made", "v1")
    assert "--force" in caught.value.hint
    assert opened(home, "made@v1") == old
    tag(home, "made", "v1", "--force")
    assert opened(home, "made@v1") == new


def test_a_deleted_tag_is_gone_and_its_version_is_not(home: Home) -> None:
    tag(home, "made", "v1")
    tag(home, "made", "v1", "--delete")
    assert home.tags() == {}
    with pytest.raises(UserError, match="no tag"):
        tag(home, "made", "v1", "--delete")
    with pytest.raises(UserError, match="no snapshot made@v1") as caught:
        opened(home, "made@v1")
    assert all(version in caught.value.hint for version in home.versions())


@pytest.mark.parametrize(
    "name",
    ["0123456789ab", "0123456789AB", "latest", "", ".hidden", "-v1", "a/b", "../up", "a b", "a@b", "x" * 65, "é"],
)
def test_what_cannot_be_a_tag(home: Home, name: str) -> None:
    with pytest.raises(UserError, match="tag"):
        home.set_tag(name, home.versions()[0])
    assert not list(home.path.glob("tags/*"))


@pytest.mark.parametrize("name", ["made@../made/{}", "made@..", "made@./{}"])
def test_a_version_is_no_path(home: Home, name: str) -> None:
    with pytest.raises(UserError, match="no snapshot"):
        opened(home, name.format(home.versions()[0]))


@pytest.mark.parametrize("content", [b"", b"\xff", b"../../x", b"nothing"])
def test_a_damaged_tag_is_named(home: Home, content: bytes) -> None:
    tag(home, "made", "v1")
    (home.path / "tags" / "v1").write_bytes(content)
    with pytest.raises(IntegrityError, match="v1"):
        opened(home, "made@v1")
    tag(home, "made", "v1", "--force")
    assert opened(home, "made@v1") == home.versions()[1]


def test_a_tag_of_a_version_that_is_gone_is_told(home: Home) -> None:
    old = home.versions()[0]
    tag(home, f"made@{old}", "v1")
    (home.path / old / "manifest.json").unlink()
    with pytest.raises(IntegrityError, match="tags/v1"):
        opened(home, "made@v1")
