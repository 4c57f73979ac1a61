"""A corpus that can be edited, and builds of it in the test's own process, from scratch and from what was before."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from m4corpus import executor
from m4corpus.pipeline import Pipeline, RunResult
from m4corpus.stage import Phase, StageContext
from m4corpus.storage import atomic
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.parts import read_batches

PARTITIONS = 2
#: What pages are made of, by folder; the languages are ones the default encoder knows.
SENTENCES = {
    "en": ["The kite festival is held every spring in the old harbour.", "Children bring what they have built at home.",
           "A baker sells round loaves with sesame.", "Rain has moved the parade to the covered market.",
           "Nobody remembers who carved the stone bridge.", "The ferry crosses the strait twice a day."],
    "es": ["El festival de cometas se celebra cada primavera en el puerto viejo.", "Los niños traen lo que han hecho.",
           "Un panadero vende panes redondos con sésamo.", "La lluvia llevó el desfile al mercado cubierto.",
           "Nadie recuerda quién talló el puente de piedra.", "El transbordador cruza el estrecho dos veces al día."],
    "ru": ["Фестиваль воздушных змеев проходит каждую весну в старом порту.", "Дети приносят то, что сделали дома.",
           "Пекарь продаёт круглые хлебы с кунжутом.", "Из-за дождя шествие перенесли на крытый рынок.",
           "Никто не помнит, кто вырезал каменный мост.", "Паром пересекает пролив дважды в день."],
}  # fmt: skip


def page(language: str, seed: str) -> str:
    """An HTML page of sentences of a language, the same for the same seed."""
    chance = random.Random(seed)
    said = [
        f"<p>{' '.join(chance.choices(SENTENCES[language], k=4))} {chance.randint(100, 999)}.</p>"
        for _ in range(chance.randint(1, 4))
    ]
    return f"<html lang='{language}'><body><h1>{seed}</h1>{''.join(said)}</body></html>"


class InProcess:
    """An executor that runs tasks here, one after the other, from pickled steps as a worker would get them."""

    def __init__(self, phase: Phase, context: StageContext, workers: int, watch: Callable[[], None]) -> None:
        self._phase, self._context = phase, context

    def run(self) -> None:
        for rank in range(self._phase.tasks):
            if self._context.completion(self._phase.name, rank).is_file():
                continue
            data: Any = None
            for work in pickle.loads(pickle.dumps(self._phase.steps)):
                data = work.run(data, rank, self._phase.tasks)
            assert list(data) == []


@contextmanager
def in_process() -> Iterator[None]:
    """Makes the executor ``here`` known. Files are not synced, which is not what these tests are about and takes half
    of the time."""
    executor.EXECUTORS["here"] = InProcess  # type: ignore[assignment]
    patched = pytest.MonkeyPatch()
    patched.setattr(atomic, "sync", lambda path: None)
    try:
        yield
    finally:
        patched.undo()
        del executor.EXECUTORS["here"]


@dataclass
class Corpus:
    """Pages, a recipe over them, and places to build in."""

    root: Path
    options: dict[str, Any] = field(default_factory=dict)
    builds: int = 0

    def write(self, name: str, seed: str | None = None) -> None:
        """Put a page at ``language/name.html``, its text drawn by ``seed``."""
        path = self.root / "pages" / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(name.split("/")[0], seed or name), encoding="utf-8")

    def delete(self, name: str) -> None:
        (self.root / "pages" / f"{name}.html").unlink()

    def move(self, name: str, to: str) -> None:
        path = self.root / "pages" / f"{to}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        (self.root / "pages" / f"{name}.html").rename(path)

    @property
    def recipe(self) -> Path:
        sources = [{"name": "s", "format": "html", "path": "pages"}]
        content = {"name": "c", "partitions": PARTITIONS, "read": {"sources": sources},
                   "chunk": {"size": 32, "overlap": 8}, **self.options}  # fmt: skip
        path = self.root / "recipe.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    def pipeline(self, workdir: Path | None = None) -> Pipeline:
        return Pipeline.from_file(self.recipe, workdir or self.root / "work")

    def copy(self, root: Path) -> Corpus:
        """The same corpus elsewhere, with what was built of it; artifacts are second names of the same files."""
        for source in self.root.rglob("*"):
            if source.is_file():
                target = root / source.relative_to(self.root)
                target.parent.mkdir(parents=True, exist_ok=True)
                finished = source.suffix in (".parquet", ".faiss") and "cache" not in source.parts
                (os.link if finished else shutil.copyfile)(source, target)
        return Corpus(root, dict(self.options))

    def build(self, workdir: Path | None = None) -> RunResult:
        """Bring the corpus up to date in a work directory, the same every time unless told otherwise."""
        return self.pipeline(workdir).run(executor="here")

    def from_scratch(self) -> RunResult:
        """Build it where nothing was before."""
        self.builds += 1
        return self.build(self.root / f"fresh-{self.builds}")


def assert_equal(rebuilt: RunResult, full: RunResult) -> None:
    """Every artifact is the same: rows and manifest, which holds digests of all bytes, counts and facts."""
    for ours, theirs in zip(rebuilt.stages, full.stages, strict=True):
        first, second = (Artifact.open(s.directory).manifest for s in (ours, theirs))
        different = {key for key in first if first[key] != second[key]}
        assert not different, (ours.stage, different)
    assert rebuilt.snapshot is not None
    assert full.snapshot is not None
    assert rebuilt.snapshot.name == full.snapshot.name


def happened(stage: Path) -> dict[str, int]:
    """What the tasks of a stage logged that they did."""
    total: dict[str, int] = {}
    for path in stage.glob("logs/*/happened/*.json"):
        for name, count in json.loads(path.read_text()).items():
            total[name] = total.get(name, 0) + count
    return total


def column(directory: Path, name: str) -> list[Any]:
    """A column of an artifact's parts."""
    parts = Artifact.open(directory).parts()
    return [v for p in parts for batch in read_batches(directory / p.path, [name]) for v in batch[0].to_pylist()]
