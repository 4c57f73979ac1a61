"""``snapshot``: create, list, show, tag, diff, verify, gc."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from m4corpus.cli import options
from m4corpus.cli.output import bytes_text, echo_json, printable, table
from m4corpus.cli.verify import verify

if TYPE_CHECKING:
    from m4corpus.snapshot.diff import Change

_file = click.Path(path_type=Path, dir_okay=False)


@click.group(epilog="A snapshot is named by NAME (its newest version), NAME@VERSION, NAME@TAG or its directory.")
def command() -> None:
    """Immutable versions of a corpus and its index: make, compare, prove and delete them."""


command.add_command(verify)


@command.command()
@options.recipe
@options.workdir
@options.limit
@options.as_json
def create(recipe: Path, workdir: Path, limit: int | None, as_json: bool) -> None:
    """Make a snapshot of what RECIPE has built, without running anything.

    Every stage has to be up to date. `m4corpus run` makes a snapshot by itself; this one is for a snapshot that was
    deleted, and for going back: the same artifacts always give the same version.

    \b
    Example:
      m4corpus snapshot create recipes/quickstart.yaml
    """
    from m4corpus.built import snapshot_of
    from m4corpus.pipeline import Pipeline
    from m4corpus.snapshot import open_snapshot

    directory = snapshot_of(Pipeline.from_file(recipe, workdir, limit))
    opened = open_snapshot(directory)
    if as_json:
        echo_json({"snapshot": opened.name, "directory": str(directory), "parent": opened.manifest["parent"]})
    else:
        click.echo(f"snapshot {opened.name} in {directory}")


@command.command("list")
@click.argument("name", required=False)
@options.workdir
@options.as_json
def list_(name: str | None, workdir: Path, as_json: bool) -> None:
    """List the versions of every snapshot, or of NAME, newest first.

    Sizes count files that versions share in each of them; `created` is when the version was written here.
    """
    from m4corpus.snapshot.listing import listed

    found = listed(workdir, name)
    if as_json:
        echo_json([version.as_dict() for version in found])
        return
    if not found:
        click.echo(f"no snapshots in {workdir}; build one with: m4corpus run RECIPE", err=True)
        return
    rows = [
        [
            f"{v.name}@{v.version}", v.problem or ("latest" if v.latest else ""), ", ".join(v.tags), v.parent or "",
            v.created, v.documents, v.chunks, bytes_text(v.bytes),
        ]
        for v in found
    ]  # fmt: skip
    table(["snapshot", "", "tags", "parent", "created", "documents", "chunks", "size"], rows)


@command.command()
@options.snapshot
@options.workdir
@options.as_json
def show(snapshot: str, workdir: Path, as_json: bool) -> None:
    """Show what SNAPSHOT is made of: sources, models, counts, and what was dropped. --json prints its manifest."""
    from m4corpus.cli.snapshotview import print_snapshot
    from m4corpus.snapshot import open_snapshot

    opened = open_snapshot(snapshot, workdir)
    if as_json:
        echo_json(opened.manifest)
    else:
        print_snapshot(opened)


@command.command()
@options.snapshot
@click.argument("tag")
@click.option("--force", "-f", is_flag=True, help="Move a tag that stands for another version.")
@click.option("--delete", is_flag=True, help="Delete the tag instead; SNAPSHOT is then the bare name.")
@options.workdir
def tag(snapshot: str, tag: str, force: bool, delete: bool, workdir: Path) -> None:
    """Let TAG stand for a version of SNAPSHOT: afterwards NAME@TAG works wherever a snapshot is named.

    \b
    Examples:
      m4corpus snapshot tag quickstart v1                    # the newest version
      m4corpus snapshot tag quickstart@0123456789ab stable --force
      m4corpus snapshot tag quickstart v1 --delete
    """
    from m4corpus.snapshot.layout import SNAPSHOTS, Home
    from m4corpus.snapshot.open import locate

    if delete:
        Home(workdir / SNAPSHOTS / snapshot.partition("@")[0]).delete_tag(tag)
        click.echo(f"deleted tag {tag}", err=True)
        return
    directory = locate(snapshot, workdir).resolve()
    home = Home(directory.parent)
    home.set_tag(tag, directory.name, move=force)
    click.echo(f"{home.name}@{tag} is {home.name}@{directory.name}", err=True)


@command.command()
@click.argument("before")
@click.argument("after")
@click.option("--document", metavar="ID", help="Only how the text and fields of this document differ.")
@click.option("--queries", type=_file, help="Compare what both find for these queries (as `retrieve` reads them).")
@click.option("-k", type=click.IntRange(min=1), default=10, show_default=True, help="Chunks for each query.")
@click.option("--out", type=_file, help="Write a report in Markdown.")
@click.option("--changes", type=_file, help="Write every change, a line of JSON each.")
@click.option(
    "--examples", type=click.IntRange(min=0), default=10, show_default=True, help="Changes of each kind told."
)
@options.workdir
@options.trust_remote_code
@options.as_json
def diff(
    before: str,
    after: str,
    document: str | None,
    queries: Path | None,
    k: int,
    out: Path | None,
    changes: Path | None,
    examples: int,
    workdir: Path,
    trust_remote_code: bool,
    as_json: bool,
) -> None:
    """Say what changed from snapshot BEFORE to snapshot AFTER.

    Documents and chunks are added, removed, changed (other content under the same name), moved (the same content under
    another id, address or language), relabelled (another field differs) or the same; per language and variety.

    \b
    Examples:
      m4corpus snapshot diff quickstart@v1 quickstart
      m4corpus snapshot diff quickstart@v1 quickstart --queries queries.jsonl --out report.md
      m4corpus snapshot diff quickstart@v1 quickstart --document quickstart:sw/kite.html
    """
    from m4corpus.cli.snapshotview import print_diff
    from m4corpus.retrieve.queries import read_queries
    from m4corpus.snapshot import open_snapshot
    from m4corpus.snapshot.diff import diff as diff_
    from m4corpus.snapshot.document import find, text_diff
    from m4corpus.snapshot.effect import effect as effect_
    from m4corpus.snapshot.report import report
    from m4corpus.storage.atomic import replacing, write_bytes

    old, new = (open_snapshot(name, workdir, trust_remote_code) for name in (before, after))
    if document is not None:
        pair = find(old, document), find(new, document)
        for line in text_diff(*pair, (old.name, new.name), document):
            click.echo(printable(line))
        return
    asked = read_queries(queries) if queries else []
    with ExitStack() as stack:
        heard = _nothing
        if changes is not None:
            stream = stack.enter_context(stack.enter_context(replacing(changes)).open("w", encoding="utf-8"))

            def heard(change: Change) -> None:
                stream.write(json.dumps(change.as_dict(), ensure_ascii=False) + "\n")

        found = diff_(old, new, examples, heard)
    effect = effect_(old, new, asked, k) if asked else None
    if out is not None:
        write_bytes(out, report(found, old, new, effect, k).encode())
    if as_json:
        retrieval = {"k": k, "languages": {name: e.as_dict() for name, e in effect.items()}} if effect else None
        echo_json({**found.as_dict(), "retrieval": retrieval})
    else:
        print_diff(found, effect, k)


@command.command()
@click.option("--keep", type=click.IntRange(min=1), metavar="N", help="Delete all but the N newest versions of each "
              "snapshot; tagged ones stay.")  # fmt: skip
@click.option("--drop", multiple=True, metavar="NAME@VERSION", help="Delete this version; repeat for several.")
@click.option("--unfinished", is_flag=True, help="Delete unfinished builds and pulls as well.")
@click.option("--yes", "-y", is_flag=True, help="Do it; without this, only say what would be deleted.")
@options.workdir
@options.as_json
def gc(keep: int | None, drop: tuple[str, ...], unfinished: bool, yes: bool, workdir: Path, as_json: bool) -> None:
    """Delete artifacts that no snapshot and no latest run needs, and the versions you let go.

    Says what would be deleted and how much room that makes; --yes does it. Crawls and caches stay, but for what dedup
    remembered of documents for artifacts that are gone.

    \b
    Examples:
      m4corpus snapshot gc
      m4corpus snapshot gc --keep 3 --yes
      m4corpus snapshot gc --drop quickstart@0123456789ab --yes
    """
    from m4corpus.cli.snapshotview import print_sweep
    from m4corpus.snapshot.gc import plan, sweep
    from m4corpus.snapshot.layout import SNAPSHOTS, changing
    from m4corpus.storage.lock import locked

    with ExitStack() as stack:
        if yes and workdir.is_dir():
            stack.enter_context(locked(workdir))
            stack.enter_context(changing(workdir / SNAPSHOTS))
        planned = plan(workdir, keep=keep, drop=drop, unfinished=unfinished)
        if yes:
            sweep(workdir, planned)
    if as_json:
        echo_json({"deleted": yes, **planned.as_dict(workdir)})
    else:
        print_sweep(planned, done=yes)


def _nothing(change: Change) -> None:
    """For a diff whose changes nobody writes down."""
