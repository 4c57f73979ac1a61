#!/usr/bin/env python3
"""What a rebuild costs after 1% of the pages of a corpus of real text were edited, beside a build from nothing."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import yaml
from corpora import HELP, help_slice, require
from measure import Machine, markdown
from rebuild_model import make_model

_PARAGRAPH = re.compile(r"<p\b.*?</p>", re.DOTALL)
#: Of the pages that change, the shares that are deleted and that are new; the others get another paragraph.
DELETED, ADDED = 0.1, 0.1


@dataclass(frozen=True)
class Build:
    """One run of the recipe. ``wall`` is all of it in seconds, the start of the program and the snapshot included."""

    wall: float
    stages: list[dict[str, Any]]

    @property
    def digests(self) -> list[str]:
        """Logical digests in the order of the stages."""
        return [stage["logical"] for stage in self.stages]


def build(recipe: Path, workdir: Path, workers: int) -> Build:
    """Run the recipe as a user would."""
    command = [sys.executable, "-m", "m4corpus", "run", str(recipe), "--json"]
    command += ["--workdir", str(workdir), "--workers", str(workers)]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise click.ClickException(f"the run ended with {done.returncode}:\n{done.stderr}")
    return Build(time.monotonic() - started, json.loads(done.stdout)["stages"])


def edit(pages: Path, share: float, seed: int = 1) -> dict[str, int]:
    """Change a share of the pages, drawn by a seed: add to most, delete some, and add some new ones."""
    chance = random.Random(seed)
    paths = sorted(pages.rglob("*.html"))
    drawn = chance.sample(paths, max(3, round(share * len(paths))))
    deleted, added = (max(1, round(part * len(drawn))) for part in (DELETED, ADDED))
    for path in drawn[:deleted]:
        path.unlink()
    for path in drawn[deleted : deleted + added]:
        new = path.with_name(f"{path.stem}-new.html")
        new.write_text(_with_more(path, paths, chance, of=3), encoding="utf-8")
    for path in drawn[deleted + added :]:
        path.write_text(_with_more(path, paths, chance, of=1), encoding="utf-8")
    return {"edited": len(drawn) - deleted - added, "deleted": deleted, "new": added}


def _with_more(path: Path, paths: list[Path], chance: random.Random, of: int) -> str:
    """A page with paragraphs of other pages of its language after one of its own."""
    content = path.read_text(encoding="utf-8")
    same = [other for other in paths if other.parts[: len(path.parts) - 2] == path.parts[: len(path.parts) - 2]]
    found = list(_paragraphs(chance.sample(same, min(len(same), 10 * of))))[: 2 * of]
    own = list(_PARAGRAPH.finditer(content))
    at = own[len(own) // 2].end() if own else len(content)
    return content[:at] + "\n".join(found) + content[at:]


def _paragraphs(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        if path.exists():
            yield from [p for p in _PARAGRAPH.findall(path.read_text(encoding="utf-8")) if len(p) > 80][-1:]


def table(full: Build, rebuilt: Build, again: Build) -> str:
    """Seconds by stage."""
    rows: list[list[Any]] = []
    for before, now, fresh in zip(full.stages, rebuilt.stages, again.stages, strict=True):
        share = now["seconds"] / fresh["seconds"]
        same = "yes" if now["logical"] == fresh["logical"] else "NO"
        rows.append([now["stage"], before["seconds"], fresh["seconds"], now["seconds"], f"{share:.1%}", now["inputs"],
                     now["reused"], now["computed"], same])  # fmt: skip
    rows.append(["all", full.wall, again.wall, rebuilt.wall, f"{rebuilt.wall / again.wall:.1%}", "", "", "",
                 "yes" if rebuilt.digests == again.digests else "NO"])  # fmt: skip
    headers = ["stage", "first build, s", "edited, from scratch, s", "rebuild, s", "ratio", "inputs", "reused",
               "computed", "same digest"]  # fmt: skip
    return markdown(headers, rows)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--documents", type=click.IntRange(min=100), default=10_000, show_default=True,
              help="Pages of LibreOffice help, as many of each language.")  # fmt: skip
@click.option("--share", type=click.FloatRange(min=0, max=1), default=0.01, show_default=True, help="Pages to edit.")
@click.option("--encoder", default="use-multilingual", show_default=True, help="Name of an encoder or directory of a "
              "sentence-transformers model; `random` makes one as large as MiniLM, with random weights: it takes as "
              "long as a trained one.")  # fmt: skip
@click.option("--workers", "-w", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default="all cores")
@click.option("--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Also write the numbers to "
              "this file.")  # fmt: skip
def main(documents: int, share: float, encoder: str, workers: int, json_path: Path | None) -> None:
    """Build a corpus, edit a share of its pages, rebuild it, and build the edited corpus from nothing as well.

    Needs the pages of LibreOffice help (fetch them first with real_data.py); works in a temporary directory.
    """
    require(HELP)
    languages = sorted(p.name for p in HELP.iterdir() if p.is_dir())
    machine = Machine.here()
    with tempfile.TemporaryDirectory(prefix="m4corpus-bench-") as folder:
        root = Path(folder)
        recipe = help_slice(root / "corpus", languages, -(-documents // len(languages)))
        name = str(make_model(root / "model", root / "corpus" / "pages")) if encoder == "random" else encoder
        content = yaml.safe_load(recipe.read_text(encoding="utf-8"))
        recipe.write_text(yaml.safe_dump({**content, "embed": {"encoder": {"name": name}}}), encoding="utf-8")
        full = build(recipe, root / "work", workers)
        click.echo(f"first build: {full.wall:.0f} s", err=True)
        edits = edit(root / "corpus" / "pages", share)
        rebuilt = build(recipe, root / "work", workers)
        click.echo(f"rebuild: {rebuilt.wall:.0f} s", err=True)
        again = build(recipe, root / "fresh", workers)
    said = ", ".join(f"{count} {what}" for what, count in edits.items())
    click.echo(
        f"{machine.lines()}\nRun with {workers} workers, encoder {encoder}; {len(languages)} languages; {said}.\n"
    )
    click.echo(table(full, rebuilt, again))
    if json_path:
        record = {"machine": asdict(machine), "workers": workers, "encoder": encoder, "edits": edits,
                  "full": asdict(full), "rebuilt": asdict(rebuilt), "again": asdict(again)}  # fmt: skip
        json_path.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if rebuilt.digests != again.digests:
        raise click.ClickException("the rebuild differs from the build from scratch")


if __name__ == "__main__":
    sys.exit(main())
