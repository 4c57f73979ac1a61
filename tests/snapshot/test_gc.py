"""What a collection deletes, what it keeps, and what it frees."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from snapshot_work import artifact, labelled, made

from m4corpus.cli.snapshot import command
from m4corpus.errors import IntegrityError, LockedError, UserError
from m4corpus.snapshot import Snapshot, open_snapshot
from m4corpus.snapshot.gc import Doomed, Sweep, plan, sweep
from m4corpus.snapshot.layout import Home
from m4corpus.storage.lock import locked


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Three versions, of which each is made of artifacts of its own."""
    for count in (1, 2, 3):
        snapshot = made(tmp_path / "work", [labelled(f"d{n}") for n in range(count)])
        # Versions are told apart by when they were written.
        os.utime(snapshot.directory / "manifest.json", (count, count))
    return tmp_path / "work"


def collect(work: Path, **options: Any) -> None:
    sweep(work, plan(work, **options))


def versions(work: Path) -> list[str]:
    return Home(work / "snapshots" / "made").versions()


def whole(snapshot: Snapshot) -> bool:
    return not any(list(snapshot.artifact(stage).problems()) for stage in snapshot.manifest["artifacts"])


def artifacts(work: Path) -> set[str]:
    return {path.name for path in (work / "made").iterdir()}


def test_what_a_version_needs_stays(work: Path) -> None:
    before = artifacts(work)
    collect(work)
    assert artifacts(work) == before
    assert all(whole(open_snapshot(f"made@{version}", work)) for version in versions(work))


def test_the_artifacts_of_nobody_go(work: Path) -> None:
    made_now = artifact(work / "made" / "chunk-0123456789ab", "chunk", [], 1)
    planned = plan(work)
    assert [d.path for d in planned.artifacts] == [made_now.directory]
    assert planned.freed == sum(p.stat().st_size for p in made_now.directory.rglob("*") if p.is_file())
    sweep(work, planned)
    assert not made_now.directory.exists()


def test_the_latest_run_keeps_its_artifacts(work: Path) -> None:
    name = artifact(work / "made" / "chunk-0123456789ab", "chunk", [], 1).directory.name
    (work / "made" / "latest.json").write_text(json.dumps({"chunk": name}))
    assert plan(work).artifacts == []
    (work / "made" / "latest.json").write_text("{")
    planned = plan(work)
    assert planned.artifacts == []
    assert "latest.json" in planned.kept[0]


def test_keep_counts_the_newest_and_spares_the_tagged(work: Path) -> None:
    first, second, third = versions(work)
    Home(work / "snapshots" / "made").set_tag("v1", first)
    collect(work, keep=1)
    assert versions(work) == [first, third]
    assert len(artifacts(work)) == 8
    assert whole(open_snapshot("made@v1", work))
    assert whole(open_snapshot("made", work))
    with pytest.raises(UserError):
        open_snapshot(f"made@{second}", work)


def test_dropping_the_newest_makes_the_one_before_the_newest(work: Path) -> None:
    _, second, third = versions(work)
    collect(work, drop=[f"made@{third}"])
    assert open_snapshot("made", work).manifest["version"] == second
    collect(work, drop=[f"made@{version}" for version in versions(work)])
    assert versions(work) == []
    assert artifacts(work) == set()
    with pytest.raises(UserError, match="no snapshot"):
        open_snapshot("made", work)


def test_a_version_that_does_not_exist_or_has_a_tag_is_not_dropped(work: Path) -> None:
    version = versions(work)[0]
    with pytest.raises(UserError, match="no version"):
        plan(work, drop=["made@000000000000"])
    Home(work / "snapshots" / "made").set_tag("v1", version)
    with pytest.raises(UserError, match="v1") as caught:
        plan(work, drop=[f"made@{version}"])
    assert "--delete" in caught.value.hint


def test_a_damaged_manifest_stops_everything_unless_it_is_dropped(work: Path) -> None:
    first = versions(work)[0]
    (work / "snapshots/made" / first / "manifest.json").write_text("{}")
    with pytest.raises(IntegrityError, match=first) as caught:
        plan(work, keep=3)
    assert "--drop" in caught.value.hint
    collect(work, drop=[f"made@{first}"])
    assert len(versions(work)) == 2
    assert len(artifacts(work)) == 8


