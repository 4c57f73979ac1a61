"""Find single pages in their sources again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from m4corpus.errors import EnvironmentFailure, UserError
from m4corpus.records import Page
from m4corpus.sources.config import ReadConfig, SourceConfig
from m4corpus.sources.hashcache import DigestCache
from m4corpus.sources.inventory import SourceFile, list_source
from m4corpus.sources.pins import files_digest
from m4corpus.sources.readers import read_file

#: What follows the path of a file in the locator of one of its pages.
_BEHIND_PATH = ":#@!"


@dataclass(frozen=True)
class Gone:
    """Why a page cannot be read again."""

    why: str


def read_again(
    config: ReadConfig, base: Path, cache: Path, pages: Mapping[str, Page], pins: Mapping[str, Mapping[str, Any]]
) -> dict[str, Page | Gone | None]:
    """The same pages as their sources have them now; None for one that an unchanged source does not yield any more.

    ``pins`` are what was recorded of the sources (:func:`m4corpus.sources.pins.pins`): a page that a source with other
    files yields otherwise, or not at all, is :class:`Gone`, since what it was made from is not there. Where such a
    source has the page as it was, it counts as found, wherever it stands now.
    """
    found: dict[str, Page | Gone | None] = dict.fromkeys(pages)
    with DigestCache(cache) as digests:
        for source in config.sources:
            wanted = {id: page for id, page in pages.items() if page.source == source.name}
            if not wanted:
                continue
            try:
                files = list_source(source, base, digests)
                changed = pins.get(source.name, {}).get("digest") != files_digest(files)
                again = _search(source, base, files, wanted)
            except (UserError, EnvironmentFailure) as error:
                found.update(dict.fromkeys(wanted, Gone(error.message)))
                continue
            for id, page in wanted.items():
                now = again.get(id)
                if changed and (now is None or not _same(now, page)):
                    found[id] = Gone(f"source {source.name} has other files now")
                else:
                    found[id] = replace(now, locator=page.locator) if now and changed else now
    return found


def _search(source: SourceConfig, base: Path, files: list[SourceFile], wanted: Mapping[str, Page]) -> dict[str, Page]:
    found: dict[str, Page] = {}
    by_path = {file.path: file for file in files}
    holding: dict[str, set[str]] = {}
    for id, page in wanted.items():
        for path in _holding(page.locator, by_path):
            holding.setdefault(path, set()).add(id)
    left = set(wanted)
    for path, ids in sorted(holding.items()):
        if not left & ids:
            continue
        for item in read_file(source, base, by_path[path]):
            if not isinstance(item, Page) or item.id not in left & ids:
                continue
            # Of several pages with an id, the one that was read; else the one where it was.
            if _same(item, wanted[item.id]):
                left.discard(item.id)
                found[item.id] = item
            elif item.locator == wanted[item.id].locator:
                found[item.id] = item
            if not left & ids:
                break
    return found


def _same(one: Page, two: Page) -> bool:
    """Whether two pages are one, wherever they were found."""
    return replace(one, locator="") == replace(two, locator="")


def _holding(locator: str, files: Mapping[str, SourceFile]) -> Iterable[str]:
    """The file that a locator names, or all of them where it names none."""
    if locator in files:
        return [locator]
    for end in range(len(locator) - 1, 0, -1):
        if locator[end] in _BEHIND_PATH and locator[:end] in files:
            return [locator[:end]]
    return files
