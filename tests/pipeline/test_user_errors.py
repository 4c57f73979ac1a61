"""A user's mistake gives one clear message, what to do next, a documented exit code, and no traceback."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from projects import fingerprints


def refused(done: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_unknown_key(project, tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(project.recipe.read_text().replace("overlap", "overlapp"))
    refused(project.m4corpus("run", recipe, check=False), 2, "r.yaml:8", "chunk.overlapp", "did you mean 'overlap'")


def test_missing_recipe_and_missing_source(project, tmp_path: Path) -> None:
    refused(project.m4corpus("run", tmp_path / "none.yaml", check=False), 2, "none.yaml")
    recipe = tmp_path / "r.yaml"
    recipe.write_text(project.recipe.read_text())
    refused(project.m4corpus("run", recipe, "--workdir", tmp_path / "w", check=False), 2, "pages")


def test_unknown_encoder(project, tmp_path: Path) -> None:
    recipe = project.root / "unknown-encoder.yaml"
    recipe.write_text(project.recipe.read_text() + "embed: {encoder: {name: use-multilingal}}\n")
    done = project.m4corpus("run", recipe, "--workdir", tmp_path / "w", check=False)
    refused(done, 2, "use-multilingal", "use-multilingual")


@pytest.mark.parametrize(
    ("addition", "word"),
    [("filter: {languages: [klingon]}", "klingon"), ("chunk: {size: 100000}", "100000")],
)
def test_what_only_a_late_stage_would_refuse_is_found_before_anything_runs(
    project, tmp_path: Path, addition: str, word: str
) -> None:
    recipe = project.root / "late.yaml"
    recipe.write_text(project.recipe.read_text().replace("chunk: {size: 96, overlap: 16}", "") + addition + "\n")
    done = project.m4corpus("run", recipe, "--workdir", tmp_path / "w", check=False)
    refused(done, 2, word)
    assert not (tmp_path / "w" / "small").exists()


def test_unknown_snapshot(project, built) -> None:
    done = project.m4corpus("search", "smol", "kites", "--workdir", built.workdir, check=False)
    refused(done, 2, "smol", "Known there: small")


def test_stage_whose_inputs_are_missing(project, tmp_path: Path) -> None:
    done = project.m4corpus("run", project.recipe, "--stage", "dedup", "--workdir", tmp_path / "w", check=False)
    refused(done, 2, "dedup", "read", "not built")


def test_a_second_run_on_one_work_directory(project, tmp_path: Path) -> None:
    first = subprocess.Popen(
        project.command("run", project.recipe, "--workdir", tmp_path / "w", "--workers", "1"),
        cwd=project.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while first.poll() is None and not (tmp_path / "w" / "lock.json").is_file():
        time.sleep(0.01)
    done = project.m4corpus("run", project.recipe, "--workdir", tmp_path / "w", check=False)
    first.kill()
    first.wait()
    refused(done, 3, "another run is using", f"process {first.pid}")


def test_read_only_work_directory(project, tmp_path: Path) -> None:
    """Root may write anywhere, so the file system itself is made read-only."""
    with mounted(tmp_path / "ro", "size=10m,ro"):
        done = project.m4corpus("run", project.recipe, "--workdir", tmp_path / "ro" / "w", check=False)
    refused(done, 6, "read-only", "--workdir")


def test_full_disk_and_then_room(project, built, tmp_path: Path) -> None:
    mount = tmp_path / "small"
    with mounted(mount, "size=300k"):
        done = project.m4corpus("run", project.recipe, "--workdir", mount / "w", check=False)
        refused(done, 6, "no space left", "resumes")
        subprocess.run(["mount", "-o", "remount,size=200m", str(mount)], check=True)
        summary = project.run(mount / "w")
        assert fingerprints(summary) == fingerprints(built.summary)


class mounted:
    """A tmpfs at ``path`` for the block; skips the test where mounting is not allowed."""

    def __init__(self, path: Path, options: str) -> None:
        self.path, self.options = path, options

    def __enter__(self) -> None:
        self.path.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", self.options, "tmpfs", str(self.path)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("needs the right to mount a file system")

    def __exit__(self, *error: object) -> None:
        subprocess.run(["umount", "-l", str(self.path)], check=True)