def test_links_between_artifacts_free_nothing_until_the_last_goes(work: Path) -> None:
    one = artifact(work / "made" / "dedup-0123456789ab", "dedup", [labelled("x", "y" * 5000)], 1).directory
    two = work / "made" / "dedup-ba9876543210"
    two.mkdir()
    for name in ("part-00000.parquet", "manifest.json"):
        os.link(one / name, two / name)
    (work / "made" / "latest.json").write_text(json.dumps({"dedup": two.name}))
    planned = plan(work)
    shared = (two / "part-00000.parquet").stat().st_size + (two / "manifest.json").stat().st_size
    assert [d.path for d in planned.artifacts] == [one]
    assert planned.freed == planned.artifacts[0].bytes - shared
    sweep(work, planned)
    assert (two / "part-00000.parquet").stat().st_nlink == 1
    (work / "made" / "latest.json").unlink()
    assert plan(work).freed == shared


def test_unfinished_builds_and_pulls_stay_unless_asked(work: Path) -> None:
    build, remains = work / "made" / "embed-0123456789ab", work / "made" / "embed-ba9876543210"
    (build / "work").mkdir(parents=True)
    remains.mkdir()
    (remains / "part-00000.parquet").write_bytes(b"x")
    pull = work / "snapshots" / "made" / "0123456789ab" / ".pull"
    pull.mkdir(parents=True)
    (pull / "part").write_bytes(b"x")
    (work / "snapshots" / "made" / "ba9876543210").mkdir()
    planned = plan(work)
    assert {d.path.name for d in planned.artifacts} == {remains.name}
    assert {d.path.name for d in planned.versions} == {"ba9876543210"}
    assert len(planned.kept) == 2
    collect(work, unfinished=True)
    assert not build.exists()
    assert not pull.parent.exists()
    assert len(versions(work)) == 3


def test_crawls_caches_and_what_is_not_ours_stay(work: Path, tmp_path: Path) -> None:
    for name in ("crawl-00001", "chunk-notahexdigit", "notes"):
        (work / "made" / name).mkdir()
    (work / "cache" / "chunk-0123456789ab").mkdir(parents=True)
    collect(work)
    assert {"crawl-00001", "chunk-notahexdigit", "notes"} <= artifacts(work)
    assert (work / "cache" / "chunk-0123456789ab").is_dir()


def test_links_out_of_the_work_directory_are_not_followed(work: Path, tmp_path: Path) -> None:
    outside = artifact(tmp_path / "outside" / "dedup-0123456789ab", "dedup", [labelled("x")], 1).directory
    files = sorted(path.name for path in outside.rglob("*"))
    (work / "linked").symlink_to(outside.parent)
    (work / "made" / "dedup-0123456789ab").symlink_to(outside)
    mine = artifact(work / "made" / "dedup-ba9876543210", "dedup", [], 1).directory
    (mine / "inside").symlink_to(outside)
    (work / "snapshots" / "made" / "ba9876543210").symlink_to(outside)
    collect(work, keep=1, unfinished=True)
    assert not mine.exists()
    assert sorted(path.name for path in outside.rglob("*")) == files
    swapped = Sweep(artifacts=[Doomed(work / "made" / "dedup-0123456789ab", "", 0)])
    with pytest.raises(IntegrityError, match="leads out"):
        sweep(work, swapped)


def run(work: Path, *arguments: str) -> Any:
    return CliRunner().invoke(command, ["gc", "--workdir", str(work), *arguments])


def test_the_command_says_first_and_does_it_when_told(work: Path) -> None:
    told = json.loads(run(work, "--keep", "1", "--json").output)
    assert told["deleted"] is False
    assert len(told["versions"]) == 2
    assert len(told["artifacts"]) == 8
    assert len(versions(work)) == 3
    text = run(work, "--keep", "1").output
    assert "this would free" in text
    assert "--yes" in text
    assert "freed" in run(work, "--keep", "1", "--yes").output
    assert len(versions(work)) == 1
    assert "nothing to delete" in run(work, "--yes").output


def test_a_run_keeps_it_out(work: Path) -> None:
    with locked(work):
        assert isinstance(run(work, "--yes").exception, LockedError)
        assert run(work).exit_code == 0


def test_versions_that_were_pulled(work: Path, tmp_path: Path) -> None:
    """They have their files themselves, and no artifacts."""
    from m4corpus.storage.artifact import sealed
    from m4corpus.storage.atomic import write_json

    home = work / "snapshots" / "pulled"
    body = {"format": 1, "kind": "release", "name": "pulled", "version": "0123456789ab", "artifacts": {}}
    write_json(home / "0123456789ab" / "manifest.json", sealed(body))
    (home / "0123456789ab" / "data.parquet").write_bytes(b"x" * 1000)
    (home / "latest").write_text("0123456789ab")
    before = artifacts(work)
    collect(work, keep=1)
    assert (home / "0123456789ab" / "data.parquet").exists()
    planned = plan(work, drop=["pulled@0123456789ab"])
    assert planned.freed > 1000
    sweep(work, planned)
    assert not (home / "0123456789ab").exists()
    assert len(before - artifacts(work)) == 8
