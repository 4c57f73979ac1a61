"""Small projects over real pages of the quickstart corpus: a recipe, its pages and a work directory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import m4corpus
from m4corpus.snapshot import Snapshot, open_snapshot

PAGES = Path(__file__).parents[2] / "data" / "quickstart" / "html"
LANGUAGES = ("en", "es", "ja", "th", "ar", "sw", "zh-yue", "ko")

FOLDER_RECIPE = """
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
    """What any of them has. Tests change copies only."""

    root: Path

    @property
    def recipe(self) -> Path:
        return self.root / "recipe.yaml"

    @property
    def workdir(self) -> Path:
        return self.root / "work"

    def clone(self, target: Path) -> Self:
        """A copy that may be changed."""
        clone(self.root, target)
        return type(self)(target)


def clone(source: Path, target: Path) -> Path:
    """A copy of a directory in which what is immutable is a second name of the same bytes."""

    def place(path: str, destination: str) -> str:
        immutable = Path(path).suffix in (".parquet", ".faiss")
        return str(os.link(path, destination) if immutable else shutil.copy2(path, destination))

    shutil.copytree(source, target, copy_function=place)
    return target


@dataclass(frozen=True)
class FolderProject(Project):
    """Pages in a folder by language; recipes are run as users do, in a process of their own."""

    @property
    def pages(self) -> Path:
        return self.root / "pages"

    def write_recipe(self, size: int = 96) -> Path:
        self.recipe.write_text(FOLDER_RECIPE.format(pages="pages", size=size), encoding="utf-8")
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


@dataclass(frozen=True)
class LinesProject(Project):
    """Pages in one file of JSON Lines, built in the test's own process."""

    @property
    def pages(self) -> Path:
        return self.root / "pages.jsonl"

    def open(self, name: str = "tiny") -> Snapshot:
        return open_snapshot(name, self.workdir)

    def run(self) -> Path:
        directory = m4corpus.run(self.recipe, self.workdir).snapshot
        assert directory is not None
        return directory

    def edit(self, rows: list[dict[str, Any]]) -> None:
        self.pages.unlink(missing_ok=True)
        self.pages.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.pages.read_text(encoding="utf-8").splitlines()]


@dataclass(frozen=True)
class Built:
    """A finished, uninterrupted run."""

    project: FolderProject
    workdir: Path
    summary: dict[str, Any]

    def clone(self, target: Path) -> Path:
        """A copy of the work directory."""
        return clone(self.workdir, target)


def copy_pages(target: Path, names: Callable[[list[Path]], list[Path]] = sorted) -> None:
    """The quickstart pages of a few languages, written in the order ``names`` gives them."""
    files = [path for code in LANGUAGES for path in (PAGES / code).glob("*.html")]
    for path in names(files):
        copy = target / path.relative_to(PAGES)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


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
