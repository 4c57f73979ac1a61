"""What came back of a release: every document's text against its recorded digest, and why some did not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from m4corpus import __version__, ledger
from m4corpus.clean.guard import CAUSES
from m4corpus.identify.labels import label_of
from m4corpus.ledger import KEPT, Entry, entries
from m4corpus.rehydrate.records import DIFFERS, FAILED, GONE, OK, Records
from m4corpus.storage.artifact import Artifact
from m4corpus.storage.digests import text_digest
from m4corpus.storage.parts import read_batches

#: What an action API says of a revision that it does not show any more: deleted, its text hidden or lost.
_GONE = frozenset(
    {
        "api-nosuchrevid", "api-missingcontent-revid", "api-missingcontent-revid-role", "api-permissiondenied",
        "api-missingtitle",
    }
)  # fmt: skip
#: The same from a REST API, which says it by the status.
_GONE_STATUS = frozenset({"status=403", "status=404", "status=410"})
#: What a stage depends on that is another by design: the files it reads.
_OTHER_PAGES = frozenset({"inputs"})
#: Documents looked up at once.
_BATCH = 500
#: Stages whose artifacts are compared, in order.
STAGES = ("read", "clean", "identify", "filter", "dedup")


def compare(records: Records, crawl: Artifact, stages: Mapping[str, Artifact], html: str = "legacy") -> list[str]:
    """Settle every document of ``records``: by the ledger of the crawl, by those of the stages, else by its text.

    ``stages`` is empty where nothing was fetched, and ``html`` the parser that was asked. Returns what is to be said
    of documents that another machine may bring back.
    """
    costly = 0
    for entry in entries(crawl.directory, crawl.ledger()):
        if entry.outcome != KEPT:
            outcome = GONE if _gone(entry, html) else FAILED
            records.settle(entry.id, outcome, "crawl", entry.slug, entry.detail)
    for name in STAGES if stages else ():
        for entry in entries(stages[name].directory, stages[name].ledger()):
            if entry.outcome != KEPT:
                # That a page cost too much says nothing of its text.
                limited = (name, entry.outcome) == ("clean", ledger.FAILED) and entry.slug in CAUSES
                costly += limited
                outcome = FAILED if limited else DIFFERS
                records.settle(entry.id, outcome, name, f"{entry.outcome}: {entry.slug}", entry.detail)
    if stages:
        for rows in _rows(stages["dedup"]):
            _settle(records, rows)
        _locate(records, stages["clean"])
    # A row that nobody accounts for would be lost otherwise.
    records.settle_rest(FAILED, "unaccounted")
    if not costly:
        return []
    return [
        f"{costly:,} pages took more time or memory than the recipe's clean section lets them: a faster or larger "
        "machine may bring them back, in a work directory of its own"
    ]


def _gone(entry: Entry, html: str) -> bool:
    """Whether the wiki says that it has a revision no more."""
    if html == "parsoid":
        return entry.slug == "http-status" and entry.detail in _GONE_STATUS
    return entry.slug in _GONE


def notes(recorded: Mapping[str, Any], stages: Mapping[str, Artifact]) -> list[str]:
    """What differs between this machine and the one a release was made on, stage by stage; ``recorded`` is the
    snapshot's manifest."""
    found = []
    before = _mapping(recorded, "tools").get("m4corpus")
    if before != __version__:
        found.append(f"m4corpus is {__version__} here and was {before}")
    known = _mapping(recorded, "resources")
    for name, artifact in stages.items():
        was, now = _mapping(known, name), artifact.manifest["resources"]
        # What reading takes depends on the formats of the sources, of which only the crawl is read here.
        keys = was.keys() & now.keys() if name == "read" else was.keys() | now.keys()
        found += [
            f"{name}: {key} is {now.get(key)} here and was {was.get(key)}"
            for key in sorted(keys - _OTHER_PAGES)
            if was.get(key) != now.get(key)
        ]
    return found


def _mapping(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A mapping in a manifest that came from elsewhere; empty where it is none."""
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _settle(records: Records, rows: dict[str, dict[str, Any]]) -> None:
    """Documents that came out of the last stage."""
    for id, (digest, characters, label) in records.recorded(rows).items():
        row = rows[id]
        text, now = row["text"], label_of(row["language"], row["script"])
        if text_digest(text).hex() == digest:
            detail = "" if now == label else f"label {now}, was {label}"
            records.settle(id, OK, reason="relabelled" if detail else "", detail=detail)
        else:
            records.settle(id, DIFFERS, "", "text", f"characters={len(text)} recorded={characters}")


def _locate(records: Records, clean: Artifact) -> None:
    """Say of the texts that differ whether they did so once they were clean, or were changed by the filter after."""
    differing = dict(records.differing())
    if not differing:
        return
    for rows in _rows(clean):
        for id in rows.keys() & differing.keys():
            cleaned = text_digest(rows[id]["text"]).hex() == differing[id]
            records.explain(id, "filter" if cleaned else "clean")


def _rows(artifact: Artifact) -> Iterator[dict[str, dict[str, Any]]]:
    """Documents of an artifact by id, some at a time."""
    columns = ["id", "text", "language", "script"]
    for part in artifact.parts():
        stream = (row for batch in read_batches(artifact.directory / part.path, columns) for row in batch.to_pylist())
        while rows := list(islice(stream, _BATCH)):
            yield {row["id"]: row for row in rows}
