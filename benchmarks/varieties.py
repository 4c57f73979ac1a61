#!/usr/bin/env python3
"""Telling varieties apart: accuracy at coverage, abstention and confusion, for every group, on real text."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from measure import Machine, markdown
from variety_texts import CATALOGUES, QUESTIONS, SEEN_TEMPLATES, Text, catalogue_folder, messages, questions

from m4corpus import languages as registry
from m4corpus.identify.script import dominant_script
from m4corpus.identify.varieties.examples import Example
from m4corpus.identify.varieties.groups import group, language_of, score
from m4corpus.identify.varieties.judge import VarietyJudge
from m4corpus.identify.varieties.measure import Answer, at_threshold, calibration_error, confusion
from m4corpus.identify.varieties.training import TrainingConfig, train_classifier

ROOT = Path(__file__).resolve().parent.parent
#: From this confidence on an answer is given, as in a recipe that does not say otherwise.
THRESHOLD = 0.75
_COLUMNS = ("group", "texts", "coverage", "accuracy", "accuracy at any confidence", "calibration error")


def by_markers(name: str, texts: Iterable[Text]) -> list[Answer]:
    """What the shipped markers make of each text; Min Nan in Latin letters has a group of its own."""
    answers = []
    for item in texts:
        latin = name == "sinitic" and dominant_script(item.text).code == "Latn"
        found = score(group("min-nan-latin" if latin else name), item.text)
        answers.append(Answer(item.gold, found.variety, found.confidence))
    return answers


def by_training(texts: Sequence[Text], folds: int) -> list[Answer]:
    """What a classifier trained on the other units makes of each text."""
    examples = [Example(t.text, t.gold, t.unit) for t in texts]
    return list(train_classifier(examples, "benchmark", TrainingConfig(folds=folds))[1].answers)


class Results:
    """Rows of the tables, and the same for programs."""

    def __init__(self) -> None:
        self.json: dict[str, Any] = {}

    def section(self, title: str, judged: dict[str, list[Answer]]) -> None:
        """Print a table of all groups, then the confusion within each."""
        click.echo(f"\n## {title}\n")
        rows: list[list[Any]] = []
        for name, answers in judged.items():
            point, whole = at_threshold(answers, THRESHOLD), at_threshold(answers, 0.0)
            accuracy: Any = point.accuracy if point.coverage else "-"
            rows.append([name, len(answers), point.coverage, accuracy, whole.accuracy, calibration_error(answers)])
            self.json.setdefault(title, {})[name] = {
                "texts": len(answers), "at": asdict(point), "confusion": confusion(answers, THRESHOLD),
            }  # fmt: skip
        click.echo(markdown(_COLUMNS, rows))
        for name, answers in judged.items():
            for gold, found in confusion(answers, THRESHOLD).items():
                taken = ", ".join(f"{variety or 'abstained'} {number}" for variety, number in found.items())
                click.echo(f"- {name}: {gold} taken for {taken}")


def same_in_both(texts: Sequence[Text]) -> int:
    """How many texts are, word for word, in the set of another variety too."""
    golds: dict[str, set[str]] = {}
    for item in texts:
        golds.setdefault(item.text, set()).add(item.gold)
    return sum(len(golds[item.text]) > 1 for item in texts)


def quickstart() -> list[Answer]:
    """The judge's whole answer on the quickstart's queries, which have no source to go by."""
    judge, answers = VarietyJudge(), []
    for text, gold in queries():
        decision = judge.judge(text, language_of(gold), dominant_script(text).code)
        answers.append(Answer(gold, decision.variety, decision.confidence))
    return answers


def elsewhere(name: str, texts: Sequence[Text]) -> list[Answer]:
    """What a classifier trained on all of WorldCuisines' templates makes of other questions: the quickstart's."""
    examples = [Example(t.text, t.gold, t.unit) for t in texts]
    model = train_classifier(examples, name, TrainingConfig(folds=2))[0]
    return [Answer(gold, *model.best(text)) for text, gold in queries() if gold in model.about.labels]


def queries() -> list[tuple[str, str]]:
    """The quickstart's queries in a variety, with its tag; Min Nan in Han script is one, as for the markers."""
    found = []
    for line in (ROOT / "data/quickstart/queries.jsonl").read_text(encoding="utf-8").splitlines():
        query = json.loads(line)
        known = registry.resolve_variety(query["variety"]) if query["variety"] else None
        if query["variety"]:
            found.append((query["text"], known.bcp47 if known else query["variety"].replace("Hant", "Hani")))
    return found


