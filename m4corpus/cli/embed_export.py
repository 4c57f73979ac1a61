"""``m4corpus embed export``: a model as a graph for ONNX Runtime or OpenVINO."""

from __future__ import annotations

from pathlib import Path

import click

from m4corpus.cli import options
from m4corpus.cli.output import echo_json


@click.command()
@click.argument("model")
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR",
              help="The model directory to write.")  # fmt: skip
@click.option("--revision", default="", metavar="HASH", help="Commit hash, for a model of the Hub.")
@click.option("--int8", is_flag=True, help="Weights and products in 8 bits: a quarter of the size, and other vectors.")
@click.option("--least", type=click.FloatRange(-1, 1), metavar="COSINE",
              help="Refuse when a sample's vector is farther than this from torch's.  [default: 0.999, with --int8 "
              "0.95]")  # fmt: skip
@click.option("--trust-remote-code", is_flag=True, help="Let code that comes with the model run, and pickle be read.")
@click.option("--code-revision", default="", metavar="HASH",
              help="Commit hash of that code, where the model takes it from another repository.")  # fmt: skip
@options.as_json
def export(
    model: str,
    into: Path,
    revision: str,
    int8: bool,
    least: float | None,
    trust_remote_code: bool,
    code_revision: str,
    as_json: bool,
) -> None:
    """Write MODEL (a directory, a Hub id or a preset) as a model directory whose network is an ONNX graph.

    It is for recipes that run on a CPU, with `backend: onnx` or `openvino`. Texts in all 42 languages go through the
    model and through the graph; when the vectors are too far apart, nothing is written. Needs m4corpus[onnx]; a model
    that is on this machine needs no network.

    \b
    Examples:
      m4corpus embed export models/mine --into models/mine-onnx
      m4corpus embed export models/mine --into models/mine-int8 --int8
      m4corpus embed export multilingual-e5-small --into e5-small-int8 --int8 --least 0.9
    """
    from m4corpus.embed.config import EncoderConfig
    from m4corpus.embed.encoder import NAMED, is_model
    from m4corpus.embed.presets import presets
    from m4corpus.embed.transformers.export import export as write
    from m4corpus.embed.transformers.export import recipe_lines
    from m4corpus.errors import UserError

    if model in NAMED or not (is_model(model) or model in presets()):
        raise UserError(
            f"'{model}' is no sentence-transformers model",
            "Give the directory of one, its Hub id (organisation/model) with --revision, or a preset.",
        )
    config = EncoderConfig(
        name=model, revision=revision, trust_remote_code=trust_remote_code, code_revision=code_revision
    )
    found = write(config, into, int8=int8, least=least, tell=lambda step: click.echo(f"{step} ...", err=True))
    if as_json:
        echo_json(found.as_dict())
        return
    click.echo(f"wrote {into / found.weights}, {found.mib:,.0f} MiB")
    click.echo(f"cosine with torch over {found.samples} texts: mean {found.mean:.4f}, least {found.least:.4f}\n")
    click.echo("Use it in a recipe (the path starts at the recipe):\n")
    click.echo("\n".join(recipe_lines(found)))
