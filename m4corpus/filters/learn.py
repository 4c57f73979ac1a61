"""Learns what clean text of a language looks like, and from it the limits that ``auto`` stands for.

Texts are cut into stretches of about a page. For each measure the limit is set as far beyond the outer twentieth of the
stretches as that lies from the median: for a normal distribution, 3.3 standard deviations out. It is widened, never
tightened, to a bound that holds for all languages (:data:`.measures.LEARNT`), since reference texts are plainer than an
encyclopedia. A language with too few stretches gets what all texts in its script give.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from statistics import median

from m4corpus.filters.measure import content_length
from m4corpus.filters.measures import LEARNT, Measure
from m4corpus.filters.prose import share_of
from m4corpus.filters.thresholds import EVERY
from m4corpus.filters.units import terms
from m4corpus.records import Document

#: Letters of a stretch of English; other languages get as many as say the same.
STRETCH = 800
#: Fewest stretches a language's own limit is learnt from.
LEAST_STRETCHES = 12
# A frequent word stands in this share of the stretches of every source, and there are so many at most.
_COMMON, _WORDS = 0.25, 40
# Fewer frequent words than this tell nothing; languages that glue them to others have no more.
_LEAST_WORDS = 8
_TAIL = 0.05


@dataclass(frozen=True, slots=True)
class Reference:
    """A clean text. ``parallel`` marks translations of one text, by whose lengths languages are compared."""

    language: str
    script: str
    text: str
    source: str
    parallel: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; ``basis`` says whose texts the limit is from."""

    measure: str
    code: str
    limit: float
    median: float
    stretches: int
    basis: str


def relative_lengths(references: Iterable[Reference]) -> dict[str, float]:
    """Letters of each language's translation over those of the English one; two decimals."""
    lengths: Counter[str] = Counter()
    for reference in references:
        if reference.parallel:
            lengths[reference.language] += content_length(reference.text)
    return {code: round(length / lengths["eng"], 2) for code, length in sorted(lengths.items()) if lengths["eng"]}


def stretches(references: Iterable[Reference], lengths: dict[str, float]) -> Iterator[Reference]:
    """The texts cut at lines into stretches; what is left of a text at its end goes to the stretch before it."""
    for reference in references:
        wanted = STRETCH * lengths.get(reference.language, 1.0)
        parts: list[list[str]] = [[]]
        size = 0
        for line in reference.text.splitlines():
            if size >= wanted:
                parts.append([])
                size = 0
            parts[-1].append(line)
            size += content_length(line)
        if len(parts) > 1 and size < wanted / 2:
            parts[-2:] = [parts[-2] + parts[-1]]
        for part in parts:
            if text := "\n".join(part).strip():
                yield Reference(reference.language, reference.script, text, reference.source, reference.parallel)


def stop_words(pieces: Iterable[Reference]) -> dict[str, list[str]]:
    """The most frequent terms of each language, most frequent first; those of one source's subject are left out.

    A language of two scripts has those of both. A language is missing where there are hardly any.
    """
    within: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    total: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    sizes: Counter[tuple[str, str, str]] = Counter()
    for piece in pieces:
        key = (piece.language, piece.script, piece.source)
        found = Counter(term for term in terms(piece.text, piece.script) if not term.isdecimal())
        within[key].update(found.keys())
        total[key[:2]].update(found)
        sizes[key] += 1
    words: dict[str, list[str]] = defaultdict(list)
    for written, counts in sorted(total.items()):
        sources = [key for key in sorted(sizes) if key[:2] == written]
        # One source alone does not tell its subject from the language.
        least = _COMMON if len(sources) > 1 else 2 * _COMMON
        common = [w for w in counts if all(within[key][w] >= least * sizes[key] for key in sources)]
        words[written[0]] += sorted(common, key=lambda w: (-counts[w], w))[:_WORDS]
    return {language: found for language, found in words.items() if len(found) >= _LEAST_WORDS}


def tables(references: list[Reference], languages: dict[str, str]) -> tuple[list[Row], dict[str, list[str]]]:
    """The rows of both tables: limits, and the frequent words by language; ``languages`` gives their usual scripts."""
    lengths = relative_lengths(references)
    pieces = list(stretches(references, lengths))
    words = stop_words(pieces)
    named = [Row("relative_length", code, length, length, 1, code) for code, length in lengths.items()]
    return [*named, *thresholds(pieces, languages, words)], words


def thresholds(pieces: list[Reference], languages: dict[str, str], words: dict[str, list[str]]) -> list[Row]:
    """Rows for every measure: ``*``, each script, and each of ``languages`` (code to its usual script)."""
    frequent = {code: frozenset(found) for code, found in words.items()}
    rows: list[Row] = []
    for name, measure in LEARNT.items():
        if name == "stop_word_share":
            # Of the words that were just learnt, not of those in the table.
            measure = replace(measure, of=lambda d: share_of(frequent.get(d.language, frozenset()), d))
        values: dict[str, list[float]] = defaultdict(list)
        for piece in pieces:
            value = measure.of(document(piece))
            if value is not None:
                for code in (piece.language, piece.script, EVERY):
                    values[code].append(value)
        learnt = {code: _row(name, measure, code, found) for code, found in sorted(values.items())}
        scripts = sorted({p.script for p in pieces})
        rows.extend(learnt[code] for code in (EVERY, *scripts) if code in learnt and _enough(learnt[code]))
        for code, script in languages.items():
            own = learnt.get(code)
            basis = next((r for r in (own, learnt.get(script), learnt.get(EVERY)) if r and _enough(r)), None)
            # What has no value in any text of a language (words of Thai) needs no limit.
            if own and basis:
                rows.append(Row(name, code, basis.limit, basis.median, own.stretches, basis.code))
    return rows


def document(piece: Reference) -> Document:
    """A stretch as a document of known language and unknown structure."""
    return Document("", piece.source, "", "", piece.text, language=piece.language, script=piece.script)


def limit(measure: Measure, values: list[float]) -> float:
    """The limit learnt from some values, three decimals: widened from what they give, never tightened."""
    values = sorted(values)
    middle = median(values)
    rank = int(_TAIL * len(values))
    scale = middle if measure.relative else 1.0
    if measure.least is not None:
        return round(max(measure.least * scale, 2 * values[-1 - rank] - middle), 3)
    return round(max(measure.firm * middle, min((measure.most or 0.0) * scale, 2 * values[rank] - middle)), 3)


def _row(name: str, measure: Measure, code: str, values: list[float]) -> Row:
    return Row(name, code, limit(measure, values), round(median(values), 3), len(values), code)


def _enough(row: Row) -> bool:
    return row.stretches >= LEAST_STRETCHES
