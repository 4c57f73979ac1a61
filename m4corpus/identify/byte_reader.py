"""py3langid as a second reader of short texts: naive Bayes over byte n-grams, 139 languages, 10,000 lines a second.

Our own model is trained on messages of programs and manuals; this one on text of the web. On a line of prose of a
common language that ours is not sure of, the two together are right more often than either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from m4corpus.identify.labels import read_hint

#: Texts that are read twice: shorter than this many characters, and not told more surely than this.
LONGEST, SURE = 400, 0.98
# Exponent of its probabilities when they are multiplied with ours; measured on held-out lines.
_WEIGHT = 2.0
# What it is taken to say of a language it does not know, and the least it can say of any.
_UNKNOWN, _LEAST = 0.4, 1e-3
# Forms of Arabic are told apart by our own model, which has met them; here they are one language.
_ONE = dict.fromkeys(("aeb", "apc", "ary", "arz"), "arb")


def weighed(probabilities: Mapping[str, float], text: str) -> dict[str, float]:
    """Weights of the languages of ``probabilities`` once ``text`` is read again; they do not add up to 1."""
    identifier, codes = _identifier()
    heard: dict[str, float] = {}
    for tag, value in identifier.rank(text):
        heard[codes[tag]] = heard.get(codes[tag], 0.0) + float(value)
    return {
        code: p * math.pow(max(heard.get(_group(code), _UNKNOWN), _LEAST), _WEIGHT) for code, p in probabilities.items()
    }


def _group(code: str) -> str:
    return _ONE.get(code, code)


# Loaded once a process, in a fifth of a second, and not before a text is in doubt.
@cache
def _identifier() -> tuple[Any, dict[str, str]]:
    """The reader, and our code for each of its labels."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    return identifier, {tag: _group(known.code if (known := read_hint(tag)) else tag) for tag in identifier.labels}
