"""Words that tell a language from its nearest relatives, where the model wavers between them.

Indonesian and Malay, or Bokmål, Nynorsk and Danish, share most words and their parts, and the model, which weighs all
alike, hears too little of the few that differ: ``karena`` and ``kerana``, ``jeg`` and ``eg``.
"""

from __future__ import annotations

from functools import cache

from m4corpus.tables import read_table

# How much likelier each different word makes its language, and how many count.
_FACTOR, _MOST = 3.0, 8
# Probability from which a language is in question.
_QUESTIONED = 0.01


def weigh(probabilities: dict[str, float], line: str) -> dict[str, float]:
    """``probabilities`` of a normalised text after its telltale words, largest first, adding up to what they did.

    Only where two languages of a group are in question.
    """
    weighed = probabilities
    for group in _groups():
        if sum(weighed.get(code, 0.0) >= _QUESTIONED for code in group) < 2:
            continue
        words = set(line.split())
        counts = {code: min(_MOST, len(words & own)) for code, own in group.items()}
        weights = {code: p * _FACTOR ** counts.get(code, 0) for code, p in weighed.items()}
        scale = sum(weighed.values()) / sum(weights.values())
        ranked = sorted(weights.items(), key=lambda item: (-item[1], item[0]))
        weighed = {code: p * scale for code, p in ranked}
    return weighed


@cache
def _groups() -> list[dict[str, frozenset[str]]]:
    """The words of each language, group by group."""
    groups: dict[str, dict[str, frozenset[str]]] = {}
    for row in read_table("lid_telltale"):
        groups.setdefault(row["group"], {})[row["code"]] = frozenset(row["words"].split("|"))
    return list(groups.values())
