"""``pull``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from m4corpus.cli import options
from m4corpus.cli.output import bytes_text, echo_json
from m4corpus.cli.transfer import progress


@click.command()
@click.argument("source", metavar="OWNER/NAME[@VERSION]|PATH|URL")
@click.option("--lang", "languages", multiple=True, metavar="CODE",
              help="Only this language (any of its codes or names); repeat for several.")  # fmt: skip
@click.option("--index-only", is_flag=True, help="No more than searching takes: no documents, chunks or vectors.")
@click.option("--workers", "-w", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default="all cores",
              help="Processes that read M4-RAG's own data set.")  # fmt: skip
@options.workdir
@options.as_json
def pull(source: str, languages: tuple[str, ...], index_only: bool, workers: int, workdir: Path, as_json: bool) -> None:
    """Bring a published snapshot here, from the Hub, a directory, or any address fsspec knows (s3://bucket/folder).

    Every file is checked against the release's digests before it gets its name; run it again after an interruption
    and it goes on. Afterwards `m4corpus search NAME` and `m4corpus verify NAME` work as on a snapshot built here. A
    second pull with other languages adds them. M4-RAG's own data set, davidanugraha/M4-RAG, is read into documents
    and leaves a recipe.

    \b
    Examples:
      m4corpus pull me/quickstart
      m4corpus pull me/quickstart@3f2a90c11b7d --lang sw --lang ja --index-only
      m4corpus pull s3://bucket/quickstart          # pip install 'm4corpus[s3]'
      m4corpus pull davidanugraha/M4-RAG
    """
    from m4corpus.release.pull import pull as pull_
    from m4corpus.release.stores import HubStore, store_of
    from m4corpus.snapshot.carried import model_directory

    store = store_of(source)
    with progress() as report:
        try:
            done = pull_(store, workdir, languages, index_only=index_only, report=report)
        except FileNotFoundError as error:
            if not isinstance(store, HubStore):
                from m4corpus.errors import UserError

                raise UserError(f"{store.origin} holds no release", "A release has a release.json.") from error
            done = None
    if done is None:
        assert isinstance(store, HubStore)
        _reference(store, workdir, workers, as_json)
        return
    name = f"{done.release.name}@{done.release.version}"
    if as_json:
        echo_json(
            {
                "snapshot": name, "directory": str(done.directory), "origin": store.origin, "files": done.files,
                "bytes": done.bytes, "ids_only": done.release.ids_only,
            }
        )  # fmt: skip
        return
    click.echo(f"{name}: {done.files} files, {bytes_text(done.bytes)} fetched into {done.directory}", err=True)
    if done.release.ids_only:
        click.echo(
            f"it holds ids and no text; fetch its texts again with: m4corpus rehydrate {name}",
            err=True,
        )
    else:
        needed = model_directory(done.release.snapshot["encoder"])
        if needed:
            click.echo(
                f"queries need the model directory '{needed[0]}' (files digest {needed[1]}), which was not published",
                err=True,
            )
        more = " --encoder-path DIR" if needed else ""
        click.echo(f'search it with: m4corpus search {done.release.name} "..."{more}', err=True)


def _reference(store: object, workdir: Path, workers: int, as_json: bool) -> None:
    """M4-RAG's own data set: fetched, then read and cleaned."""
    from m4corpus.cli.report import reporter
    from m4corpus.pipeline import Pipeline
    from m4corpus.release.reference import bring
    from m4corpus.release.stores import HubStore

    assert isinstance(store, HubStore)
    with progress() as report:
        found = bring(store, workdir, report)
    with reporter() as follow:
        result = Pipeline.from_file(found.recipe, workdir).run(
            first="read", last="clean", workers=workers, executor="local", reporter=follow
        )
    if as_json:
        echo_json({**result.as_dict(), "recipe_file": str(found.recipe), "origin": store.origin, "bytes": found.bytes})
        return
    files = sum(len(paths) for paths in found.configs.values())
    click.echo(f"{store.origin}: {files} files of {', '.join(found.configs)}, {bytes_text(found.bytes)}", err=True)
    click.echo(f"its articles are documents now; build the rest with: m4corpus run {found.recipe}", err=True)
