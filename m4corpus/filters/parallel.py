"""Which documents say the same in several languages, by the numbers in them: a sign of translation, recorded, no more.

Translations keep years, sizes and counts. Two documents have the same numbers when the same five or more different
numbers of two digits or more occur equally often in both, whatever digits they are written in. Text that exists in many
languages at once is often machine-translated; whether it is, its numbers do not say, nor do they find translations
without numbers or free ones. So a document's metadata gets the number of languages as ``parallel_languages``, and no
rule drops it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import regex

from m4corpus.datatrove import PipelineStep
from m4corpus.progress import Progress
from m4corpus.stage import StageContext
from m4corpus.storage.artifact import Completion
from m4corpus.storage.parts import read_batches

NUMBERS = "numbers"
#: Different numbers that a document needs to be compared.
LEAST = 5

# Groups of thousands in any notation; a decimal point joins as well, since languages write both alike.
_NUMBER = regex.compile(r"\p{Nd}+(?:[.,'’\u00a0\u202f\u066b\u066c]\p{Nd}+)*")


def signature(text: str) -> str:
    """What documents with the same numbers share (hex); empty for a text of too few."""
    found = []
    for match in _NUMBER.finditer(unicodedata.normalize("NFKC", text)):
        digits = "".join(str(unicodedata.decimal(c)) for c in match.group() if c.isdecimal())
        if len(digits) > 1:
            found.append(digits)
    if len(set(found)) < LEAST:
        return ""
    return hashlib.blake2b(" ".join(sorted(found)).encode(), digest_size=8).hexdigest()


class SignNumbers(PipelineStep):
    """Writes signature and language of each document of a part that has enough numbers."""

    name = "sign numbers"

    def __init__(self, context: StageContext, parts: list[Path]) -> None:
        super().__init__()
        self.context = context
        self.parts = parts

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Yields nothing: what part ``rank`` has goes to the scratch directory."""
        progress = Progress(self.context.progress(NUMBERS), rank)
        pairs: set[str] = set()
        for batch in read_batches(self.parts[rank], ["text", "language"], batch_size=256):
            for row in batch.to_pylist():
                if signed := signature(row["text"]):
                    pairs.add(f"{signed} {row['language']}")
            progress.advance(batch.num_rows)
        progress.flush()
        folder = numbers_folder(self.context)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{rank:05d}.txt").write_text("\n".join(sorted(pairs)), encoding="ascii", errors="replace")
        Completion().write(self.context.completion(NUMBERS, rank))
        yield from ()


def numbers_folder(context: StageContext) -> Path:
    """Where the signatures of all parts are, while the stage runs."""
    return context.scratch / "number-signatures"


def languages_by_signature(folder: Path) -> dict[str, int]:
    """In how many languages each signature occurs; only those of more than one."""
    languages: dict[str, set[str]] = defaultdict(set)
    for path in sorted(folder.glob("*.txt")):
        for line in path.read_text(encoding="ascii").splitlines():
            signed, language = line.split(" ", 1)
            languages[signed].add(language)
    return {signed: len(found) for signed, found in languages.items() if len(found) > 1}
