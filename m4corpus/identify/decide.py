"""From the evidence about a text to its labels: the one place where model, script and hint are weighed.

The rules, in order:

1. Labels of languages not written in the text's script are struck out and the rest scaled to add up to 1. Where
   Cantonese characters abound, Mandarin's share goes to Cantonese.
2. A hint the model has a label for multiplies that label's odds by ``hint_weight``; the most probable label wins.
3. A hint for a language the model does not know wins unless the script speaks against it, or another language reaches
   ``contradiction``. Its confidence is ``hint_confidence``.
4. What does not reach ``min_confidence`` is not believed: a hint the script allows decides instead, else it is ``und``.

The hint never passes for evidence from the text: ``hint_agreement`` is ``agree`` only where the model alone, by rule 1,
names the hinted language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from m4corpus.identify.config import IdentifyConfig
from m4corpus.identify.labels import UNDETERMINED, Hint, scripts_of
from m4corpus.identify.script import UNKNOWN, compatible

AGREE, DISAGREE, NONE, UNSUPPORTED = "agree", "disagree", "none", "unsupported"


@dataclass(frozen=True, slots=True)
class Decision:
    """``language`` and ``confidence`` as decided; ``heard`` is what the model alone would have said, and how surely.

    ``agreement``: ``agree``, the text by itself names the hinted language; ``unsupported``, the label is the hinted
    language, or ``und``, because the text by itself neither names nor refutes it; ``disagree``, the text overrules the
    hint; ``none``, there was no hint, or none that names a language.
    """

    language: str
    confidence: float
    agreement: str
    heard: str
    heard_confidence: float


def decide(
    probabilities: Mapping[str, float], script: str, cantonese: bool, hint: Hint | None, config: IdentifyConfig
) -> Decision:
    """Weigh the model's ``probabilities`` for a text in ``script`` against ``hint``, by the rules above."""
    if script == UNKNOWN:
        return Decision(UNDETERMINED, 0.0, UNSUPPORTED if hint else NONE, UNDETERMINED, 0.0)
    text_alone = given_script(probabilities, script, cantonese)
    heard, heard_confidence = _best(text_alone)
    language, confidence = heard, heard_confidence
    allowed = hint is not None and compatible(script, hint.scripts)
    if hint and hint.known:
        language, confidence = _best(_weighted(text_alone, hint.code, config.hint_weight))
    elif hint and allowed and heard_confidence < config.contradiction:
        language, confidence = hint.code, config.hint_confidence
    if confidence < config.min_confidence:
        language, confidence = (hint.code, config.hint_confidence) if hint and allowed else (UNDETERMINED, 0.0)
    return Decision(language, confidence, _agreement(language, heard, hint), heard, heard_confidence)


def given_script(probabilities: Mapping[str, float], script: str, cantonese: bool) -> dict[str, float]:
    """``probabilities`` after rule 1: of languages written in ``script`` alone, adding up to 1."""
    scripts = scripts_of()
    kept = {code: p for code, p in probabilities.items() if compatible(script, scripts.get(code, (script,)))}
    if cantonese and "cmn" in kept:
        kept["yue"] = kept.get("yue", 0.0) + kept.pop("cmn")
    return _scaled(kept)


def _weighted(probabilities: Mapping[str, float], code: str, weight: float) -> dict[str, float]:
    return _scaled({name: p * weight if name == code else p for name, p in probabilities.items()})


def _scaled(weights: dict[str, float]) -> dict[str, float]:
    total = sum(sorted(weights.values()))
    return {code: weight / total for code, weight in weights.items()} if total else {}


def _best(probabilities: Mapping[str, float]) -> tuple[str, float]:
    """The most probable code, the first in alphabetical order among equals."""
    if not probabilities:
        return UNDETERMINED, 0.0
    code = min(probabilities, key=lambda name: (-probabilities[name], name))
    return code, probabilities[code]


def _agreement(language: str, heard: str, hint: Hint | None) -> str:
    if hint is None:
        return NONE
    if language == hint.code:
        return AGREE if heard == hint.code else UNSUPPORTED
    return UNSUPPORTED if language == UNDETERMINED else DISAGREE
