"""Documents in more than one language: which paragraph is in which, and how much of the text each makes up.

1. A segment is a line of a block that is no code; mostly, the whole block.
2. Another language than the document's comes into question only where segments that are surely in it add up to
   something; one of the same macrolanguage, as Mandarin is for Cantonese, never. Which segments then are in it, the
   likeliest sequence decides: each speaks by its letters, the document's language is favoured, and so is the language
   of the segment before. So a heading of two words decides nothing, and goes with what is around it.
3. The document's language becomes that of most of its text, where that is another than its sample was taken for.

Segments too short to be told are not put to the model, nor are those of a document that has only one long enough: its
language is that segment's.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from m4corpus import languages as registry
from m4corpus.identify.config import IdentifyConfig
from m4corpus.identify.decide import AGREE, DISAGREE, NONE, given_script
from m4corpus.identify.evidence import in_script, sample
from m4corpus.identify.labels import UNDETERMINED, read_hint, scripts_of
from m4corpus.identify.script import UNKNOWN, compatible, leading_script, weighted_scripts
from m4corpus.identify.sequence import likeliest
from m4corpus.identify.sinitic import is_cantonese
from m4corpus.records import Block, Document

#: Probabilities of languages for a batch of texts: what ``LanguageModel.probabilities`` gives.
Model = Callable[[Sequence[str]], list[dict[str, float]]]

#: The language that texts are most often left in when a page is translated.
ENGLISH = "eng"
# Letters from which a segment is put to the model, and from which its answer has its full weight.
_ASKED, _FULL = 12, 20
# Characters of a segment the model reads.
_READ = 400
# Odds of the document's language in a segment of full weight, and the cost of another language than the segment before.
_FAVOUR, _CHANGE = math.log(3), 0.5
# Lowest probability a segment can give a language: the most one segment says is the logarithm of its inverse.
_LEAST = 0.001
# A segment that the script bars from the document's language is taken for English at this probability.
_MERELY_LIKELY = 0.5
# Probabilities below this say nothing, and most of a model's are.
_NEGLIGIBLE = 1e-3
_HAN = ("Hani", "Hans", "Hant")
_CODE = "code"


@dataclass(slots=True)
class Segment:
    """A line of the block with index ``block`` (-1: of a document without blocks).

    ``letters`` counts as scripts are weighed (:func:`m4corpus.identify.script.weighted_scripts`): a Han character is
    three.
    ``probabilities`` are the model's, given the ``script``; empty for a segment it was not asked about.
    """

    block: int
    text: str
    script: str
    letters: int
    language: str = ""
    probabilities: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Mixture:
    """The segments of a document, labelled; ``shares`` (0 to 1) of its letters in each language, adding up to 1;
    ``main`` the language of most, and ``script`` and ``confidence`` of what is in it."""

    segments: list[Segment]
    shares: dict[str, float]
    main: str
    script: str
    confidence: float


def mixtures(documents: Sequence[Document], model: Model, config: IdentifyConfig) -> list[Mixture | None]:
    """The mixture of each labelled document, None where it has fewer than two segments that could be told.

    The model is asked once for all of them, and once for what several hold.
    """
    cuts = [cut(document) if len(document.blocks) > 1 or "\n" in document.text else [] for document in documents]
    cuts = [segments if sum(s.letters >= _ASKED for s in segments) > 1 else [] for segments in cuts]
    _ask([segment for segments in cuts for segment in segments if segment.letters >= _ASKED], model)
    return [
        _mixture(document.language, segments, config) if segments else None
        for document, segments in zip(documents, cuts, strict=True)
    ]


def _ask(segments: Sequence[Segment], model: Model) -> None:
    """Set the probabilities of segments; the model need not be asked where a script is that of one language alone."""
    unknown: dict[tuple[str, str], list[Segment]] = {}
    for segment in segments:
        if sole := _only_language(segment.script):
            segment.probabilities = {sole: 1.0}
        else:
            unknown.setdefault((segment.script, segment.text), []).append(segment)
    texts = [sample(in_script(text, script), _READ) for script, text in unknown]
    for alike, text, answer in zip(unknown.values(), texts, model(texts) if texts else [], strict=True):
        script = alike[0].script
        told = given_script(_likely(answer), script, script in _HAN and is_cantonese(text))
        for segment in alike:
            segment.probabilities = told


def cut(document: Document) -> list[Segment]:
    """The segments of a document that have letters, in order."""
    blocks = document.blocks or [Block("paragraph", 0, 0, len(document.text))]
    segments = []
    for index, block in enumerate(blocks):
        if block.kind == _CODE:
            continue
        for line in document.text[block.start : block.end].splitlines():
            counts = weighted_scripts(line)
            if letters := counts.total():
                segments.append(
                    Segment(index if document.blocks else -1, line, leading_script(counts, line).code, letters)
                )
    return segments


def annotate(document: Document, mixture: Mixture | None) -> None:
    """Write what was found into the document: its mix, its blocks that are in another language, and its own language
    anew where most of its text is in another than its sample was taken for."""
    if mixture is None:
        document.language_mix = {document.language: 1.0} if document.script != UNKNOWN else {}
        return
    document.language_mix = mixture.shares
    if mixture.main != document.language:
        document.language, document.script = mixture.main, mixture.script
        document.language_confidence = round(mixture.confidence, 4)
        hint = read_hint(document.language_hint)
        document.hint_agreement = NONE if hint is None else AGREE if hint.code == mixture.main else DISAGREE
    _mark_blocks(document, mixture.segments)


def _mark_blocks(document: Document, segments: Sequence[Segment]) -> None:
    """Set ``language`` of the blocks that are, by most of their letters, in another language than the document."""
    letters: dict[int, Counter[str]] = {}
    for segment in segments:
        letters.setdefault(segment.block, Counter())[segment.language] += segment.letters
    for index, counts in letters.items():
        if index >= 0:
            language = _most(counts, document.language)
            document.blocks[index].language = "" if language == document.language else language


def shares_of(letters: Mapping[str, int]) -> dict[str, float]:
    """Parts of the whole, rounded to four digits; they add up to 1."""
    total = sum(letters.values())
    shares = {code: round(count / total, 4) for code, count in sorted(letters.items())}
    largest = max(shares, key=lambda code: shares[code])
    rest = sum((share for code, share in shares.items() if code != largest), 0.0)
    return {code: round(1 - rest, 4) if code == largest else share for code, share in shares.items() if share}


@cache
def _only_language(script: str) -> str:
    """The one language of the model that is written in a script, empty where there are none or several."""
    codes = [code for code, scripts in scripts_of().items() if compatible(script, scripts)]
    return codes[0] if len(codes) == 1 else ""


def _likely(probabilities: Mapping[str, float]) -> dict[str, float]:
    return {code: p for code, p in probabilities.items() if p >= _NEGLIGIBLE}


def _mixture(language: str, segments: list[Segment], config: IdentifyConfig) -> Mixture:
    others = _candidates(language, segments, config)
    languages = [language, *sorted(others)]
    path = [language] * len(segments)
    if others:
        path = likeliest([_evidence(segment, languages) for segment in segments], language, _CHANGE)
    letters: Counter[str] = Counter()
    for segment, found in zip(segments, path, strict=True):
        segment.language = found
        letters[found] += segment.letters
    main = _most(letters, language)
    own = [s for s in segments if s.language == main]
    told = [(s.letters, s.probabilities.get(main, 0.0)) for s in own if s.probabilities]
    weight = sum(count for count, _ in told)
    scripts: Counter[str] = Counter()
    for segment in own:
        scripts[segment.script] += segment.letters
    return Mixture(
        segments,
        shares_of(letters),
        main,
        _most(scripts, UNKNOWN),
        sum(count * p for count, p in told) / weight if weight else 0.0,
    )


def _candidates(language: str, segments: Sequence[Segment], config: IdentifyConfig) -> set[str]:
    """The other languages that enough text is surely in."""
    support: Counter[str] = Counter()
    for segment in segments:
        if not segment.probabilities:
            continue
        probability, best = max((p, code) for code, p in segment.probabilities.items())
        needed = config.english_confidence if best == ENGLISH else config.foreign_confidence
        if best == ENGLISH and not _may_be(language, segment.script):
            needed = _MERELY_LIKELY
        if best == language or best in _relatives(language) or probability < needed:
            continue
        # What the model takes for a language it does not know is none of those it knows, unless it is English.
        if language in scripts_of() or language == UNDETERMINED or best == ENGLISH:
            support[best] += segment.letters
    if language == UNDETERMINED:
        return set(support)
    needed_letters = max(config.foreign_letters, config.foreign_share * sum(s.letters for s in segments))
    return {code for code, letters in support.items() if letters >= needed_letters}


def _of(segment: Segment, code: str) -> float:
    return segment.probabilities.get(code, 0.0) if segment.probabilities else 0.0


def _evidence(segment: Segment, languages: list[str]) -> dict[str, float]:
    """How well a segment fits each language; ``languages[0]`` is the document's."""
    weight = min(1.0, segment.letters / _FULL)
    if segment.probabilities is None:
        # All that is known of it is its script.
        fits = {code: 1.0 if _may_be(code, segment.script) else _LEAST for code in languages}
    else:
        fits = {code: _of(segment, code) for code in languages}
        fits[languages[0]] += sum(_of(segment, code) for code in sorted(_relatives(languages[0])))
        if languages[0] == UNDETERMINED or languages[0] not in scripts_of():
            fits[languages[0]] = 1 - sum(fits.values())
    evidence = {code: weight * math.log(max(fit, _LEAST)) for code, fit in fits.items()}
    evidence[languages[0]] += weight * _FAVOUR
    return evidence


@cache
def _relatives(language: str) -> frozenset[str]:
    """Languages so near that a paragraph does not tell them apart: those of the 42 of the same macrolanguage."""
    known = registry.resolve(language) if language != UNDETERMINED else None
    if known is None or not known.macrolanguage:
        return frozenset()
    same = {other.code for other in registry.languages() if other.macrolanguage == known.macrolanguage}
    return frozenset(same - {language})


def _may_be(code: str, script: str) -> bool:
    scripts = native_scripts(code)
    return not scripts or compatible(script, scripts)


@cache
def native_scripts(code: str) -> tuple[str, ...]:
    """Scripts a language (ISO 639-3) is written in by those who write it, empty where that is not known.

    The registry's for the 42: a model may know some of them in Latin letters too.
    """
    language = registry.resolve(code) if code != UNDETERMINED else None
    return language.scripts if language else scripts_of().get(code, ())


def _most(letters: Mapping[str, int], favoured: str) -> str:
    """The key of most letters; among equals the favoured, then the first in alphabetical order."""
    return min(letters, key=lambda code: (-letters[code], code != favoured, code))
