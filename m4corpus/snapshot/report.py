"""A diff as a report people read: Markdown, the same text for the same snapshots."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from m4corpus.identify.labels import language_names
from m4corpus.snapshot.diff import KINDS, Diff, Tally
from m4corpus.snapshot.effect import PERSISTENCE, Effect

if TYPE_CHECKING:
    from m4corpus.snapshot.open import Snapshot


def report(
    found: Diff, before: Snapshot, after: Snapshot, effect: Mapping[str, Effect] | None = None, k: int = 10
) -> str:
    """The report; ``effect`` is that of a query set on the ``k`` best chunks."""
    lines = [
        f"# {after.manifest['name']}: {before.manifest['version']} to {after.manifest['version']}",
        "",
        *_recipe(found),
        *_sources(before, after),
        *_tally("Documents", found.documents),
        *_tally("Chunks", found.chunks),
        *_losses(before, after),
        *(_effect(effect, k) if effect else ()),
        *_examples(found),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _recipe(found: Diff) -> Iterator[str]:
    if found.stages:
        yield f"Stages whose rows differ: {', '.join(found.stages)}."
    else:
        yield "No stage has other rows."
    yield ""
    if found.recipe:
        yield from ("## Recipe", "")
        yield from _table(
            ["key", "before", "after"],
            [[f"`{c['key']}`", _value(c["before"]), _value(c["after"])] for c in found.recipe],
        )


def _sources(before: Snapshot, after: Snapshot) -> Iterator[str]:
    old, new = before.manifest.get("sources", {}), after.manifest.get("sources", {})
    rows = []
    for name in sorted({*old, *new}):
        one, two = old.get(name, {}), new.get(name, {})
        same = one.get("digest") == two.get("digest")
        rows.append([name, _pin(one), _pin(two), "the same files" if same and one else "other files"])
    if rows:
        yield from ("## Sources", "")
        yield from _table(["source", "before", "after", ""], rows)


def _pin(pin: Mapping[str, Any]) -> str:
    if not pin:
        return "not read"
    said = [f"{pin.get('pages', 0):,} pages", *pin.get("dates", [])]
    if highest := pin.get("revisions", {}).get("highest"):
        said.append(f"newest revision {highest}")
    if fetched := pin.get("fetched"):
        said.append(f"fetched until {fetched['last']}")
    return ", ".join(said)


def _tally(title: str, tally: Tally) -> Iterator[str]:
    yield from (f"## {title}", "")
    rows = [["all", *_cells(tally.total)]]
    names = language_names()
    rows += [
        [f"{label} {names.get(label.partition('_')[0], '')}".strip(), *_cells(counts)]
        for label, counts in sorted(tally.languages.items())
    ]
    yield from _table(["language", *KINDS], rows)
    if tally.varieties:
        yield from _table(["variety", *KINDS], [[n, *_cells(c)] for n, c in sorted(tally.varieties.items())])
    if tally.moves:
        yield from _table(
            ["from language", "to", "number"], [[a, b, f"{n:,}"] for (a, b), n in sorted(tally.moves.items())]
        )


def _losses(before: Snapshot, after: Snapshot) -> Iterator[str]:
    old, new = (_lost(s.manifest) for s in (before, after))
    changed = [
        [stage, what, f"{old.get((stage, what), 0):,}", f"{new.get((stage, what), 0):,}"]
        for stage, what in sorted({*old, *new})
        if old.get((stage, what)) != new.get((stage, what))
    ]
    if changed:
        yield from ("## Dropped and failed", "")
        yield from _table(["stage", "rule or reason", "before", "after"], changed)


def _lost(manifest: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    counts = {stage: pin["counts"] for stage, pin in manifest["artifacts"].items()}
    return {(s, slug): n for s, c in counts.items() for kind in ("dropped", "failed") for slug, n in c[kind].items()}


def _effect(effect: Mapping[str, Effect], k: int) -> Iterator[str]:
    yield from ("## Retrieval", "")
    yield f"Of the {k} best chunks of each query; rank-biased overlap with p = {PERSISTENCE}."
    yield ""
    yield from _table(
        ["query language", "queries", f"overlap@{k} chunks", f"overlap@{k} documents", "RBO", "same first"],
        [
            [language, f"{e.queries:,}", *(f"{value:.3f}" for value in (e.chunks, e.documents, e.rbo, e.first))]
            for language, e in effect.items()
        ],
    )


def _examples(found: Diff) -> Iterator[str]:
    if found.examples:
        yield from ("## Examples", "")
    for change in found.examples:
        was = f" (was `{change.before.id}`)" if change.before and change.before.id != change.now.id else ""
        yield f"- {change.kind} {change.what.removesuffix('s')} `{change.now.id}`{was}, {change.now.label}"


def _cells(counts: Counter[str]) -> list[str]:
    return [f"{counts[kind]:,}" for kind in KINDS]


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return f"`{text if len(text) <= 80 else text[:79] + '…'}`"


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (headers, ["---"] * len(headers), *rows):
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"
    yield ""
