"""CVQA: each question in its language and in English, with its answer and the search queries written for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from m4corpus.crawl.config import CvqaConfig
from m4corpus.crawl.questions import cells
from m4corpus.crawl.questions.asking import unique
from m4corpus.crawl.questions.plain import SearchQuestion
from m4corpus.crawl.questions.questionset import Collected
from m4corpus.crawl.questions.records import Query
from m4corpus.crawl.questions.tables import read_rows
from m4corpus.crawl.questions.trim import trim
from m4corpus.languages import resolve
from m4corpus.ledger import Fail

PLAN = "cvqa"
_COLUMNS = ("ID", "Subset", "Question", "Translated Question", "Options", "Translated Options", "Label")
#: Suffix of the expansions in English, and the edition they are for.
_ENGLISH = ("English", "en")
_BULLET = "- "


def load(config: CvqaConfig, longest: int, base: Path) -> Collected:
    """The questions in the order of the table: first their queries in the local edition, then those in English."""
    collected = Collected()
    wanted = "expansions" in config.use and config.expansions
    expansions = _expansions(config.expansions, collected, base) if wanted else None
    seen: set[str] = set()
    asked = 0
    for file in collected.take("cvqa.questions", config.questions, base):
        for place, row in read_rows(file, _COLUMNS):
            if isinstance(row, Fail):
                collected.reject(place, row)
                continue
            id = row["ID"] if isinstance(row["ID"], str) and row["ID"] else place
            try:
                if id in seen or id == place:
                    raise Fail("repeated-id" if id in seen else "bad-id", str(row["ID"])[:100])
                seen.add(id)
                if not config.limit or asked < config.limit:
                    collected.questions.append(_question(config, row, expansions, longest, collected))
                    asked += 1
            except Fail as fault:
                collected.reject(id, fault)
    return collected


def _question(
    config: CvqaConfig, row: dict[str, Any], expansions: dict[str, list[str]] | None, longest: int, collected: Collected
) -> SearchQuestion:
    id: str = row["ID"]
    language, edition = _language(row["Subset"])
    label = cells.literal(row["Label"], "label")
    queries: list[Query] = []
    for (name, code), prefix in (((language, edition), ""), (_ENGLISH, "Translated ")):
        parts: list[tuple[str, str]] = []
        if expansions is not None:
            own = expansions.get(f"{id}-{name}")
            if own is None:
                collected.reject(id, Fail("no-expansions", f"{id}-{name}"))
            parts += [("expansion", text) for text in own or []]
        if "question" in config.use:
            parts.append(("question", cells.text(row, f"{prefix}Question")))
        if "answer" in config.use:
            parts.append(("answer", _answer(row[f"{prefix}Options"], label)))
        for how, text in parts:
            short, whole = trim(text, longest)
            if short:
                queries.append(Query(code, short, how, whole))
            else:
                collected.reject(id, Fail("empty-query", f"{how} in {name}"))
    if not queries:
        raise Fail("no-queries")
    # Expansions are written by a model that was shown the answer.
    conditioned = any(query.how in ("answer", "expansion") for query in queries)
    return SearchQuestion(id, PLAN, conditioned, config.results, tuple(unique(queries)))


def _language(subset: Any) -> tuple[str, str]:
    """Name as CVQA writes it, and edition, of ``('Spanish', 'Chile')``."""
    parts = cells.texts(subset, "subset")
    if len(parts) != 2:
        raise Fail("bad-subset", f"not (language, country): {str(subset)[:100]!r}")
    language = resolve(parts[0])
    if language is None:
        raise Fail("unknown-language", parts[0][:100])
    return parts[0], language.edition


def _answer(options: Any, label: Any) -> str:
    choices = cells.texts(options, "options")
    if not isinstance(label, int) or isinstance(label, bool) or not 0 <= label < len(choices):
        raise Fail("bad-label", f"label={str(label)[:100]} options={len(choices)}")
    return choices[label]


def _expansions(spec: str, collected: Collected, base: Path) -> dict[str, list[str]]:
    """Queries by ``{ID}-{language}``."""
    found: dict[str, list[str]] = {}
    for file in collected.take("cvqa.expansions", spec, base):
        for place, row in read_rows(file, ["ID", "queries"]):
            try:
                if isinstance(row, Fail):
                    raise row
                id = cells.text(row, "ID")
                if not id or id in found:
                    raise Fail("repeated-id" if id else "bad-id", id)
                found[id] = _queries(row["queries"])
            except Fail as fault:
                collected.reject(place, fault)
    return found


def _queries(value: Any) -> list[str]:
    """A list of texts, or a text with one query a line, each after a hyphen."""
    if not isinstance(value, str):
        return cells.texts(value, "expansions")
    lines = [line.strip() for line in value.splitlines()]
    found = [line.removeprefix(_BULLET).strip() for line in lines if line.startswith(_BULLET)]
    if not found:
        raise Fail("bad-expansions", f"no line begins with '{_BULLET}': {value[:100]!r}")
    return found
