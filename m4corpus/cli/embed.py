"""``embed doctor`` and ``embed presets``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from m4corpus.cli import options
from m4corpus.cli.embed_export import export
from m4corpus.cli.embed_fit import fit
from m4corpus.cli.output import echo_json, table

if TYPE_CHECKING:
    from m4corpus.embed.config import EncoderConfig
    from m4corpus.embed.doctor import Watch
    from m4corpus.embed.health import Health
    from m4corpus.embed.presets import Preset
    from m4corpus.storage.artifact import Artifact


@click.group()
def command() -> None:
    """Encoders: which there are, and how one does on a corpus."""


command.add_command(export)
command.add_command(fit)


@command.command()
@click.argument("name", required=False)
@options.as_json
def presets(name: str | None, as_json: bool) -> None:
    """List the encoders known by a short name; with NAME, all that is known of one, and where it was read.

    A recipe uses one with `embed: {encoder: {name: NAME}}`. What could not be verified is empty: a preset without a
    revision needs one in the recipe.

    \b
    Examples:
      m4corpus embed presets
      m4corpus embed presets bge-m3
    """
    from m4corpus.embed.presets import presets as known

    found = known()
    if name is not None:
        if name not in found:
            raise click.UsageError(f"no preset is called '{name}'; see: m4corpus embed presets")
        row = found[name].as_dict()
        if as_json:
            echo_json(row)
        else:
            table(["", "value"], [[key, _shown(value)] for key, value in row.items()])
    elif as_json:
        echo_json([preset.as_dict() for preset in found.values()])
    else:
        headers = ["name", "dimension", "tokens", "of our 42", "MiB", "licence", "needs"]
        table(headers, [[p.name, _shown(p.dimension), _shown(p.max_tokens), _covered(p.languages), _shown(p.memory_mib),
                         _shown(p.licence), _needs(p)] for p in found.values()])  # fmt: skip


@command.command()
@click.argument("what", metavar="RECIPE|SNAPSHOT")
@options.workdir
@options.limit
@click.option("--sample", type=click.IntRange(min=1), default=500, show_default=True,
              help="Chunks of each language that are tokenized and probed.")  # fmt: skip
@click.option("--max-unknown", type=click.FloatRange(0, 1), default=0.1, show_default=True,
              help="Share of unknown tokens from which a language is reported.")  # fmt: skip
@click.option("--max-truncated", type=click.FloatRange(0, 1), default=0.05, show_default=True,
              help="Share of chunks read only in part.")  # fmt: skip
@click.option("--max-duplicates", type=click.FloatRange(0, 1), default=0.01, show_default=True,
              help="Share of chunks with another text's vector.")  # fmt: skip
@click.option("--min-first", type=click.FloatRange(0, 1), default=0.4, show_default=True,
              help="R@1 of the probe below which a language is reported.")  # fmt: skip
@click.option("--min-recall", type=click.FloatRange(0, 1), default=0.5, show_default=True,
              help="The same for R@10.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit with code 5 when anything is reported.")
@options.trust_remote_code
@options.encoder_path
@options.as_json
@click.pass_context
def doctor(
    ctx: click.Context,
    what: str,
    workdir: Path,
    limit: int | None,
    sample: int,
    max_unknown: float,
    max_truncated: float,
    max_duplicates: float,
    min_first: float,
    min_recall: float,
    strict: bool,
    trust_remote_code: bool,
    encoder_path: Path | None,
    as_json: bool,
) -> None:
    """How the encoder of a RECIPE that has run, or of a SNAPSHOT, does in each language of the corpus.

    Claimed coverage stands beside what is measured: unknown tokens, chunks too long to be read to their end, chunks
    without a vector or with another text's, and a probe: does a passage's title and heading find it among the other
    passages of its language? A language that is claimed and yet found at random is of no use.

    \b
    Examples:
      m4corpus embed doctor recipes/quickstart.yaml
      m4corpus embed doctor quickstart --sample 2000 --strict
    """
    from m4corpus.embed.doctor import examine
    from m4corpus.embed.health import Limits

    config, chunks, vectors = _found(what, workdir, limit, trust_remote_code, encoder_path)
    limits = Limits(max_unknown, max_truncated, max_duplicates, min_first, min_recall)
    with _progress() as watch:
        rows = examine(config, chunks, vectors, sample=sample, limits=limits, watch=watch)
    reported = [row for row in rows if row.warnings]
    if as_json:
        echo_json({"encoder": config.name, "vectors": vectors is not None, "languages": [r.as_dict() for r in rows]})
    else:
        _print(rows, embedded=vectors is not None)
        click.echo(f"{len(reported)} of {len(rows)} languages reported" if reported else "nothing to report")
        if slow := _slow(config):
            click.echo(f"the encoder takes about twice as long here as it could: {slow}")
    if strict and reported:
        ctx.exit(5)


def _slow(config: EncoderConfig) -> str:
    """What keeps the default encoder from its compiled part; empty for any other encoder."""
    from m4corpus.embed.carried.use_rows import why_slow
    from m4corpus.embed.encoder import NAMED

    return why_slow() if config.name in NAMED else ""


def _found(
    what: str, workdir: Path, limit: int | None, trust_remote_code: bool, encoder_path: Path | None
) -> tuple[EncoderConfig, Artifact, Artifact | None]:
    """The encoder, its chunks, and their vectors if there are any."""
    from m4corpus.errors import UserError

    if not Path(what).is_file():
        from m4corpus.snapshot import open_snapshot

        snapshot = open_snapshot(what, workdir, trust_remote_code, encoder_path)
        return snapshot.encoder_config(), snapshot.artifact("chunk"), snapshot.artifact("embed")
    from m4corpus.pipeline import Pipeline
    from m4corpus.stages import build

    pipeline = Pipeline.from_file(Path(what), workdir, limit)
    built = {artifact.stage: artifact for artifact in pipeline.status()}
    if "chunk" not in built:
        raise UserError(f"{what} has no chunks in {pipeline.root} yet", f"m4corpus run {what} --until chunk")
    stage: Any = build("embed", pipeline.recipe, pipeline.base, workdir, limit)
    return stage.config.encoder, built["chunk"], built.get("embed")


class _progress:
    """A bar for each step on a terminal, nothing elsewhere; a context manager that yields who hears of it."""

    def __enter__(self) -> Watch:
        self._bar: Any = None
        if not sys.stderr.isatty():
            return lambda step, done, total: None
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(console=Console(stderr=True), transient=True)
        self._bar.start()
        tasks: dict[str, Any] = {}

        def watch(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = self._bar.add_task(step, total=total)
            self._bar.update(tasks[step], completed=done)

        return watch

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _print(rows: list[Health], *, embedded: bool) -> None:
    headers = ["label", "chunks", "claimed", "unknown", "truncated"]
    headers += ["no vector", "shared", "probes", "R@1", "R@10"] if embedded else []
    shown = [
        [row.label, row.chunks, {True: "yes", False: "no", None: "?"}[row.claimed], _share(row.unknown),
         _share(row.truncated)]
        + ([row.failed + row.bad, row.duplicates, row.probes, _share(row.recall_1), _share(row.recall_10)]
           if embedded else [])
        + ["; ".join(row.warnings)]
        for row in rows
    ]  # fmt: skip
    table([*headers, "reported"], shown)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _covered(labels: tuple[str, ...] | None) -> str:
    return "?" if labels is None else str(len({label.partition("_")[0] for label in labels}))


def _needs(preset: Preset) -> str:
    """What one has to bring before it can be used."""
    needs = {
        "weights": preset.model is None,
        "a revision": preset.model is not None and preset.revision is None,
        "trusted code": preset.code,
        "pickle to be trusted": preset.weights == "pickle",
        "a GPU": preset.images,
    }
    return ", ".join(need for need, needed in needs.items() if needed)