def speed(texts: Sequence[Text]) -> float:
    """Documents of 3,000 characters judged in a second, on one core."""
    judge = VarietyJudge()
    long = ["\n".join(t.text for t in texts[i : i + 6])[:3000] for i in range(0, min(len(texts), 600), 6)]
    start = time.perf_counter()
    for text in long:
        judge.judge(text, "por", "Latn")
    return len(long) / (time.perf_counter() - start)


@click.command()
@click.option(
    "--questions", "folder", type=click.Path(path_type=Path, file_okay=False), help="WorldCuisines' questions."
)
@click.option(
    "--downloads", type=click.Path(path_type=Path, file_okay=False), default=ROOT / "downloads", help="With MediaWiki."
)
@click.option("--json", "out", type=click.Path(path_type=Path, dir_okay=False), help="Write the numbers here too.")
def main(folder: Path | None, downloads: Path, out: Path | None) -> None:
    """Measure every group on what is there; sets that are not are named and skipped."""
    click.echo(Machine.here().lines())
    results = Results()
    if folder is not None and folder.is_dir():
        asked = {name: list(questions(folder, sets)) for name, sets in QUESTIONS.items()}
        for title, seen in (("templates held out", False), ("templates seen", True)):
            split = {n: [t for t in ts if (t.unit in SEEN_TEMPLATES) == seen] for n, ts in asked.items()}
            results.section(f"Questions, markers, {title}", {n: by_markers(n, ts) for n, ts in split.items()})
        several = {n: ts for n, ts in asked.items() if len({t.gold for t in ts}) > 1}
        results.section(
            "Questions, classifier trained on the other 13 templates",
            {n: by_training(ts, 14) for n, ts in several.items()},
        )
        registers = {n: ts for n, ts in several.items() if n.startswith("register") and n != "register-ru"}
        results.section(
            "Quickstart queries, classifier trained on WorldCuisines",
            {n: elsewhere(n, ts) for n, ts in registers.items()},
        )
        same = {name: same_in_both(texts) for name, texts in several.items()}
        click.echo("\nTexts that two varieties share word for word: " + ", ".join(f"{n} {c}" for n, c in same.items()))
        results.json["same in both"] = same
    else:
        click.echo("no question sets given (--questions): skipped")
    catalogues = catalogue_folder(downloads)
    if catalogues is not None:
        for title, documents in (("messages of 40 characters", False), ("documents of 500 characters", True)):
            texts = {n: list(messages(catalogues, sets, documents)) for n, sets in CATALOGUES.items()}
            results.section(f"MediaWiki, markers, {title}", {n: by_markers(n, ts) for n, ts in texts.items()})
            results.section(
                f"MediaWiki, classifier trained on other messages, {title}",
                {n: by_training(ts[:: 1 if documents else 3], 5) for n, ts in texts.items()},
            )
        click.echo(f"\n{speed(texts['portuguese']):,.0f} documents of 3,000 characters a second")
    else:
        click.echo("no MediaWiki among the downloads (tests/support/mediawiki_setup.py fetches it): skipped")
    results.section("Quickstart queries, the judge without any source", {"all": quickstart()})
    if out is not None:
        out.write_text(json.dumps(results.json, ensure_ascii=False, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
