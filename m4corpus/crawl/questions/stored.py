"""The questions of a crawl, kept beside its archive: doing it again needs no table, wherever those came from.

A file of JSON lines: what the tables were, then a line for every row that is not asked, one for every question, and one
for every article whose revision is known.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from m4corpus.crawl.mediawiki.records import Pin
from m4corpus.crawl.questions.asking import Question
from m4corpus.crawl.questions.names import NameQuestion
from m4corpus.crawl.questions.own import TitleQuestion
from m4corpus.crawl.questions.plain import SearchQuestion
from m4corpus.crawl.questions.questionset import QuestionSet
from m4corpus.crawl.questions.records import Query, Rejected
from m4corpus.errors import IntegrityError
from m4corpus.storage.atomic import replacing
from m4corpus.storage.digests import canonical_json

_KINDS: dict[str, type[Question]] = {"name": NameQuestion, "search": SearchQuestion, "title": TitleQuestion}


def store(questions: QuestionSet, path: Path) -> None:
    """Write all of them to ``path``, atomically."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(canonical_json({"inputs": questions.inputs, "origins": questions.origins}) + b"\n")
        for rejected in questions.rejected:
            file.write(canonical_json({"rejected": asdict(rejected)}) + b"\n")
        for question in questions.questions:
            kind = next(name for name, of in _KINDS.items() if isinstance(question, of))
            file.write(canonical_json({kind: asdict(question)}) + b"\n")
        for pin in questions.pins:
            file.write(canonical_json({"pin": pin.as_dict()}) + b"\n")


def stored(path: Path) -> QuestionSet:
    """What :func:`store` wrote; raises :class:`IntegrityError` for anything else."""
    rejected: list[Rejected] = []
    questions: list[Question] = []
    pins: list[Pin] = []
    try:
        with path.open("rb") as file:
            tables = json.loads(file.readline())
            for line in file:
                [(kind, fields)] = json.loads(line).items()
                if kind == "rejected":
                    rejected.append(Rejected(**fields))
                elif kind == "pin":
                    pins.append(Pin.from_dict(fields))
                else:
                    questions.append(_question(kind, fields))
        return QuestionSet(tuple(questions), tuple(rejected), tables["inputs"], tables["origins"], tuple(pins))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        hint = "Delete it: the questions are then read from the recipe's tables."
        raise IntegrityError(f"{path} is damaged: {error}", hint) from None


def _question(kind: str, fields: dict[str, Any]) -> Question:
    fields["queries"] = tuple(Query(**query) for query in fields["queries"])
    if "editions" in fields:
        fields["editions"] = tuple(fields["editions"])
    return _KINDS[kind](**fields)
