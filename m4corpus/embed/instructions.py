"""What an encoder that follows instructions is told before a query, in one of the 42 languages or in English.

The texts are ``resources/instructions.yaml``. They lie there and not among the tables, whose digest is part of the
fingerprint of stages that have nothing to do with queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

from m4corpus import languages
from m4corpus.storage.digests import digest_of
from m4corpus.tags import parse_tag

#: In which language a query's instruction is: always in English, or in the query's own.
Mode = Literal["english", "native"]
#: The language that stands in for those without an instruction and for queries that do not tell theirs.
FALLBACK = "eng"
#: Scripts that share the instruction of another.
_SAME = {"Hant": "Hani", "Hans": "Hani"}


@dataclass(frozen=True, slots=True)
class Instruction:
    """``text`` is in ``language`` (``eng``, ``nan_Hani``); ``sure`` is False where its wording could not be checked."""

    language: str
    text: str
    sure: bool


@cache
def instructions() -> dict[str, Instruction]:
    """All of them by language, or by language and script where a language has several."""
    content = (files("m4corpus") / "resources" / "instructions.yaml").read_text(encoding="utf-8")
    return {key: Instruction(key, row["text"], row["sure"]) for key, row in yaml.safe_load(content).items()}


@cache
def instruction(language: str, mode: Mode = "native") -> Instruction:
    """The instruction for a query in ``language`` (any code, tag or name of the registry; empty when unknown)."""
    known = instructions()
    found = languages.resolve(language) if language and mode == "native" else None
    if found is None:
        return known[FALLBACK]
    tag = parse_tag(language, {name.lower().replace("_", "-") for name in languages.known_names(found)})
    script = tag.script.title() if tag else ""
    for key in (f"{found.code}_{script}", f"{found.code}_{_SAME.get(script, script)}", found.code):
        if key in known:
            return known[key]
    return known[FALLBACK]


def instructions_digest() -> str:
    """SHA-256 (hex) of all instructions: part of the identity of an encoder that uses them."""
    return digest_of({key: found.text for key, found in instructions().items()})
