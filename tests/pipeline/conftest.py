"""A small real corpus, and a way to run recipes as users do: in a process of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

QUICKSTART = Path(__file__).parents[2] / "data" / "quickstart"
LANGUAGES = ("en", "es", "ja", "th", "ar", "sw", "zh-yue", "ko")

RECIPE = """
name: small
partitions: 4
read:
  sources:
    - {{name: small, format: html, path: {pages}}}
clean: {{}}
chunk: {{size: {size}, overlap: 16}}
"""


@dataclass(frozen=True)
class Project:
    """A directory with pages and a recipe."""

    root: Path

    @property
    def recipe(self) -> Path:
        return self.root / "recipe.yaml"

    @property
    def pages(self) -> Path:
        return self.root / "pages"

    def write_recipe(self, size: int = 96) -> Path:
        self.recipe.write_text(RECIPE.format(pages="pages", size=size), encoding="utf-8")
        return self.recipe

    def command(self, *arguments: str | Path) -> list[str]:
        return [sys.executable, "-m", "m4corpus", *map(str, arguments)]

    def m4corpus(self, *arguments: str | Path, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*arguments), cwd=self.root, capture_output=True, text=True, timeout=240, check=False, **options
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def run(self, workdir: Path, *arguments: str | Path) -> dict[str, Any]:
        """Run the recipe; returns the JSON summary."""
        done = self.m4corpus("run", self.recipe, "--workdir", workdir, "--json", *arguments)
        return dict(json.loads(done.stdout))


def copy_pages(target: Path, names: Callable[[list[Path]], list[Path]] = sorted) -> None:
    """The quickstart pages of a few languages, written in the order ``names`` gives them."""
    files = [path for code in LANGUAGES for path in (QUICKSTART / "html" / code).glob("*.html")]
    for path in names(files):
        copy = target / path.relative_to(QUICKSTART / "html")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project over a few languages of the quickstart corpus. Tests must not change its pages."""
    made = Project(tmp_path_factory.mktemp("project"))
    copy_pages(made.pages)
    made.write_recipe()
    return made


@dataclass(frozen=True)
class Built:
    """A finished, uninterrupted run."""

    project: Project
    workdir: Path
    summary: dict[str, Any]

    def clone(self, target: Path) -> Path:
        """A copy of the work directory whose files are links to the same bytes (artifacts are immutable)."""
        shutil.copytree(self.workdir, target, copy_function=os.link)
        return target


@pytest.fixture(scope="session")
def built(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The project, built once with two workers."""
    workdir = tmp_path_factory.mktemp("built") / "work"
    return Built(project, workdir, project.run(workdir, "--workers", "2"))


def fingerprints(summary: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Artifact name and logical digest of every stage."""
    return {s["stage"]: (s["artifact"], s["logical"]) for s in summary["stages"]}


def bytes_of(workdir: Path) -> dict[str, bytes]:
    """Content of every file that artifacts and snapshots consist of: not logs, caches or locks."""
    return {
        path.relative_to(workdir).as_posix(): path.read_bytes()
        for path in sorted(workdir.rglob("*"))
        if path.is_file() and not {"logs", "cache"} & set(path.parts) and not path.name.startswith((".lock", "lock"))
    }


class Helpers:
    """Functions of this file, for tests (which cannot import it)."""

    fingerprints = staticmethod(fingerprints)
    bytes_of = staticmethod(bytes_of)
    copy_pages = staticmethod(copy_pages)


@pytest.fixture(scope="session")
def helpers() -> Helpers:
    return Helpers()
