"""The rules by name, and how a configuration becomes the list that is applied.

A rule looks at one document and returns ``None``, or the evidence against it: ``chars=12 minimum=50``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from m4corpus.filters import measure
from m4corpus.filters.config import FilterConfig
from m4corpus.identify.labels import language_code, read_hint
from m4corpus.identify.script import compatible
from m4corpus.records import Document

#: Evidence against a document, or None when it keeps the rule.
Rule = Callable[[Document], str | None]
Bound = Callable[[Any], Rule]


def _min_chars(minimum: int) -> Rule:
    return lambda document: _below("chars", measure.content_length(document.text), minimum)


def _max_chars(maximum: int) -> Rule:
    return lambda document: _above("chars", len(document.text), maximum)


def _min_words(minimum: int) -> Rule:
    return lambda document: _below("words", measure.words(document.text, document.script), minimum)


def _min_letter_share(minimum: float) -> Rule:
    return lambda document: _below("letter-share", measure.letter_share(document.text), minimum)


def _max_symbol_share(maximum: float) -> Rule:
    return lambda document: _above("symbol-share", measure.symbol_share(document.text), maximum)


def _max_repeated_lines_share(maximum: float) -> Rule:
    return lambda document: _above("repeated-lines-share", measure.repeated_lines_share(document.text), maximum)


def _languages(names: tuple[str, ...]) -> Rule:
    allowed = {language_code(name) for name in names}
    return lambda document: (
        None
        if document.language in allowed
        else f"language={document.language or 'none'} allowed={','.join(sorted(allowed))}"
    )


def _min_language_confidence(minimum: float) -> Rule:
    return lambda document: _below("confidence", document.language_confidence, minimum)


def _script_mismatch(_: bool) -> Rule:
    def rule(document: Document) -> str | None:
        known = read_hint(document.language)
        if known is None or compatible(document.script, known.scripts):
            return None
        return f"script={document.script} expected={','.join(known.scripts)} language={document.language}"

    return rule


def _hint_disagreement(_: bool) -> Rule:
    return lambda document: (
        f"language={document.language} hint={document.language_hint}" if document.hint_agreement == "disagree" else None
    )


#: Option of :class:`FilterConfig` -> what makes its rule from the option's value; rules are applied in this order.
RULES: dict[str, Bound] = {
    "min_chars": _min_chars,
    "max_chars": _max_chars,
    "min_words": _min_words,
    "min_letter_share": _min_letter_share,
    "max_symbol_share": _max_symbol_share,
    "max_repeated_lines_share": _max_repeated_lines_share,
    "languages": _languages,
    "min_language_confidence": _min_language_confidence,
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


def _below(what: str, value: float, minimum: float) -> str | None:
    return f"{what}={_number(value)} minimum={_number(minimum)}" if value < minimum else None


def _above(what: str, value: float, maximum: float) -> str | None:
    return f"{what}={_number(value)} maximum={_number(maximum)}" if value > maximum else None


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}".rstrip("0").rstrip(".")
