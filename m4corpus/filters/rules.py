"""The rules by name, and how a configuration becomes the list that is applied.

A rule looks at one document and says what it measured, the limit, and whether that is broken:
``chars=12 minimum=50``.

Of the rules of Gopher, C4 and FineWeb (datatrove has all three) those are here that hold for an encyclopedia in any
language, measured in units its script has. Left out, because they are about English or about web pages: lists of
English stop words and bad words (here: frequent words learnt for each language), brackets and ``javascript`` (articles
on programming), ``lorem ipsum`` (articles on typesetting), hash signs (a symbol as any other), lines of three words and
documents of five sentences (lists and infoboxes are content), and the share of bullet lines (lists of works).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from m4corpus.filters import measure, prose
from m4corpus.filters.config import FilterConfig
from m4corpus.filters.measures import LEARNT
from m4corpus.filters.thresholds import relative_length, threshold
from m4corpus.identify.labels import language_code, read_hint
from m4corpus.identify.script import compatible
from m4corpus.records import Document


@dataclass(frozen=True, slots=True)
class Finding:
    """``measured`` and ``limit`` as the ledger has them; ``measured`` ends in ``=none`` where a rule cannot judge."""

    measured: str
    limit: str
    broken: bool

    @property
    def evidence(self) -> str:
        """Both in one line."""
        return f"{self.measured} {self.limit}".rstrip()


Rule = Callable[[Document], Finding]
Bound = Callable[[Any], Rule]


def _below(what: str, value: float, minimum: float, basis: str = "") -> Finding:
    return Finding(f"{what}={_number(value)}", f"minimum={_number(minimum)}{basis}", value < minimum)


def _above(what: str, value: float, maximum: float, basis: str = "") -> Finding:
    return Finding(f"{what}={_number(value)}", f"maximum={_number(maximum)}{basis}", value > maximum)


def _fixed(what: str, value: Callable[[Document], float], compare: Callable[..., Finding]) -> Bound:
    """A rule whose limit is the option's number."""
    return lambda limit: lambda document: compare(what, value(document), limit)


def _learnt(name: str, compare: Callable[..., Finding], what: str = "") -> Bound:
    """A rule whose limit is the option's number, or is looked up for the document's language."""
    what = what or name.replace("_", "-")
    of = LEARNT[name].of

    def bound(limit: float | str) -> Rule:
        def rule(document: Document) -> Finding:
            value = of(document)
            if value is None:
                return Finding(f"{what}=none", "", False)
            if not isinstance(limit, str):
                return compare(what, value, limit)
            found = threshold(name, document.language, document.script)
            if found is None:
                return Finding(f"{what}={_number(value)}", "", False)
            return compare(what, value, found.limit, f" learnt-from={found.basis}")

        return rule

    return bound


def _stub(minimum: int) -> Rule:
    def rule(document: Document) -> Finding:
        scaled = round(minimum * relative_length(document.language, document.script))
        letters, rows = prose.running_letters(document), prose.rows_share(document)
        return Finding(
            f"prose-letters={letters} rows-share={_number(rows)}",
            f"minimum={scaled} unless rows-share<={_number(_STUB_ROWS)}",
            letters < scaled and rows > _STUB_ROWS,
        )

    return rule


# A short article without an infobox is only short.
_STUB_ROWS = 0.5


def _languages(names: tuple[str, ...]) -> Rule:
    allowed = {language_code(name) for name in names}
    return lambda document: Finding(
        f"language={document.language or 'none'}",
        f"allowed={','.join(sorted(allowed))}",
        document.language not in allowed,
    )


def _script_mismatch(_: bool) -> Rule:
    def rule(document: Document) -> Finding:
        known = read_hint(document.language)
        if known is None:
            return Finding(f"script={document.script}", "", False)
        return Finding(
            f"script={document.script}",
            f"expected={','.join(known.scripts)} language={document.language}",
            not compatible(document.script, known.scripts),
        )

    return rule


def _hint_disagreement(_: bool) -> Rule:
    return lambda document: Finding(
        f"language={document.language}", f"hint={document.language_hint}", document.hint_agreement == "disagree"
    )


#: Option of :class:`FilterConfig` -> what makes its rule from the option's value; rules are applied in this order.
RULES: dict[str, Bound] = {
    "min_chars": _fixed("chars", lambda d: measure.content_length(d.text), _below),
    "max_chars": _fixed("chars", lambda d: len(d.text), _above),
    "min_words": _fixed("words", lambda d: measure.words(d.text, d.script), _below),
    "min_letter_share": _learnt("letter_share", _below),
    "max_symbol_share": _learnt("symbol_share", _above),
    "max_digit_share": _learnt("digit_share", _above),
    "max_repeated_lines_share": _fixed("repeated-lines-share", lambda d: measure.repeated_lines_share(d.text), _above),
    "max_repeated_ngrams_share": _learnt("repeated_ngrams_share", _above),
    "max_top_ngram_share": _learnt("top_ngram_share", _above),
    "min_distinct_share": _learnt("distinct_share", _below),
    "min_word_length": _learnt("word_length", _below),
    "max_word_length": _learnt("long_words", _above, "word-length"),
    "min_stop_word_share": _learnt("stop_word_share", _below),
    "min_punctuated_share": _learnt("punctuated_share", _below),
    "min_line_letters": _learnt("line_letters", _below),
    "max_rows_share": _fixed("rows-share", prose.rows_share, _above),
    "stub_letters": _stub,
    "languages": _languages,
    "min_language_confidence": _fixed("confidence", lambda d: d.language_confidence, _below),
    "script_mismatch": _script_mismatch,
    "hint_disagreement": _hint_disagreement,
}


def rules(config: FilterConfig) -> list[tuple[str, Rule]]:
    """The rules ``config`` switches on, as ``(name, rule)``; the name, ``min-chars``, is what a drop is called.

    Raises ``UserError`` for a language no table knows.
    """
    chosen = [(option, make, getattr(config, option)) for option, make in RULES.items()]
    return [
        (option.replace("_", "-"), make(value))
        for option, make, value in chosen
        if value is not None and value is not False
    ]


def every_rule(config: FilterConfig) -> list[tuple[str, Rule, bool]]:
    """The rules of ``config`` with True, and with False those it leaves off but that have limits learnt."""
    on = dict(rules(config))
    found = []
    for option, make in RULES.items():
        name = option.replace("_", "-")
        if name in on:
            found.append((name, on[name], True))
        elif option in AUTOMATIC:
            found.append((name, make(AUTO), False))
    return found


#: What an option is set to, to have its limit learnt, and the options that may be.
AUTO = "auto"
AUTOMATIC = (
    "min_letter_share", "max_symbol_share", "max_digit_share", "max_repeated_ngrams_share", "max_top_ngram_share",
    "min_distinct_share", "min_word_length", "max_word_length", "min_stop_word_share", "min_punctuated_share",
    "min_line_letters",
)  # fmt: skip


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}".rstrip("0").rstrip(".")
