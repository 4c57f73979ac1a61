"""WorldCuisines' tables as questions: every dish, every category of dishes, every cuisine in every language.

Ids are those of M4-RAG's mapping. Dishes are ``food-1``... over the distinct names in lower case, sorted; categories
``category-1``... likewise (the reference numbers them ``food-1``... in a file of their own). Cuisines are
``{key_id}-{edition}``. The table of locations on the Hub has 401 rows with a ``key_id``; the one distributed as CSV has
two header rows, no ``key_id`` and 429 rows, of which 28 repeat a ``Base Key`` with some languages left empty. Without
these there are 401 here too; ``key_id`` is then ``cuisine-{n}``, the number of the row among them from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from m4corpus.crawl.config import WorldCuisinesConfig
from m4corpus.crawl.questions import cells
from m4corpus.crawl.questions.asking import Question, unique
from m4corpus.crawl.questions.names import PIVOT, NameQuestion
from m4corpus.crawl.questions.plain import SearchQuestion
from m4corpus.crawl.questions.questionset import Collected
from m4corpus.crawl.questions.records import Query, edition_code
from m4corpus.crawl.questions.tables import read_rows
from m4corpus.crawl.questions.trim import trim
from m4corpus.languages import resolve
from m4corpus.ledger import Fail
from m4corpus.tables import read_table

PLAN = "worldcuisines"
#: Columns as the CSV and as the Hub's data set spell them; rows have them under the first name.
_NAME, _ALIAS = "Name|name", "Alias|alias|aliases"
_CATEGORIES = ("Coarse-grained categories|coarse_categories", "Fine-grained categories|fine_categories")
_KEY = "Base Key"


def load(config: WorldCuisinesConfig, longest: int, base: Path) -> Collected:
    """Dishes, then categories, then cuisines (row by row, editions in the order of the options)."""
    collected = Collected()
    editions = tuple(dict.fromkeys(map(edition_code, config.editions)))
    if config.dishes:
        names, categories = _dishes(config, collected, base)
        for kind, found, conditioned in (("food", names, True), ("category", categories, False)):
            numbered = enumerate(sorted(found), 1)
            for number, name in [*numbered][: config.limit or None]:
                id = f"{kind}-{number}"
                queries = _names(id, name, found[name], editions, longest, collected)
                collected.questions.append(
                    NameQuestion(id, PLAN, conditioned, config.results, queries, editions, config.linked, longest)
                )
    if config.locations:
        collected.questions += _cuisines(config, editions, longest, collected, base)
    return collected


def _normal(name: str) -> str:
    return name.lower().strip()


def _dishes(config: WorldCuisinesConfig, collected: Collected, base: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Cell of aliases by name of dish; None by name of category."""
    dishes: dict[str, Any] = {}
    categories: dict[str, Any] = {}
    grouping = _CATEGORIES if config.categories else ()
    required = [_NAME, *grouping, *([_ALIAS] if config.aliases else [])]
    for file in collected.take("worldcuisines.dishes", config.dishes, base):
        for place, row in read_rows(file, required):
            if isinstance(row, Fail):
                collected.reject(place, row)
                continue
            try:
                name = _normal(cells.text(row, "Name"))
            except Fail as fault:
                collected.reject(place, fault)
                continue
            if not name:
                collected.reject(place, Fail("empty-name"))
            elif name in dishes:
                collected.reject(place, Fail("repeated-name", name))
            else:
                dishes[name] = row.get("Alias")
            for column in grouping:
                for category in _guarded(collected, place, partial(_list, row[column.split("|")[0]], "categories")):
                    if _normal(category):
                        categories[_normal(category)] = None
    return dishes, categories


def _list(cell: Any, what: str) -> list[str]:
    return cells.texts(cell, what) if cell not in (None, "") else []


def _guarded(collected: Collected, id: str, parse: Callable[[], list[Any]]) -> list[Any]:
    try:
        return parse()
    except Fail as fault:
        collected.reject(id, fault)
        return []


def _names(
    id: str, name: str, alias: Any, editions: tuple[str, ...], longest: int, collected: Collected
) -> tuple[Query, ...]:
    """The name in English, and the aliases: in the edition of their language if it is searched, else in English."""
    text, whole = trim(name, longest)
    queries = [Query(PIVOT, text, "name", whole)]
    for spelling, language in _guarded(collected, id, partial(_aliases, alias)):
        known = resolve(language)
        edition = known.edition if known and known.edition in editions else PIVOT
        text, whole = trim(spelling, longest)
        if text:
            queries.append(Query(edition, text, "alias", whole))
    return tuple(unique(queries))


def _aliases(cell: Any) -> list[tuple[str, str]]:
    """Alias and language; ``no_alias``, in any spelling, says that there is none."""
    found = cells.literal(cell, "alias") if cell not in (None, "") else []
    if not isinstance(found, list | tuple) or not all(isinstance(item, dict) for item in found):
        raise Fail("bad-alias", f"not a list of {{alias: language}}: {str(cell)[:100]!r}")
    pairs = [pair for item in found for pair in item.items() if not any("no_alias" in str(part) for part in pair)]
    if not all(isinstance(alias, str) and isinstance(language, str) for alias, language in pairs):
        raise Fail("bad-alias", f"not a list of {{alias: language}}: {str(cell)[:100]!r}")
    return [(_normal(alias), language) for alias, language in pairs]


def _cuisines(
    config: WorldCuisinesConfig, editions: tuple[str, ...], longest: int, collected: Collected, base: Path
) -> Iterator[Question]:
    phrases = {row["edition"]: row for row in read_table("cuisine_phrases")}
    columns = {edition: f"{row['language']}_{row['column']}" for edition, row in phrases.items()}
    count = 0
    for key, row in _locations(config, list(columns.values()), collected, base):
        for edition in editions:
            if config.limit and count >= config.limit:
                return
            if edition not in phrases:
                continue
            id = f"{key}-{edition}"
            try:
                cuisine = cells.text(row, columns[edition])
            except Fail as fault:
                collected.reject(id, fault)
                continue
            if not cuisine:
                collected.reject(id, Fail("empty-query", f"field={columns[edition]}"))
                continue
            text, whole = trim(phrases[edition]["phrase"].format(cuisine), longest)
            yield SearchQuestion(id, PLAN, True, config.results, (Query(edition, text, "cuisine", whole),))
            count += 1


def _locations(
    config: WorldCuisinesConfig, columns: list[str], collected: Collected, base: Path
) -> Iterator[tuple[str, dict[str, Any]]]:
    """``key_id`` and row of each location."""
    keys: set[str] = set()
    ids: set[str] = set()
    for file in collected.take("worldcuisines.locations", config.locations, base):
        for place, row in read_rows(file, [_KEY, *columns], ["key_id"]):
            if isinstance(row, Fail):
                collected.reject(place, row)
                continue
            try:
                key, id = cells.text(row, _KEY), cells.text(row, "key_id")
                empty = [column for column in columns if not cells.text(row, column)]
            except Fail as fault:
                collected.reject(place, fault)
                continue
            if key in keys and empty and not id:
                collected.reject(place, Fail("superseded-row", f"{key} again, without {empty[0]}"))
                continue
            id = id or f"cuisine-{len(ids)}"
            if id in ids:
                collected.reject(place, Fail("repeated-id", id))
                continue
            keys.add(key)
            ids.add(id)
            yield id, row
