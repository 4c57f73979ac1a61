"""``m4corpus languages``: the registry as a table, or all that is known under one name."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from m4corpus import languages as registry
from m4corpus.languages import Language, Variety

_HEADER = ("code", "name", "639-1", "script", "edition", "varieties")


@click.command("languages")
@click.argument("query", required=False)
@click.option("--dataset", type=click.Choice(registry.DATASETS), help="Only languages this benchmark asks in.")
@click.option("--script", metavar="CODE", help="Only languages written in this script (ISO 15924, e.g. Arab).")
@click.option("--kind", type=click.Choice(registry.KINDS), help="Only languages with a variety of this kind.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(query: str | None, dataset: str | None, script: str | None, kind: str | None, as_json: bool) -> None:
    """List the 42 languages, or explain QUERY.

    QUERY is any name of a language or of one of its varieties: an ISO code, an edition code, a tag, an English or
    native name, a host, a URL, a dump file. --dataset and --kind also narrow the varieties that are counted.
    """
    if query is not None:
        if dataset or script or kind:
            raise click.UsageError("--dataset, --script and --kind filter the list; they do not go with QUERY")
        _explain(query, as_json)
        return
    rows = [
        (language, chosen)
        for language in registry.languages()
        if (chosen := _varieties(language, dataset, kind))
        and (script is None or script.casefold() in {s.casefold() for s in language.scripts})
    ]
    if as_json:
        click.echo(json.dumps([_as_dict(*row) for row in rows], ensure_ascii=False, indent=2))
    else:
        _table(rows)


def _varieties(language: Language, dataset: str | None, kind: str | None) -> list[Variety]:
    return [
        variety
        for variety in language.varieties
        if (dataset is None or dataset in variety.datasets) and kind in (None, variety.kind)
    ]


def _table(rows: list[tuple[Language, list[Variety]]]) -> None:
    cells = [_HEADER]
    for language, varieties in rows:
        scripts = " ".join(language.scripts)
        count = str(len(varieties))
        cells.append((language.code, language.name, language.iso639_1 or "-", scripts, language.edition, count))
    widths = [max(len(row[column]) for row in cells) for column in range(len(_HEADER))]
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    click.echo(f"{len(rows)} languages, {sum(len(v) for _, v in rows)} varieties", err=True)


def _explain(query: str, as_json: bool) -> None:
    named = registry.resolve_variety(query)
    language = registry.get(named.language if named else query)
    if as_json:
        answer = {"query": query, "variety": named.id if named else None}
        answer |= _as_dict(language, list(language.varieties))
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    facts = {
        "ISO 639-3": language.code,
        "ISO 639-1": language.iso639_1 or "none",
        "macrolanguage": language.macrolanguage or "none",
        "script": ", ".join(language.scripts),
        "BCP-47": language.bcp47,
        "edition": f"{language.edition}  {language.host}  {language.dump}",
        "also known as": ", ".join(language.aliases) or "nothing else",
    }
    click.echo(f"{language.name} ({language.native_name})")
    for label, fact in facts.items():
        click.echo(f"  {label:<14} {fact}")
    click.echo("  varieties")
    width = max(len(variety.bcp47) for variety in language.varieties)
    for variety in language.varieties:
        mark = "*" if variety == named else " "
        click.echo(f"  {mark} {variety.bcp47:<{width}}  {variety.name}  [{_facets(variety)}]")


def _facets(variety: Variety) -> str:
    facets = [variety.kind, *(f"CVQA {country}" for country in variety.cvqa)]
    facets += [f"WorldCuisines {name}" for name in variety.worldcuisines]
    return "; ".join([*facets, "queries only"] if variety.query_only else facets)


def _as_dict(language: Language, varieties: list[Variety]) -> dict[str, Any]:
    return {
        **asdict(language),
        "host": language.host,
        "dump": language.dump,
        "names": registry.known_names(language),
        "varieties": [{**asdict(variety), "datasets": variety.datasets} for variety in varieties],
    }
