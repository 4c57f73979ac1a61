"""From all evidence about a text to its variety: the one place where claims are weighed.

1. What the source says (tag, edition, host, address) and what the text shows (markers, or a trained model) are claims,
   each with the probability that it is right. Claims for the same variety support each other as independent ones do;
   different varieties compete by their odds.
2. Where nothing else speaks, a language that is written in hardly more than one of its varieties speaks for that
   one, as surely as ``tables/variety_evidence.csv`` expects.
3. Registers are offered for question-like text alone, and only from the text. No source gives a query-only variety.
4. What does not reach ``min_confidence`` is not given; nor is a variety of another language than the text was found
   to be in. The evidence found is kept, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

from m4corpus import languages as registry
from m4corpus.identify.varieties import metadata
from m4corpus.identify.varieties.config import VarietiesConfig
from m4corpus.identify.varieties.decision import Claim, VarietyDecision
from m4corpus.identify.varieties.groups import REGISTER, Group, groups_of, language_of, score
from m4corpus.identify.varieties.model import load_model
from m4corpus.identify.varieties.questions import question_like
from m4corpus.identify.varieties.reading import Reading
from m4corpus.tables import read_table

# Highest probability a claim is taken at, so that no single one is beyond contradiction.
_MOST = 0.99


class VarietyJudge:
    """Judges texts by ``config``; its models are loaded, and their checksums verified, when it is made."""

    def __init__(self, config: VarietiesConfig | None = None) -> None:
        self.config = config or VarietiesConfig()
        self._models = [(entry, load_model(entry.path, entry.sha256)) for entry in self.config.models]

    def judge(
        self,
        text: str,
        language: str,
        script: str = "",
        *,
        language_confidence: float = 1.0,
        hint: str = "",
        hint_from: str = "",
        url: str = "",
    ) -> VarietyDecision:
        """The variety of ``text``, found to be in ``language`` (ISO 639-3) and ``script`` (ISO 15924, may be empty).

        ``hint``, ``hint_from`` and ``url`` are those of the record. No confidence is higher than the language's.
        """
        if registry.resolve(language) is None:
            return VarietyDecision("", 0.0, "", "no varieties of this language are known")
        claims = list(metadata.claims(language, hint, hint_from, url))
        sample = text[: self.config.sample_chars]
        reading = Reading(sample)
        claims += self._heard(sample, reading, language, script)
        foreign = [
            c for c in claims if language_of(c.variety) != language and c.confidence >= self.config.min_confidence
        ]
        if foreign:
            reason = f"the text is taken for {language}, but reads as {foreign[0].variety}"
            return VarietyDecision("", 0.0, _said(claims), reason)
        claims = [c for c in claims if language_of(c.variety) == language and _is_variety(c.variety)]
        return self._decide(claims or list(_by_language(language)), language, language_confidence, reading)

    def _heard(self, text: str, reading: Reading, language: str, script: str) -> Iterator[Claim]:
        """What the text itself shows: each model that has the language speaks instead of the markers."""
        asking = question_like(reading)
        models = [(entry, model) for entry, model in self._models if language in model.languages]
        for entry, model in models:
            variety, confidence = model.best(text)
            if not is_register(variety) or (self.config.registers and (asking or entry.any_text)):
                yield Claim(variety, confidence, "model", f"{model.name} {confidence:.2f}")
        if not models:
            yield from _by_markers(reading, groups_of(language, script), self.config.registers and asking)

    def _decide(
        self, claims: list[Claim], language: str, language_confidence: float, reading: Reading
    ) -> VarietyDecision:
        if not claims:
            return VarietyDecision("", 0.0, "", _nothing(language, reading, self.config))
        variety, confidence = weigh(claims)
        confidence = round(min(confidence, language_confidence), 4)
        if confidence < self.config.min_confidence:
            return VarietyDecision("", 0.0, _said(claims), f"the likeliest, {variety}, has only {confidence:.2f}")
        return VarietyDecision(variety, confidence, _said([c for c in claims if c.variety == variety]))


def weigh(claims: Iterable[Claim]) -> tuple[str, float]:
    """The variety best supported by at least one claim, and its probability; equals go to the first claimed."""
    doubts: dict[str, float] = {}
    for claim in claims:
        doubts[claim.variety] = doubts.get(claim.variety, 1.0) * (1 - min(claim.confidence, _MOST))
    odds = {variety: (1 - doubt) / doubt for variety, doubt in doubts.items()}
    best = max(odds, key=lambda v: odds[v])
    return best, odds[best] / (1 + sum(odds.values()))


@cache
def is_register(variety: str) -> bool:
    """Whether the tag is of a register: the registry's by kind, any other by its private-use part (``fr-x-formal``)."""
    known = registry.resolve_variety(variety)
    return known.kind == "register" if known else "-x-" in variety.lower()


def _by_markers(reading: Reading, groups: Iterable[Group], asking: bool) -> Iterator[Claim]:
    for group in groups:
        if group.kind == REGISTER and not asking:
            continue
        found = score(group, reading)
        if found.variety and (asking or not _query_only(found.variety)):
            yield Claim(found.variety, found.confidence, "markers", found.markers)


def _by_language(language: str) -> Iterator[Claim]:
    variety, reliability = _shares().get(language, ("", 0.0))
    if variety:
        yield Claim(variety, reliability, "language", language)


@cache
def _shares() -> dict[str, tuple[str, float]]:
    """For each language, the variety that its texts are in if they are in no other, and how often they are."""
    rows = ((registry.resolve_variety(row["variety"]), row["from_language"]) for row in read_table("variety_evidence"))
    return {v.language: (v.bcp47, float(share)) for v, share in rows if v is not None and share}


@cache
def _is_variety(tag: str) -> bool:
    """Not the bare language, as which a group of dialects takes a text that is in none of the dialects."""
    return "-" in tag or registry.resolve_variety(tag) is not None


@cache
def _query_only(tag: str) -> bool:
    known = registry.resolve_variety(tag)
    return known is not None and known.query_only


def _nothing(language: str, reading: Reading, config: VarietiesConfig) -> str:
    varieties = registry.get(language).varieties
    if all(v.query_only for v in varieties):
        if not (config.registers and question_like(reading)):
            return "its varieties are those of questions, which this is not"
        return "no marker of a register in the text"
    return "neither the source nor the text says which"


def _said(claims: Iterable[Claim]) -> str:
    return "; ".join(dict.fromkeys(str(claim) for claim in claims))
