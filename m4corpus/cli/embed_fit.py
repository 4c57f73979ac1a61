"""``m4corpus embed fit``: learn means and principal components from a recipe's vectors."""

from __future__ import annotations

from pathlib import Path

import click

from m4corpus.cli import options
from m4corpus.cli.output import echo_json, table


@click.command()
@options.recipe
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write, .npz.")
@click.option(
    "--centre-by",
    "centre",
    type=click.Choice(["none", "all", "language"]),
    default="none",
    show_default=True,
    help="Mean to take from each vector: that of all, or that of its language.",
)
@click.option("--pca", type=click.IntRange(min=2), metavar="D", help="Project onto the first D principal components.")
@click.option("--whiten", is_flag=True, help="Scale the components to the same variance.")
@click.option(
    "--least",
    type=click.IntRange(min=2),
    default=100,
    show_default=True,
    help="Chunks a language must have for a mean of its own; others take the mean of all.",
)
@options.workdir
@options.as_json
def fit(
    recipe: Path, out: Path, centre: str, pca: int | None, whiten: bool, least: int, workdir: Path, as_json: bool
) -> None:
    """Learn post-processing from the vectors that RECIPE has, for a recipe to use.

    What is learnt is fixed: the recipe names the file and its SHA-256, and building it again with more pages moves no
    mean under vectors that are already there. Look with `m4corpus evaluate` whether it helps your questions; often it
    does not.

    \b
    Examples:
      m4corpus run recipes/quickstart.yaml --until embed
      m4corpus embed fit recipes/quickstart.yaml --out means.npz --centre-by language
      m4corpus embed fit recipes/quickstart.yaml --out pca.npz --centre-by all --pca 128 --whiten
    """
    from m4corpus.embed.postprocess.fit import fit as learn
    from m4corpus.embed.postprocess.learnt import save
    from m4corpus.errors import UserError
    from m4corpus.pipeline import CACHED, Pipeline

    if out.suffix != ".npz":
        raise UserError(f"{out} is not named as such a file", "Give --out a name that ends in .npz.")
    if centre == "none" and pca is None and not whiten:
        raise UserError("there is nothing to learn", "Ask for one of --centre-by, --pca and --whiten.")
    pipeline = Pipeline.from_file(recipe, workdir)
    built = {step.stage: step.directory for step in pipeline.plan() if step.state == CACHED}
    if "embed" not in built:
        raise UserError(f"{recipe} has no vectors yet", f"Run first: m4corpus run {recipe} --until embed")
    from m4corpus.storage.artifact import Artifact

    chunks, vectors = (Artifact.open(pipeline.root / built[stage]) for stage in ("chunk", "embed"))
    learnt = learn(chunks, vectors, centre=centre, components=pca, whiten=whiten, least=least)  # type: ignore[arg-type]
    sha256 = save(learnt, out)
    if as_json:
        echo_json({"path": str(out), "sha256": sha256, "dimension": learnt.dimension, **learnt.about})
        return
    click.echo(f"learnt from {learnt.about['vectors']:,} vectors; {learnt.dimension} dimensions\n")
    if learnt.means:
        table(["language", "vectors"], [[code, number] for code, number in learnt.about["counts"].items()])
        click.echo()
    click.echo(f"wrote {out}; use it in a recipe (its path starts at the recipe):\n")
    click.echo(f"embed:\n  encoder:\n    postprocess:\n      file: {out}\n      sha256: {sha256}")
