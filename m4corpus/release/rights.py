"""Whether every record may be passed on: its licence is known, and whom the licence wants named can be named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from m4corpus.errors import UserError

#: Columns that :meth:`Rights.add` wants.
COLUMNS = ("id", "source", "licence", "url", "revision")
#: Beginnings of licences whose texts may be passed on only with the name of, or the way to, their authors.
_ATTRIBUTED = ("CC-BY", "CC BY", "GFDL", "ODC-BY", "ODBL")
_UNKNOWN = frozenset({"", "unknown", "none", "other", "proprietary", "all rights reserved"})


@dataclass
class Source:
    """Counts of one source: documents by licence, and of what they lack, with an example each."""

    licences: Counter[str] = field(default_factory=Counter)
    lacks: dict[str, tuple[int, str]] = field(default_factory=dict)

    def lack(self, what: str, example: str) -> None:
        """Count a record that lacks something."""
        count, first = self.lacks.get(what, (0, example))
        self.lacks[what] = (count + 1, first)


class Rights:
    """What was seen of every source."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}

    def add(self, columns: dict[str, Sequence[str]]) -> None:
        """Look at records, given as :data:`COLUMNS`."""
        for id, name, licence, url, revision in zip(*(columns[column] for column in COLUMNS), strict=True):
            source = self.sources.setdefault(name, Source())
            source.licences[licence] += 1
            if licence.strip().lower() in _UNKNOWN:
                source.lack("licence", id)
            if not url and licence.upper().startswith(_ATTRIBUTED):
                source.lack("url", id)
            if not revision and of_wikipedia(url):
                source.lack("revision", id)

    def refuse(self) -> None:
        """Raise :class:`UserError` that lists every source whose records lack something."""
        lines = [
            f"source {name}: {count:,} of {source.licences.total():,} documents have no {what} (such as {example})"
            for name, source in sorted(self.sources.items())
            for what, (count, example) in sorted(source.lacks.items())
        ]
        if lines:
            raise UserError(
                "\n".join(["licence and attribution are not known for everything here:", *lines]),
                "Give the source its 'licence' in the recipe, read it from what has addresses and revisions, or "
                "publish what identifies the documents alone: --ids-only.",
            )

    def as_dict(self) -> dict[str, dict[str, int]]:
        """Documents by source and licence."""
        return {name: dict(sorted(s.licences.items())) for name, s in sorted(self.sources.items())}


def of_wikipedia(url: str) -> bool:
    """Whether an address is one of a Wikipedia, whose licence asks for page and revision."""
    try:
        return (urlsplit(url).hostname or "").endswith(".wikipedia.org")
    except ValueError:
        return False


def notice(name: str, sources: dict[str, dict[str, int]], declared: list[dict[str, Any]]) -> str:
    """``ATTRIBUTION.md``: every source with its licences and where its authors are found."""
    formats = {source["name"]: source.get("format", "") for source in declared}
    lines = [
        f"# Where the texts of {name} come from",
        "",
        "Every record carries its own `source`, `licence`, `url` and `revision`; they apply to passages and",
        "vectors made from it as well. Texts of Wikipedia are by its authors, listed in the history of the page",
        "at `url`; `revision` is the version that was taken. The texts were cleaned, cut into passages and labelled",
        "with their language by m4corpus; nothing was added to them.",
        "",
        "| source | format | licence | documents |",
        "| --- | --- | --- | ---: |",
    ]
    for source, licences in sources.items():
        for licence, count in licences.items():
            lines.append(f"| {source} | {formats.get(source, '')} | {licence or 'not known'} | {count:,} |")
    return "\n".join([*lines, ""])
