"""What the ``snapshot`` commands print for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from m4corpus.cli.output import bytes_text, table
from m4corpus.cli.report import print_languages
from m4corpus.snapshot.diff import KINDS, Diff, Tally
from m4corpus.snapshot.effect import Effect
from m4corpus.snapshot.gc import Sweep
from m4corpus.snapshot.layout import Home
from m4corpus.snapshot.manifest import SNAPSHOT

if TYPE_CHECKING:
    from m4corpus.snapshot import Snapshot


def print_snapshot(snapshot: Snapshot) -> None:
    """Everything in the manifest that a reader asks for; manifests of earlier versions say less."""
    manifest = snapshot.manifest
    home = Home(snapshot.directory.resolve().parent)
    tags = [tag for tag, version in home.tags().items() if version == manifest["version"]]
    encoder = manifest.get("encoder", {})
    facts = [
        ("snapshot", snapshot.name),
        ("kind", manifest.get("kind", SNAPSHOT)),
        ("directory", str(snapshot.directory)),
        ("tags", ", ".join(tags)),
        ("origin", manifest.get("origin", "")),
        ("parent", manifest.get("parent") or ""),
        ("description", manifest.get("recipe", {}).get("description", "")),
        ("encoder", f"{encoder.get('config', {}).get('name', '')} {str(encoder.get('fingerprint', ''))[:12]}".strip()),
        ("answers", ", ".join(manifest.get("conditioned_on_answers", []))),
        ("tools", ", ".join(f"{name} {version}" for name, version in manifest.get("tools", {}).items())),
    ]
    for name, value in facts:
        if value:
            click.echo(f"{name:<12} {value}")
    if manifest.get("sources"):
        _print_sources(manifest["sources"], manifest.get("crawls", {}))
    if artifacts := manifest.get("artifacts"):
        rows = [[stage, pin["path"].rpartition("/")[2], pin["counts"]["outputs"], pin["logical"][:12]]
                for stage, pin in artifacts.items() if "counts" in pin]  # fmt: skip
        table(["stage", "artifact", "rows", "logical"], rows)
    if isinstance(manifest.get("documents"), dict):
        print_languages(manifest)
    for kind in ("drops", "failures"):
        if manifest.get(kind):
            _print_losses(kind, manifest[kind])


def _print_sources(sources: Mapping[str, Any], crawls: Mapping[str, Any]) -> None:
    rows = []
    for name, pin in sources.items():
        revisions = pin.get("revisions", {})
        span = f"{revisions['lowest']}-{revisions['highest']}" if "highest" in revisions else ""
        crawl = crawls.get(name, {})
        asked = f"{crawl['crawl']} as of {crawl['as_of'] or '-'}, {len(crawl['archive'])} WARC" if crawl else ""
        rows.append(
            [
                name, pin.get("format", ""), pin.get("files", 0), bytes_text(pin.get("bytes", 0)), pin.get("pages", 0),
                ", ".join(pin.get("dates", [])) or asked, span, str(pin.get("digest", ""))[:12],
            ]
        )  # fmt: skip
    table(["source", "format", "files", "size", "pages", "state", "revisions", "digest"], rows)


def _print_losses(kind: str, losses: Mapping[str, Any]) -> None:
    rows = [
        [stage, rule, lost["inputs"], ", ".join(f"{name} {n:,}" for name, n in _largest(lost["languages"]))]
        for stage, rules in losses.items()
        for rule, lost in rules.items()
    ]
    table(["stage", kind.removesuffix("s"), "inputs", "languages"], rows)


def print_diff(found: Diff, effect: Mapping[str, Effect] | None, k: int) -> None:
    """Tables of a diff, and its effect on retrieval."""
    click.echo(f"{found.before} -> {found.after}")
    click.echo(f"stages whose rows differ: {', '.join(found.stages) or 'none'}")
    for option in found.recipe:
        click.echo(f"recipe: {option['key']} {option['before']!r} -> {option['after']!r}")
    for title, tally in (("documents", found.documents), ("chunks", found.chunks)):
        _print_tally(title, tally)
    for change in found.examples:
        was = f" (was {change.before.id})" if change.before and change.before.id != change.now.id else ""
        click.echo(f"{change.kind} {change.what.removesuffix('s')} {change.now.id}{was}")
    if effect:
        table(
            ["query language", "queries", f"overlap@{k} chunks", "documents", "RBO", "same first"],
            [[name, e.queries, e.chunks, e.documents, e.rbo, e.first] for name, e in effect.items()],
        )


def _print_tally(title: str, tally: Tally) -> None:
    rows = [["all", *(tally.total[kind] for kind in KINDS)]]
    rows += [[name, *(counts[kind] for kind in KINDS)] for name, counts in sorted(tally.languages.items())]
    rows += [[name, *(counts[kind] for kind in KINDS)] for name, counts in sorted(tally.varieties.items())]
    table([title, *KINDS], rows)
    for (one, two), number in sorted(tally.moves.items()):
        click.echo(f"{title} from {one} to {two}: {number:,}")


def print_sweep(planned: Sweep, *, done: bool) -> None:
    """What goes, or went."""
    rows = [[str(d.path), d.why, bytes_text(d.bytes)] for d in planned.all]
    if rows:
        table(["deleted" if done else "would be deleted", "why", "size"], rows)
    for line in planned.kept:
        click.echo(f"kept: {line}", err=True)
    if not rows:
        click.echo("nothing to delete")
    else:
        click.echo(f"{'freed' if done else 'this would free'} {bytes_text(planned.freed)}")
        if not done:
            click.echo("nothing was deleted; add --yes to do it", err=True)


def _largest(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
