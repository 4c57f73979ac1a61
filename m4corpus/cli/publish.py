"""``publish``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from m4corpus.cli import options
from m4corpus.cli.output import bytes_text, echo_json, table
from m4corpus.cli.transfer import progress


@click.command()
@options.snapshot
@click.argument("repository", metavar="OWNER/NAME")
@click.option("--private", is_flag=True, help="Make a new repository private; one that is there stays as it is.")
@click.option("--dry-run", is_flag=True, help="Build and check everything, say what would change, send nothing.")
@click.option("--revision", "branch", default="main", show_default=True, help="Branch to publish on.")
@click.option(
    "--configs", "layout", type=click.Choice(["documents", "m4rag"]), default="documents", show_default=True,
    help="What a benchmark's configuration loads: documents, or article records as M4-RAG publishes them.",
)  # fmt: skip
@click.option("--ids-only", is_flag=True, help="Ids, addresses, revisions, offsets and digests; no text, no vectors.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write the release here; send nothing.")
@click.option("--evaluation", type=click.Path(path_type=Path, dir_okay=False, exists=True),
              help="What `m4corpus evaluate --json` printed, for the card.")  # fmt: skip
@click.option("--allow-secret", "allowed", multiple=True, metavar="DOCUMENT",
              help="A document that only seems to hold a secret; repeat for several.")  # fmt: skip
@click.option("--replace", is_flag=True, help="Let the version's tag move, if it was published in another form.")
@options.workdir
@options.as_json
def publish(
    snapshot: str,
    repository: str,
    private: bool,
    dry_run: bool,
    branch: str,
    layout: str,
    ids_only: bool,
    out: Path | None,
    evaluation: Path | None,
    allowed: tuple[str, ...],
    replace: bool,
    workdir: Path,
    as_json: bool,
) -> None:
    """Publish SNAPSHOT as the data set OWNER/NAME of the Hugging Face Hub, tagged with its version.

    Documents, chunks, vectors and indexes are sent as Parquet and FAISS files by language; only what changed is sent.
    The manifest is committed last: until then nobody sees the new version. Run it again after an interruption and it
    goes on. A source without a licence, or Wikipedia without revisions, is refused, and so is anything that looks like
    a token or a key. Access is the Hub client's affair: `hf auth login`, or HF_TOKEN.

    \b
    Examples:
      m4corpus publish quickstart me/quickstart --dry-run
      m4corpus publish quickstart me/quickstart --private
      m4corpus publish worldcuisines@v1 me/worldcuisines --ids-only
      m4corpus publish quickstart me/quickstart --out release/   # to be put anywhere, such as S3
    """
    from m4corpus.release import publish as publishing
    from m4corpus.release.make import Options, check_files, make
    from m4corpus.snapshot import open_snapshot
    from m4corpus.snapshot.carried import model_directory

    publishing.repository_name(repository)
    scores = _evaluation(evaluation) if evaluation else None
    choices = Options(repository, ids_only, layout == "m4rag", scores, frozenset(allowed))
    with progress() as report:
        root, release = make(open_snapshot(snapshot, workdir), workdir, choices, out, report)
        check_files(root, release)
        commit = ""
        if dry_run or out is not None:
            change = publishing.dry_run(root, release, repository)
        else:
            done = publishing.publish(
                root, release, repository, private=private, branch=branch, replace=replace, report=report
            )
            commit, change = done.commit, done.change
    name = f"{release.name}@{release.version}"
    needed = model_directory(release.snapshot["encoder"])
    if as_json:
        echo_json(
            {
                "snapshot": name, "repository": repository, "directory": str(root), "commit": commit or None,
                "sent": bool(commit), "added": [path for path, _ in change.added], "bytes": change.bytes,
                "same": change.same, "removed": change.removed,
                "needs_model": {"name": needed[0], "files": needed[1]} if needed else None,
            }
        )  # fmt: skip
        return
    if not commit:
        table(["file", "bytes"], [[path, size] for path, size in change.added])
        for path in change.removed:
            click.echo(f"removed: {path}")
    what = "sent" if commit else "would be sent"
    click.echo(
        f"{name}: {len(change.added)} files, {bytes_text(change.bytes)} {what}; {change.same} unchanged, "
        f"{len(change.removed)} removed",
        err=True,
    )
    if needed:
        click.echo(
            f"warning: queries need the model directory '{needed[0]}' (files digest {needed[1]}), which is not "
            "published; the card says so. Whoever searches has to bring it: --encoder-path DIR",
            err=True,
        )
    if commit:
        click.echo(f"published as {repository}@{release.version} (commit {commit[:12]})", err=True)
        click.echo(f"fetch it with: m4corpus pull {repository}@{release.version}", err=True)
    else:
        click.echo(f"nothing was sent; the release lies in {root}", err=True)


def _evaluation(path: Path) -> dict[str, Any]:
    """What ``evaluate --json`` prints."""
    from m4corpus.errors import UserError

    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        scores = {str(g): {str(m): float(v) for m, v in values.items()} for g, values in found["scores"].items()}
        if not scores or len({tuple(values) for values in scores.values()}) != 1:
            raise ValueError("scores")
        return {"queries": {str(g): int(n) for g, n in found["queries"].items()}, "scores": scores}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is not what `m4corpus evaluate --json` prints", "Write it with: > FILE") from None
