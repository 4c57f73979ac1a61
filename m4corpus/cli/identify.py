"""``m4corpus identify``: train a classifier of varieties, and ask what a text is in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from m4corpus.cli import options
from m4corpus.cli.output import echo_json, table

if TYPE_CHECKING:
    from m4corpus.identify.varieties.training import Report


@click.group()
def command() -> None:
    """Tell varieties of a language apart."""


@command.command()
@click.argument("data", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where to write the model, a .npz file.")
@click.option("--label", default="variety", show_default=True, help="Field with the id or BCP-47 tag of the variety.")
@click.option("--text", default="text", show_default=True, help="Field with the text.")
@click.option(
    "--group",
    required=True,
    help="Field that texts share which are alike (template, document, author): the held-out report splits by it.",
)
@click.option("--folds", type=click.IntRange(min=2), default=10, show_default=True, help="Parts the groups make.")
@click.option("--epochs", type=click.IntRange(min=1), default=20, show_default=True, help="Times each text is seen.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@options.as_json
def train(
    data: Path, out: Path, label: str, text: str, group: str, folds: int, epochs: int, seed: int, as_json: bool
) -> None:
    """Train a variety or register classifier on DATA, labelled JSON Lines.

    Prints how it does on groups held out of the training, and what to write in a recipe to use it.
    """
    from m4corpus.errors import UserError
    from m4corpus.identify.varieties.examples import read_examples
    from m4corpus.identify.varieties.model import save_model
    from m4corpus.identify.varieties.training import TrainingConfig, train_classifier

    if out.suffix != ".npz":
        raise UserError(f"{out} is not named as a model file", "Give --out a name that ends in .npz.")
    examples = read_examples(data, text, label, group)
    settings = TrainingConfig(folds=folds, epochs=epochs, seed=seed)
    model, report = train_classifier(examples, out.stem, settings)
    sha256 = save_model(model, out)
    if as_json:
        echo_json({"path": str(out), "sha256": sha256, "labels": list(model.about.labels), **report.as_dict()})
        return
    print_report(report)
    click.echo(f"\nwrote {out}; use it in a recipe:\n")
    click.echo(f"identify:\n  varieties:\n    models:\n      - path: {out}\n        sha256: {sha256}")


@command.command()
@click.argument("text")
@click.option("--lang", required=True, metavar="CODE", help="Language of the text, under any of its names.")
@click.option("--hint", default="", help="Language tag the source gave it (es-MX).")
@click.option("--url", default="", help="Its address.")
@click.option("--model", "model", type=click.Path(path_type=Path), help="A trained classifier to ask.")
@options.as_json
def variety(text: str, lang: str, hint: str, url: str, model: Path | None, as_json: bool) -> None:
    """Say which variety of its language TEXT is in, how surely, and on what evidence; or why that is not said."""
    from dataclasses import asdict

    from m4corpus import languages as registry
    from m4corpus.identify.script import dominant_script
    from m4corpus.identify.varieties.config import VarietiesConfig, VarietyModelConfig
    from m4corpus.identify.varieties.judge import VarietyJudge
    from m4corpus.storage.digests import file_digest

    models = []
    if model is not None:
        models.append(VarietyModelConfig(path=str(model), sha256=file_digest(model), any_text=True))
    judge = VarietyJudge(VarietiesConfig(models=models))
    script = dominant_script(text).code
    decision = judge.judge(text, registry.get(lang).code, script, hint=hint, hint_from="recipe", url=url)
    if as_json:
        echo_json(asdict(decision))
    elif decision.variety:
        click.echo(f"{decision.variety}  {decision.confidence:.2f}  {decision.evidence}")
    else:
        click.echo(f"not told: {decision.abstained}{f'  ({decision.evidence})' if decision.evidence else ''}")


def print_report(report: Report) -> None:
    """The held-out report as tables."""
    from m4corpus.identify.varieties.measure import at_threshold, calibration, calibration_error, confusion
    from m4corpus.identify.varieties.training import THRESHOLDS

    click.echo(f"held out: {len(report.answers):,} texts of {report.groups:,} groups, in {report.folds} folds\n")
    points = [at_threshold(report.answers, threshold) for threshold in THRESHOLDS]
    table(["confidence from", "coverage", "accuracy"], [[p.threshold, p.coverage, p.accuracy] for p in points])
    counts = confusion(report.answers)
    found = sorted({name for row in counts.values() for name in row} | set(counts))
    click.echo()
    table(["is \\ taken for", *found], [[gold, *(counts[gold].get(name, 0) for name in found)] for gold in counts])
    click.echo()
    bins = [[f"{b.low:.1f}-{b.high:.1f}", b.answers, b.confidence, b.accuracy] for b in calibration(report.answers)]
    table(["confidence", "texts", "mean confidence", "accuracy"], bins)
    click.echo(f"expected calibration error {calibration_error(report.answers):.3f}")
