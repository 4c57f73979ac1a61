"""The likeliest sequence of languages of consecutive segments, where neighbours tend to share theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def likeliest(evidence: Sequence[Mapping[str, float]], first: str, change: float) -> list[str]:
    """One language for each segment, by Viterbi's algorithm.

    ``evidence`` holds, for each segment, how well it fits each language (a logarithm, the same languages throughout);
    going from one language to another costs ``change`` (of the same scale), and so does to begin in another than
    ``first``. Of equal sequences one that ends in ``first`` is taken, and of those the one that changes earlier.
    """
    if not evidence:
        return []
    languages = sorted(evidence[0], key=lambda language: (language != first, language))
    scores = {language: -change * (language != first) + evidence[0][language] for language in languages}
    origins: list[dict[str, str]] = []
    for fits in evidence[1:]:
        leader = max(languages, key=lambda language: scores[language])
        origin = {
            language: language if scores[language] >= scores[leader] - change else leader for language in languages
        }
        scores = {
            language: scores[source] - change * (source != language) + fits[language]
            for language, source in origin.items()
        }
        origins.append(origin)
    found = [max(languages, key=lambda language: scores[language])]
    for origin in reversed(origins):
        found.append(origin[found[-1]])
    return found[::-1]
