"""What a corpus lost on the way, by stage, rule and language: the ledgers joined with the labels of their inputs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from m4corpus.identify.labels import UNDETERMINED, label_of, read_hint
from m4corpus.ledger import DROPPED, KEPT
from m4corpus.storage.parts import read_batches

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from m4corpus.storage.artifact import Artifact

_LABELS = ("id", "language", "script", "variety", "language_hint")
#: Label of an input, and its variety (empty when it has none).
Labels = tuple[str, str]


def losses(artifacts: Mapping[str, Artifact]) -> dict[str, Any]:
    """``drops`` and ``failures``: stage -> rule or reason -> ``inputs``, and of these how many by ``languages`` (as in
    the counts of documents; before they are identified, the language the hint names) and by ``varieties``.

    Holds the ids of one part's losses at a time.
    """
    found: dict[str, dict[str, Any]] = {"drops": {}, "failures": {}}
    for stage, artifact in artifacts.items():
        # What read lost has no page; of pages that share an id, the one that was kept tells the language.
        source = next((artifacts[need] for need in artifact.manifest["inputs"] if need in artifacts), artifact)
        counts: dict[tuple[str, str], _Lost] = {}
        names = [part.path for part in source.parts()]
        for number, ledger in enumerate(artifact.ledger()):
            rows = _lost(artifact.directory / ledger.path)
            labels = _labels(source.directory / names[number], rows) if rows and number < len(names) else {}
            for id, outcome, slug in rows:
                counts.setdefault((outcome, slug), _Lost()).add(*labels.get(id, (UNDETERMINED, "")))
        for (outcome, slug), lost in sorted(counts.items()):
            kind = "drops" if outcome == DROPPED else "failures"
            found[kind].setdefault(stage, {})[slug] = lost.as_dict()
    return found


class _Lost:
    def __init__(self) -> None:
        self.inputs = 0
        self.languages: Counter[str] = Counter()
        self.varieties: Counter[str] = Counter()

    def add(self, language: str, variety: str) -> None:
        self.inputs += 1
        self.languages[language] += 1
        if variety:
            self.varieties[variety] += 1

    def as_dict(self) -> dict[str, Any]:
        return {
            "inputs": self.inputs,
            "languages": dict(sorted(self.languages.items())),
            "varieties": dict(sorted(self.varieties.items())),
        }


def _lost(ledger: Path) -> list[tuple[str, str, str]]:
    """Id, outcome and slug of every input of a ledger part that was not kept, in order."""
    # By Python, here and below: filters of pyarrow load pandas, which takes longer than they save.
    rows: list[tuple[str, str, str]] = []
    for batch in read_batches(ledger, ["id", "outcome", "slug"], batch_size=8192):
        found = zip(*(batch.column(name).to_pylist() for name in ("id", "outcome", "slug")), strict=True)
        rows += [row for row in found if row[1] != KEPT]
    return rows


def _labels(part: Path, rows: list[tuple[str, str, str]]) -> dict[str, Labels]:
    """Labels of the records of a part that are among ``rows``."""
    import pyarrow.parquet as pq

    columns = [name for name in _LABELS if name in pq.read_schema(part).names]
    if "id" not in columns:
        return {}
    wanted = {id for id, _, _ in rows}
    found: dict[str, Labels] = {}
    for batch in read_batches(part, columns, batch_size=8192):
        for place, id in enumerate(batch.column("id").to_pylist()):
            if id in wanted:
                found[id] = _labels_of(batch.slice(place, 1).to_pylist()[0])
    return found


def _labels_of(row: dict[str, str]) -> Labels:
    if row.get("language"):
        return label_of(row["language"], row["script"]), row.get("variety", "")
    hint = read_hint(row.get("language_hint", ""))
    return hint.code if hint else UNDETERMINED, ""
