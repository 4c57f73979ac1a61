"""What ``auto`` stands for: limits learnt from clean text of each language, in ``tables/filter_thresholds.csv``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from m4corpus.tables import read_table

#: Code of the row that holds for languages and scripts the table has none for.
EVERY = "*"


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit, and the code (a language, a script, or ``*``) whose texts it was learnt from."""

    limit: float
    basis: str


def threshold(measure: str, language: str, script: str) -> Threshold | None:
    """The limit of a measure for a language, else for its script, else for all; None where the table has none."""
    rows = _rows()
    for code in (language, script, EVERY):
        found = rows.get((measure, code))
        if found is not None:
            return found
    return None


def relative_length(language: str, script: str) -> float:
    """How many letters the language takes for what English says in one, by the translations of one text."""
    found = threshold("relative_length", language, script)
    return found.limit if found else 1.0


@cache
def _rows() -> dict[tuple[str, str], Threshold]:
    return {
        (row["measure"], row["code"]): Threshold(float(row["limit"]), row["basis"])
        for row in read_table("filter_thresholds")
    }
