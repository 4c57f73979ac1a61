"""Every measure that has a limit in a recipe, by name; :mod:`.learn` learns limits for those that may be ``auto``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from m4corpus.filters import measure, prose, repetition
from m4corpus.records import Document


@dataclass(frozen=True, slots=True)
class Measure:
    """``of`` gives the value, or None where the document cannot be judged by it.

    ``least`` is set for what has a largest value: no learnt limit is stricter than it, since clean reference texts are
    plainer than encyclopedias. ``most`` is the same for what has a smallest value. With ``relative`` both are multiples
    of the language's median. A smallest value is never put below ``firm`` times the median, however much the few
    reference texts vary.
    """

    of: Callable[[Document], float | None]
    least: float | None = None
    most: float | None = None
    relative: bool = False
    firm: float = 0.0


#: Measures whose limits are learnt. Word length has two, one on either side.
LEARNT: dict[str, Measure] = {
    "letter_share": Measure(lambda d: measure.letter_share(d.text), most=0.5),
    "symbol_share": Measure(lambda d: measure.symbol_share(d.text), least=0.08),
    "digit_share": Measure(lambda d: prose.digit_share(d.text), least=0.25),
    "word_length": Measure(prose.mean_word_length, most=0.6, relative=True),
    "long_words": Measure(prose.mean_word_length, least=1.8, relative=True),
    "stop_word_share": Measure(prose.stop_word_share, most=0.5, relative=True, firm=0.25),
    "distinct_share": Measure(lambda d: repetition.distinct_share(d.text, d.script), most=0.5),
    "repeated_ngrams_share": Measure(lambda d: repetition.repeated_ngrams_share(d.text, d.script), least=0.2),
    "top_ngram_share": Measure(lambda d: repetition.top_ngram_share(d.text, d.script), least=0.12),
    "punctuated_share": Measure(prose.punctuated_share, most=0.3),
    "line_letters": Measure(prose.line_letters, most=0.15, relative=True, firm=0.1),
}
