"""``filters explain``, ``filters thresholds`` and ``filters learn``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from m4corpus.cli import options
from m4corpus.cli.output import echo_json, table

if TYPE_CHECKING:
    from m4corpus.filters.config import FilterConfig
    from m4corpus.filters.learn import Reference
    from m4corpus.records import Document


@click.group()
def command() -> None:
    """Why a document is dropped, which limits are learnt, and how."""


@command.command()
@options.recipe
@click.argument("document")
@options.workdir
@options.limit
@options.as_json
def explain(recipe: Path, document: str, workdir: Path, limit: int | None, as_json: bool) -> None:
    """Show what every filter rule of RECIPE measures of DOCUMENT, its limit and the verdict.

    DOCUMENT is the id of a document that was identified in the recipe's latest run, or a file of HTML or plain text.
    Rules the recipe leaves off are shown too where they have a learnt limit.

    \b
    Examples:
      m4corpus filters explain recipes/quickstart.yaml quickstart:am/kite.html
      m4corpus filters explain recipes/quickstart.yaml page.html
    """
    from m4corpus.pipeline import Pipeline

    pipeline = Pipeline.from_file(recipe, workdir, limit)
    found = _identified(Path(document)) if Path(document).is_file() else _stored(pipeline.status(), document)
    rows = list(_verdicts(found, pipeline.recipe.filter))
    label = {"id": found.id, "language": found.language, "script": found.script}
    if as_json:
        echo_json({**label, "rules": rows})
        return
    click.echo(f"{found.id}: {found.language}_{found.script}, {len(found.text):,} characters")
    table(["rule", "measured", "limit", "verdict"], [list(row.values()) for row in rows])
    if pipeline.recipe.filter.max_template_share is not None:
        click.echo("max-template-share compares with the whole corpus and is applied by `m4corpus run` only")


@command.command()
@click.option("--lang", "language", metavar="CODE", help="Only the limits of this language (any code or name).")
@options.as_json
def thresholds(language: str | None, as_json: bool) -> None:
    """The limits that `auto` stands for, and whose texts each was learnt from; `*` holds where nothing else does."""
    from m4corpus.identify.labels import language_code
    from m4corpus.tables import read_table

    code = language_code(language) if language else None
    rows = [row for row in read_table("filter_thresholds") if code is None or row["code"] == code]
    if as_json:
        echo_json(rows)
    else:
        headers = ["measure", "code", "limit", "median", "stretches", "basis"]
        table(headers, [[row[header] for header in headers] for row in rows])


@command.command()
@click.argument("texts", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--into", type=click.Path(path_type=Path, file_okay=False), required=True,
              help="Directory for filter_thresholds.csv and stop_words.csv.")  # fmt: skip
def learn(texts: tuple[Path, ...], into: Path) -> None:
    """Learn limits and frequent words from clean TEXTS.

    TEXTS are JSON Lines with `language`, `text` and, where known, `script`, `source` and `parallel` (true for
    translations of one text, by whose lengths languages are compared). The tables the package carries were made with
    benchmarks/filter_reference.py.
    """
    import csv

    from m4corpus import languages as registry
    from m4corpus.filters.learn import tables

    references = [reference for path in texts for reference in _references(path)]
    rows, words = tables(references, {language.code: language.scripts[0] for language in registry.languages()})
    into.mkdir(parents=True, exist_ok=True)
    with (into / "filter_thresholds.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["measure", "code", "limit", "median", "stretches", "basis"])
        writer.writerows([r.measure, r.code, r.limit, r.median, r.stretches, r.basis] for r in rows)
    with (into / "stop_words.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["code", "words"])
        writer.writerows([code, "|".join(found)] for code, found in words.items())
    click.echo(f"{len(rows)} limits and the frequent words of {len(words)} languages in {into}")


def _references(path: Path) -> Iterator[Reference]:
    import json

    from m4corpus.errors import UserError
    from m4corpus.filters.learn import Reference
    from m4corpus.identify.labels import language_code
    from m4corpus.identify.script import dominant_script

    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row: dict[str, Any] = json.loads(line)
            text, language = str(row["text"]), str(row["language"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}, line {number}: {error}", "Each line is JSON with `language` and `text`."
            ) from None
        script = row.get("script") or dominant_script(text).code
        yield Reference(language_code(language), script, text, str(row.get("source", "")), bool(row.get("parallel")))


def _identified(path: Path) -> Document:
    """A file, cleaned and identified as a run would."""
    from m4corpus.clean.config import CleanConfig
    from m4corpus.clean.detect import clean_page
    from m4corpus.errors import UserError
    from m4corpus.identify.step import IdentifyStep
    from m4corpus.ledger import Verdict
    from m4corpus.records import Document, Page

    kind = "text/html" if path.suffix.lower() in (".html", ".htm", ".xhtml") else "text/plain"
    content = path.read_text(encoding="utf-8", errors="replace")
    try:
        document = clean_page(Page(str(path), "", path.name, kind, content), CleanConfig())
    except Verdict as verdict:
        raise UserError(f"{path} cannot be cleaned: {verdict.slug} {verdict.detail}".rstrip()) from None
    (identified,) = IdentifyStep().run(iter([document]))
    assert isinstance(identified, Document)
    return identified


def _stored(artifacts: list[Any], key: str) -> Document:
    """The document of that id in the latest artifact of the identify stage."""
    from m4corpus.errors import UserError
    from m4corpus.records import Document, from_batches
    from m4corpus.storage.parts import read_batches

    for artifact in artifacts:
        if artifact.stage == "identify":
            for part in artifact.parts():
                for document in from_batches(Document, read_batches(artifact.directory / part.path)):
                    if document.id == key:
                        return document
            raise UserError(
                f"no identified document has the id '{key}', and it is no file",
                "`m4corpus status RECIPE --ledger failed` lists inputs that got no further.",
            )
    raise UserError(
        f"'{key}' is no file, and the recipe has no identified documents yet", "m4corpus run RECIPE --until identify"
    )


def _verdicts(document: Document, config: FilterConfig) -> Iterator[dict[str, str]]:
    """A row for each rule: name, what it measures, its limit, the verdict."""
    from m4corpus.filters.rules import every_rule

    for name, rule, on in every_rule(config):
        finding = rule(document)
        verdict = "DROP" if finding.broken else "not judged" if finding.measured.endswith("=none") else "keep"
        yield {
            "rule": name,
            "measured": finding.measured,
            "limit": finding.limit,
            "verdict": verdict if on else f"({'would drop' if finding.broken else verdict}; off)",
        }
